// SPDX-License-Identifier: Apache-2.0

package route

import (
	"net/netip"
	"strings"

	"ucid/internal/kind/addr"
	kroute "ucid/internal/kind/route"
	"ucid/uci"
)

// readAddresses parses the addresses of an interface; those of proto none count for nothing.
func (n *network) readAddresses(i *iface) {
	c := i.cfg
	if c.Proto == "none" {
		if len(c.IPAddr)+len(c.IP6Addr) > 0 {
			n.b.Problem(c.Warning("proto", "proto 'none' has no addresses: ipaddr and ip6addr have no effect; say 'static'"))
		}
		return
	}
	if i.off() {
		return
	}
	i.seen = make(map[netip.Prefix]bool, len(c.IPAddr)+len(c.IP6Addr))
	for _, text := range c.IPAddr {
		n.readAddress(i, "ipaddr", text, c.Netmask, false)
	}
	for _, text := range c.IP6Addr {
		n.readAddress(i, "ip6addr", text, "", true)
	}
	if c.Peer != "" {
		var ok bool
		if i.peer, ok = parseAddr(c.Peer, false); !ok {
			i.broken = true
			n.refuse(c.Meta, "ptpaddr", "'%s' is not an IPv4 address", c.Peer)
		}
	}
}

func (n *network) readAddress(i *iface, option, text, netmask string, ipv6 bool) {
	p, bare, fault := parsePrefix(text, netmask, ipv6)
	before := len(i.seen)
	i.seen[p] = true
	switch {
	case i.wrong >= listed:
		return
	case fault != "":
		other := map[bool]string{false: "; say ip6addr", true: "; say ipaddr"}[ipv6]
		if _, _, wrong := parsePrefix(text, "", !ipv6); wrong != "" {
			other = ""
		}
		i.broken = true
		i.wrong++
		n.refuseItem(i.cfg.Meta, option, text, "'%s' %s%s", text, fault, other)
		return
	case p.Addr().IsUnspecified() || p.Addr().IsMulticast():
		i.broken = true
		i.wrong++
		n.refuseItem(i.cfg.Meta, option, text, "'%s' cannot be the address of an interface", text)
		return
	case len(i.seen) == before:
		i.broken = true
		i.wrong++
		n.refuseItem(i.cfg.Meta, option, text, "'%s' is there twice", text)
		return
	case bare && !ipv6 && i.get("ptpaddr") == "":
		n.b.Problem(i.cfg.Warning(option, "%s '%s' has no netmask, so its network is that one address; "+
			"say '%s/24' or the like", option, text, text))
	}
	i.addrs = append(i.addrs, p)
}

// neighbour checks that a gateway can be reached over the device.
func (n *network) neighbour(m uci.Meta, option, dev string, gateway netip.Addr) bool {
	switch {
	case n.hosts.own[onDevice{dev, gateway}]:
		return n.refuse(m, option, "'%s' is the router's own address on %s; leave it out for a network on that link", gateway, dev)
	case n.hosts.reaches(dev, gateway):
		return true
	}
	return n.refuse(m, option, "'%s' is not on the link of %s, which has %s; correct it, or say onlink '1', or add a route to it",
		gateway, dev, n.networksOf(dev, gateway))
}

// networksOf lists the networks of a device for people, those of one family.
func (n *network) networksOf(dev string, like netip.Addr) string {
	var networks []string
	for _, p := range n.hosts.on[dev] {
		if len(networks) == listed {
			networks = append(networks, "…")
			break
		}
		if p.Addr().Is6() == like.Is6() {
			networks = append(networks, p.String())
		}
	}
	if networks == nil {
		return "no " + family(like.Is6()) + " address"
	}
	return strings.Join(networks, ", ")
}

// firstAddr notes who asks for an address; a second one is refused.
func (n *network) firstAddr(m uci.Meta, a addr.Addr) bool {
	if s := n.addrs[a.Key()]; s != nil && s != m.Section() {
		return n.object(m, "address %s is given to %s already by %s", a.Prefix, a.Dev, place(s))
	}
	n.addrs[a.Key()] = m.Section()
	return true
}

// firstRoute notes who asks for a route; a second one that the kernel could not tell apart
// from it is refused, at the option that asked for it.
func (n *network) firstRoute(m uci.Meta, option string, r kroute.Route) bool {
	if s := n.routes[r.Key()]; s != nil {
		option = written(m, option)
		n.b.Problem(m.Problem(option, "the route to %s is there already: %s; remove one of them or give it another metric"+
			" (for several gateways at once say list nexthop)", r.Key(), place(s)))
		return false
	}
	n.routes[r.Key()] = m.Section()
	return true
}
