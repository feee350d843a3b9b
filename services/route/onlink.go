// SPDX-License-Identifier: Apache-2.0

package route

import (
	"net/netip"
	"slices"
	"strings"

	"ucid/internal/kind/link"
)

// onlink knows which neighbours a gateway may be, by what the configuration says.
type onlink struct {
	networks []netAt                   // of static interfaces
	static   map[string]bool           // devices that have a static interface with addresses
	open     map[string]bool           // devices that others give addresses too
	routes   map[netip.Prefix][]string // devices of routes without a gateway
	observed []netAt                   // networks on all devices of the system; nil: not asked yet
	asked    bool
}

// netAt is a network on a device; the prefix keeps the address of the device in it.
type netAt struct {
	dev    string
	prefix netip.Prefix
	peer   bool // the other end of a point-to-point link
}

// linkRoutes collects what makes neighbours reachable: addresses and routes to a device.
func (n *network) linkRoutes(c *Config) onlink {
	o := onlink{static: map[string]bool{}, open: map[string]bool{}, routes: map[netip.Prefix][]string{}}
	for _, i := range n.order {
		o.addInterface(i)
	}
	for _, routes := range [][]Route{c.Routes, c.Routes6} {
		for k := range routes {
			n.addLinkRoute(&o, &routes[k])
		}
	}
	return o
}

func (o *onlink) addInterface(i *iface) {
	if i.device == "" || i.off() {
		return
	}
	if i.cfg == nil || i.broken || len(i.addrs) == 0 {
		o.open[i.device] = true
		return
	}
	o.static[i.device] = true
	for _, p := range i.addrs {
		o.networks = append(o.networks, netAt{dev: i.device, prefix: p})
	}
	if i.peer.IsValid() {
		o.networks = append(o.networks, netAt{i.device, netip.PrefixFrom(i.peer, i.peer.BitLen()), true})
	}
}

func (n *network) addLinkRoute(o *onlink, r *Route) {
	if r.Disabled || r.Gateway != "" || len(r.Nexthops) > 0 || r.Kind != "" && r.Kind != "unicast" {
		return
	}
	device := n.quietDevice(r)
	p, _, fault := parsePrefix(r.Target, r.Netmask, r.ipv6())
	if fault != "" || device == "" || slices.Contains(o.routes[p], device) {
		return
	}
	o.routes[p] = append(o.routes[p], device)
}

// quietDevice is the device a route names, "" when there is none or it is wrong.
func (n *network) quietDevice(r *Route) string {
	name, alias := strings.CutPrefix(r.Device, "@")
	if r.Interface != "" {
		name, alias = r.Interface, true
	}
	if !alias {
		return name
	}
	if i := n.ifaces[name]; i != nil {
		return i.device
	}
	device, _ := n.b.Device(name)
	return device
}

// reaches reports whether a gateway can be a neighbour on the device. On a device whose
// addresses do not all stand in the configuration it may be.
func (o *onlink) reaches(dev string, gateway netip.Addr) bool {
	if !o.static[dev] || o.open[dev] || gateway.IsLinkLocalUnicast() {
		return true
	}
	for _, at := range o.networks {
		if at.dev == dev && at.prefix.Contains(gateway) {
			return true
		}
	}
	_, ok := o.byRoute(gateway, 0, dev)
	return ok
}

// byRoute finds the device of the longest route without a gateway that holds the address. An
// empty dev means any device.
func (o *onlink) byRoute(a netip.Addr, shortest int, dev string) (string, bool) {
	if len(o.routes) == 0 {
		return "", false
	}
	for length := a.BitLen(); length >= shortest; length-- {
		p, _ := a.Prefix(length)
		for _, device := range o.routes[p] {
			if dev == "" || dev == device {
				return device, true
			}
		}
	}
	return "", false
}

// own reports whether an address is one of the router's on the device.
func (o *onlink) own(dev string, a netip.Addr) bool {
	return slices.ContainsFunc(o.networks, func(at netAt) bool {
		return at.dev == dev && at.prefix.Addr() == a && !at.peer
	})
}

// deviceFor finds the device on whose link a gateway is.
func (n *network) deviceFor(gateway netip.Addr) (string, bool) {
	if device, known := n.via[gateway]; known {
		return device, device != ""
	}
	device := n.search(gateway)
	n.via[gateway] = device
	return device, device != ""
}

func (n *network) search(gateway netip.Addr) string {
	if gateway.IsLinkLocalUnicast() {
		return ""
	}
	if device := longest(n.hosts.networks, gateway); device != "" {
		return device
	}
	if device, ok := n.hosts.byRoute(gateway, 1, ""); ok {
		return device
	}
	return longest(n.observed(), gateway)
}

// longest finds the device of the longest of the networks that hold an address.
func longest(networks []netAt, a netip.Addr) string {
	device, length := "", -1
	for _, at := range networks {
		if at.prefix.Bits() > length && at.prefix.Contains(a) {
			device, length = at.dev, at.prefix.Bits()
		}
	}
	return device
}

// observed are the networks of all addresses the system has.
func (n *network) observed() []netAt {
	if n.hosts.asked {
		return n.hosts.observed
	}
	n.hosts.asked = true
	for device, addresses := range n.b.Facts(link.Addresses) {
		for text := range strings.FieldsSeq(addresses) {
			if p, err := netip.ParsePrefix(text); err == nil {
				n.hosts.observed = append(n.hosts.observed, netAt{dev: device, prefix: p})
			}
		}
	}
	return n.hosts.observed
}
