// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"ucid/internal/engine"
	"ucid/internal/kind/route"
)

// problem says what could not be done to which route.
func problem(verb string, r *route.Route, err error) error {
	return fmt.Errorf("cannot %s %s: %w", verb, r, err)
}

// taken says that the route of somebody else is in the place. The engine finds that out
// before; it came in between.
func taken(verb string, r *route.Route, by string) error {
	return &engine.Pending{
		Err:  problem(verb, r, fmt.Errorf("its place is taken by a route of %s", by)),
		Cure: "when that one goes",
	}
}

// missingDevice returns what to wait for when a device of the route is not there.
func (d *Driver) missingDevice(r *route.Route) error {
	dev := d.absent(r)
	if dev == "" {
		return nil
	}
	return &engine.Pending{
		Err:  problem("install", r, fmt.Errorf("there is no device %s", dev)),
		Cure: "when " + dev + " appears",
	}
}

func (d *Driver) absent(r *route.Route) string {
	if r.Nexthops.Empty() {
		if _, ok := d.devices.Find(r.Dev); !ok {
			return r.Dev
		}
		return ""
	}
	hops, _ := r.Hops()
	for _, h := range hops {
		if _, ok := d.devices.Find(h.Dev); !ok && h.Dev != "" {
			return h.Dev
		}
	}
	return ""
}

// refusal turns the kernel's refusal to install r into an error that says what would cure it.
func (d *Driver) refusal(r *route.Route, err error) error {
	cure, curable := d.cure(r, err)
	err = problem("install", r, err)
	if !curable {
		return err
	}
	return &engine.Pending{Err: err, Cure: cure}
}

func (d *Driver) cure(r *route.Route, err error) (cure string, curable bool) {
	switch {
	case errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENXIO):
		return "when " + d.ways(r) + " appears", true
	case errors.Is(err, unix.ENETDOWN):
		return "when " + d.down(r) + " comes up", true
	case errors.Is(err, unix.ENETUNREACH), errors.Is(err, unix.EHOSTUNREACH):
		return "when " + gateways(r) + " becomes reachable", true
	case errors.Is(err, unix.EADDRNOTAVAIL), refusesSource(r, err):
		return "when " + r.PrefSrc.String() + " is on a device", true
	case errors.Is(err, unix.ENOBUFS), errors.Is(err, unix.ENOMEM):
		return "", true
	}
	return "", false
}

// refusesSource tells from the kernel's words that the preferred source is on no device:
// the number, EINVAL, is that of every mistake.
func refusesSource(r *route.Route, err error) bool {
	if !r.PrefSrc.IsValid() || !errors.Is(err, unix.EINVAL) {
		return false
	}
	text := err.Error()
	return strings.Contains(text, "prefsrc") || strings.Contains(text, "source address")
}

// down names the device of the route that is down, all of them when none is.
func (d *Driver) down(r *route.Route) string {
	for _, name := range devicesOf(r) {
		if dev, ok := d.devices.Find(name); ok && dev.Flags&unix.IFF_UP == 0 {
			return name
		}
	}
	return d.ways(r)
}

func (d *Driver) ways(r *route.Route) string {
	if names := devicesOf(r); len(names) > 0 {
		return strings.Join(names, " or ")
	}
	return "its device"
}

func devicesOf(r *route.Route) []string {
	if r.Dev != "" {
		return []string{r.Dev}
	}
	var names []string
	hops, _ := r.Hops()
	for _, h := range hops {
		if h.Dev != "" {
			names = append(names, h.Dev)
		}
	}
	return names
}

func gateways(r *route.Route) string {
	if r.Gateway.IsValid() {
		return r.Gateway.String()
	}
	var names []string
	hops, _ := r.Hops()
	for _, h := range hops {
		if h.Gateway.IsValid() {
			names = append(names, h.Gateway.String())
		}
	}
	if len(names) == 0 {
		return r.Dst.String()
	}
	return strings.Join(names, " or ")
}
