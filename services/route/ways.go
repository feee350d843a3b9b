// SPDX-License-Identifier: Apache-2.0

package route

import (
	"net/netip"
	"slices"

	kroute "ucid/internal/kind/route"
)

// source reads the preferred source address of IPv4, or for IPv6 the network whose packets
// the route serves.
func (d *draft) source() {
	text, ipv6 := d.r.Source, d.r.ipv6()
	if text == "" {
		return
	}
	p, _, fault := parsePrefix(text, "", ipv6)
	if fault == "" && ipv6 {
		fault = hostBits(p)
	}
	switch {
	case fault != "":
		d.wrong("source", "'%s' %s", text, fault)
	case ipv6:
		d.out.Src, _ = parseSelector(text, ipv6)
	case !p.IsSingleIP():
		d.wrong("source", "'%s' is a network; for IPv4 it is one address of this router, '%s'", text, p.Addr())
	default:
		d.out.PrefSrc = p.Addr()
	}
}

// maxMTU is what the kernel makes of a larger one (fib_metrics.c).
const maxMTU = 65535 - 15

// forever is the lifetime that means no end (INFINITY_LIFE_TIME).
const forever = 1<<32 - 1

// numbers reads mtu, tos, valid and proto.
func (d *draft) numbers() {
	r, least := d.r, uint32(68) // RFC 791
	if r.ipv6() {
		least = 1280 // RFC 8200
	}
	if r.MTU != 0 && (r.MTU < least || r.MTU > maxMTU) {
		d.wrong("mtu", "'%d' is not from %d to %d", r.MTU, least, maxMTU)
	}
	switch {
	case r.TOS != 0 && r.ipv6():
		d.wrong("tos", "is of IPv4 alone; use a rule6")
	case r.TOS&3 != 0:
		d.wrong("tos", "'%d' has its two lowest bits set, which are ECN's; say %d", r.TOS, r.TOS&^3)
	}
	if r.Valid != nil && *r.Valid == 0 {
		d.wrong("valid", "'0' would end the route at once; say disabled '1', or leave it out")
	}
	if r.Valid != nil && *r.Valid != forever {
		d.out.Valid = *r.Valid
	}
	d.out.MTU, d.out.TOS = r.MTU, r.TOS
	protocol, ok := d.protocol(r.Meta, r.Proto)
	d.out.Protocol, d.bad = protocol, d.bad || !ok
}

// ways reads where the packets go.
func (d *draft) ways() {
	r := d.r
	switch {
	case d.out.Type.Drops() && (r.Gateway != "" || len(r.Nexthops) > 0):
		d.wrong(d.gatewayOption(), "has no use: a route of type '%s' ends here; remove it or the type", d.out.Type)
	case len(r.Nexthops) > 0 && r.Gateway != "":
		d.wrong("nexthop", "and gateway exclude each other; write the gateway as one more nexthop")
	case len(r.Nexthops) > 0:
		d.nexthops()
	case r.Gateway != "":
		d.gateway()
	}
	if d.bad || d.out.Type.Drops() || len(r.Nexthops) > 0 {
		return
	}
	d.out.Onlink = r.Onlink
	switch {
	case r.Onlink && !d.out.Gateway.IsValid():
		d.wrong("onlink", "has no use without a gateway")
	case d.out.Dev == "" && d.out.Type == kroute.Local:
		d.out.Dev = "lo"
	case d.out.Dev == "":
		d.bad = true
		d.object(r.Meta, "the route goes nowhere: say gateway, interface or device, or a type such as blackhole")
	}
}

func (d *draft) gatewayOption() string {
	if d.r.Gateway != "" {
		return "gateway"
	}
	return "nexthop"
}

// gateway reads the one next hop and finds the device it is on.
func (d *draft) gateway() {
	gateway, ok := d.address(d.r.Gateway)
	if !ok || gateway.IsUnspecified() { // 0.0.0.0 is netifd's way to say none
		return
	}
	if d.out.Type == kroute.Local {
		d.wrong("gateway", "has no use: a route of type 'local' ends here")
		return
	}
	d.out.Gateway = gateway
	if d.out.Dev != "" {
		d.bad = !d.check(gateway, d.out.Dev) || d.bad
		return
	}
	if d.r.Interface != "" { // what is wrong with that was said
		return
	}
	if d.out.Dev, ok = d.deviceFor(gateway); !ok {
		d.wrong("gateway", "'%s' is on no link that is known: say interface or device", gateway)
	}
}

// check makes sure that a gateway is on the link, unless the user says it is.
func (d *draft) check(gateway netip.Addr, dev string) bool {
	return d.r.Onlink || d.neighbour(d.r.Meta, d.gatewayOption(), dev, gateway)
}

// address reads the address of a gateway.
func (d *draft) address(text string) (netip.Addr, bool) {
	a, ok := parseAddr(text, d.r.ipv6())
	if !ok {
		d.wrong("gateway", "'%s' is not %s%s", text, article(d.r.ipv6(), "address"),
			otherFamily(text, d.r.ipv6(), "route", "route6"))
	}
	return a, ok
}

// maxNexthops keeps a route within one netlink message.
const maxNexthops = 256

// nexthops reads the several next hops.
func (d *draft) nexthops() {
	if d.out.Type != kroute.Unicast {
		d.wrong("nexthop", "has no use: only a route of type 'unicast' can have several ways")
		return
	}
	if len(d.r.Nexthops) > maxNexthops {
		d.wrong("nexthop", "is there %d times, which is more than %d", len(d.r.Nexthops), maxNexthops)
		return
	}
	var hops []kroute.Nexthop
	for _, text := range d.r.Nexthops {
		hop, fault := d.hop(text)
		if fault == "" && slices.ContainsFunc(hops, func(h kroute.Nexthop) bool {
			return h.Gateway == hop.Gateway && h.Dev == hop.Dev
		}) {
			fault = "is there twice; say it once with a weight"
		}
		if fault != "" {
			d.bad = true
			d.refuseItem(d.r.Meta, "nexthop", text, "'%s' %s", text, fault)
			continue
		}
		hops = append(hops, hop)
	}
	d.out = d.out.Via(hops...)
	d.out.Onlink = d.r.Onlink
}

// hop reads one next hop. Its device may be named by its logical interface; without one it is
// that of the route, or the one whose link the gateway is on.
func (d *draft) hop(text string) (h kroute.Nexthop, fault string) {
	h, err := kroute.ParseNexthop(text)
	if err != nil {
		return h, "is wrong: " + err.Error()
	}
	if i := d.ifaces[h.Dev]; i != nil && i.device != "" {
		h.Dev = i.device
	}
	switch {
	case h.Gateway.IsValid() && h.Gateway.Is6() != d.r.ipv6():
		return h, "is not " + article(d.r.ipv6(), "gateway")
	case !h.Gateway.IsValid() && d.r.ipv6():
		return h, "has no gateway, which IPv6 needs here"
	case h.Dev == "" && d.out.Dev != "":
		h.Dev = d.out.Dev
	case h.Dev == "":
		var ok bool
		if h.Dev, ok = d.deviceFor(h.Gateway); !ok {
			return h, "is on no link that is known: say ADDRESS@DEVICE"
		}
	case !validDevice(h.Dev):
		return h, "has a device '" + h.Dev + "' that cannot be"
	}
	if h.Gateway.IsValid() && !d.r.Onlink && !d.hosts.reaches(h.Dev, h.Gateway) {
		return h, "is not on the link of " + h.Dev + ", which has " + d.networksOf(h.Dev, h.Gateway)
	}
	return h, ""
}
