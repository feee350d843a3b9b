// SPDX-License-Identifier: Apache-2.0

package route

import (
	"net/netip"
	"strings"

	"ucid/internal/kind/link"
)

// onlink knows which neighbours a gateway may be, by what the configuration says.
type onlink struct {
	networks prefixes                  // of static interfaces
	on       map[string][]netip.Prefix // the same by device, for people
	open     map[string]bool           // devices that others give addresses too
	own      map[onDevice]bool         // addresses of the router
	routes   prefixes                  // routes without a gateway
	observed prefixes                  // networks on all devices of the system
	asked    bool                      // whether observed was
}

type onDevice struct {
	dev  string
	addr netip.Addr
}

// linkRoutes collects what makes neighbours reachable: addresses and routes to a device.
func (n *network) linkRoutes(c *Config) onlink {
	o := onlink{on: map[string][]netip.Prefix{}, open: map[string]bool{}, own: map[onDevice]bool{}}
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
	for _, p := range i.addrs {
		o.addNetwork(i.device, p)
		o.own[onDevice{i.device, p.Addr()}] = true
	}
	if i.peer.IsValid() {
		o.addNetwork(i.device, netip.PrefixFrom(i.peer, i.peer.BitLen()))
	}
}

func (o *onlink) addNetwork(dev string, p netip.Prefix) {
	o.networks.add(p, dev)
	o.on[dev] = append(o.on[dev], p.Masked())
}

func (n *network) addLinkRoute(o *onlink, r *Route) {
	if r.Disabled || r.Gateway != "" || len(r.Nexthops) > 0 || r.Kind != "" && r.Kind != "unicast" {
		return
	}
	device := n.quietDevice(r)
	p, _, fault := parsePrefix(r.Target, r.Netmask, r.ipv6())
	if fault == "" && device != "" {
		o.routes.add(p, device)
	}
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
	if len(o.on[dev]) == 0 || o.open[dev] || gateway.IsLinkLocalUnicast() {
		return true
	}
	return o.networks.holds(gateway, dev) || o.routes.holds(gateway, dev)
}

// deviceFor finds the device on whose link a gateway is: by static interfaces, by routes, and
// then by the addresses the system has. A default route leads to no neighbour in particular.
func (n *network) deviceFor(gateway netip.Addr) (string, bool) {
	if gateway.IsLinkLocalUnicast() {
		return "", false
	}
	if device, ok := n.hosts.networks.device(gateway, 0); ok {
		return device, true
	}
	if device, ok := n.hosts.routes.device(gateway, 1); ok {
		return device, true
	}
	n.observe()
	return n.hosts.observed.device(gateway, 0)
}

// observe asks once for the networks of all addresses the system has.
func (n *network) observe() {
	if n.hosts.asked {
		return
	}
	n.hosts.asked = true
	for device, addresses := range n.b.Facts(link.Addresses) {
		for text := range strings.FieldsSeq(addresses) {
			if p, err := netip.ParsePrefix(text); err == nil {
				n.hosts.observed.add(p, device)
			}
		}
	}
}
