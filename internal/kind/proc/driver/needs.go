// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"ucid/internal/engine"
	"ucid/internal/kind/proc"
)

// A process starts when all that it needs is there. What goes away later stops nothing:
// the process may well cope, and if it ends it waits again before the next start.

// needEvery is how often needs are looked at that nobody tells us of.
const needEvery = 200 * time.Millisecond

// needRef is what a need means for the order of changes.
func needRef(need string) engine.Ref {
	kind, name, _ := strings.Cut(need, ":")
	switch kind {
	case "iface":
		return engine.Ref{Kind: "link", Name: name}
	case "route":
		return engine.Ref{Kind: "route"} // which one of them carries the prefix, the engine cannot tell
	}
	return engine.Ref{Kind: kind, Name: name}
}

func checkNeeds(p proc.Proc) error {
	for need := range p.Needs.All() {
		kind, name, _ := strings.Cut(need, ":")
		switch {
		case name == "" || !slices.Contains(proc.NeedKinds, kind):
			return fmt.Errorf("need %q is none of proc:NAME, iface:NAME, file:PATH, route:PREFIX", need)
		case kind == "proc" && name == p.Name:
			return errors.New("the process needs itself")
		case kind == "file" && !filepath.IsAbs(name):
			return fmt.Errorf("need %q: %q is not an absolute path", need, name)
		case kind == "route":
			if _, err := prefixOf(name); err != nil {
				return fmt.Errorf("need %q: %w", need, err)
			}
		}
	}
	return nil
}

// checkCircle refuses a process that could start only after itself.
func (d *Driver) checkCircle(p proc.Proc) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	seen := map[string]bool{}
	var walk func(needs engine.List, by string) error
	walk = func(needs engine.List, by string) error {
		for need := range needs.All() {
			name, ok := strings.CutPrefix(need, "proc:")
			if !ok || seen[name] {
				continue
			}
			if name == p.Name {
				return fmt.Errorf("it needs %s, which needs it: neither could start", by)
			}
			seen[name] = true
			if other := d.procs[name]; other != nil && !other.m.gone {
				if err := walk(other.m.want.Needs, name); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return walk(p.Needs, p.Name)
}

// missing returns the first need that is not there, "" when all are. It is called with the lock.
func (d *Driver) missing(p proc.Proc) string {
	for need := range p.Needs.All() {
		kind, name, _ := strings.Cut(need, ":")
		there := false
		switch kind {
		case "proc":
			other := d.procs[name]
			there = other != nil && !other.m.gone && other.m.st == running
		case "iface":
			there = isUp(name)
		case "file":
			_, err := os.Lstat(name)
			there = err == nil
		case "route":
			there = hasRoute(name)
		}
		if !there {
			return need
		}
	}
	return ""
}

func isUp(name string) bool {
	i, err := net.InterfaceByName(name)
	return err == nil && i.Flags&net.FlagUp != 0 && i.Flags&net.FlagRunning != 0
}

func prefixOf(text string) (netip.Prefix, error) {
	if text == "default" {
		return netip.PrefixFrom(netip.IPv4Unspecified(), 0), nil
	}
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	return p.Masked(), err
}

// hasRoute looks for a route to exactly that prefix in the main table.
func hasRoute(text string) bool {
	prefix, err := prefixOf(text)
	if err != nil {
		return false
	}
	first := prefix.Addr()
	if prefix.Bits() == 0 {
		first = first.Next() // the address 0 means this host
	}
	best, err := netlink.RouteGetWithOptions(first.AsSlice(), &netlink.RouteGetOptions{FIBMatch: true})
	if err != nil || len(best) == 0 {
		return false
	}
	if bits := bitsOf(best[0].Dst); bits <= prefix.Bits() {
		return bits == prefix.Bits()
	}
	// A longer prefix hides the one that is asked for.
	family := netlink.FAMILY_V4
	if prefix.Addr().Is6() {
		family = netlink.FAMILY_V6
	}
	dst := &net.IPNet{IP: prefix.Addr().AsSlice(), Mask: net.CIDRMask(prefix.Bits(), prefix.Addr().BitLen())}
	filter := &netlink.Route{Table: unix.RT_TABLE_MAIN, Dst: dst}
	routes, err := netlink.RouteListFiltered(family, filter, netlink.RT_FILTER_TABLE|netlink.RT_FILTER_DST)
	return err == nil && len(routes) > 0
}

// bitsOf is the length of a destination; none is the default route's.
func bitsOf(dst *net.IPNet) int {
	if dst == nil {
		return 0
	}
	n, _ := dst.Mask.Size()
	return n
}

// lookAtNeeds starts those whose needs are there by now, and looks again while there are
// others.
func (d *Driver) lookAtNeeds() {
	if d.closed {
		return
	}
	waiting := d.waiting
	d.waiting = nil
	for _, p := range waiting {
		p.goOn()
	}
	d.lookLater()
}

func (d *Driver) lookLater() { d.lookIn(needEvery) }

// lookSoon is called when something happened to a process that others may need. The look
// is not taken in the middle of that.
func (d *Driver) lookSoon() { d.lookIn(0) }

func (d *Driver) lookIn(t time.Duration) {
	if len(d.waiting) == 0 {
		return
	}
	if d.looking == nil {
		d.looking = time.AfterFunc(t, func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.lookAtNeeds()
		})
		return
	}
	d.looking.Reset(t)
}

// goOn is a second look at a process that waits to be forked.
func (p *process) goOn() {
	if !p.m.up || p.m.held || p.m.gone {
		p.m.dropped()
		return
	}
	p.m.run, p.m.fresh = p.m.want, false // it may have changed meanwhile
	p.spawn(p.m.run)
}

// dependants reports whether processes that are being removed need this one still.
func (d *Driver) dependants(name string) bool {
	for _, other := range d.procs {
		if other.m.gone && other.name != name && slices.Contains(other.m.run.Needs.Slice(), "proc:"+name) {
			return true
		}
	}
	return false
}

// remove stops those that go, dependants first.
func (d *Driver) remove(all []*process) {
	for _, p := range all {
		p.m.gone = true
	}
	for _, p := range all {
		if d.dependants(p.name) {
			_ = p.save()
			d.parked[p] = struct{}{}
			continue
		}
		p.m.remove()
	}
	d.breakCircle()
}

// breakCircle stops all that are parked when nothing is on its way that they could wait for:
// they need each other.
func (d *Driver) breakCircle() {
	for _, p := range d.procs {
		if _, parked := d.parked[p]; p.m.gone && !parked {
			return
		}
	}
	for p := range d.parked {
		delete(d.parked, p)
		p.m.remove()
	}
}

// unpark stops those whose last dependant is gone.
func (d *Driver) unpark() {
	for p := range d.parked {
		if !p.m.gone {
			delete(d.parked, p)
		} else if !d.dependants(p.name) {
			delete(d.parked, p)
			p.m.remove()
		}
	}
	d.breakCircle()
}
