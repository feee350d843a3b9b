// SPDX-License-Identifier: Apache-2.0

// Package route holds the route as an object: what a service asks for and what its driver
// finds in the kernel. Terms and ranges are those of ip-route(8) and rtnetlink(7).
package route

import (
	"fmt"
	"net/netip"
	"strings"

	"ucid/internal/engine"
)

// Kind is the name of the kind.
const Kind = "route"

// Route is one entry of a routing table.
type Route struct {
	Table    uint32       // 1 to 2³²-1; 254 is main
	Dst      netip.Prefix // masked; never the zero Prefix: the default route is 0.0.0.0/0 or ::/0
	Src      netip.Prefix // IPv6 only, masked: the route serves packets from here alone; zero: from anywhere
	TOS      uint8        // IPv4 only
	Metric   uint32       // smaller wins; for IPv6 never 0, the kernel makes that 1024
	Type     Type         // zero is not a type: say Unicast
	Gateway  netip.Addr   // zero: the destination is on the link; without zone
	Dev      string       // name of the device; empty for types that drop packets, and with Nexthops
	PrefSrc  netip.Addr   // source address for packets of our own; zero: the kernel chooses
	MTU      uint32       // 0: the device's
	Onlink   bool         // the gateway is on the link whatever the addresses say
	Protocol uint8        // 0: ours, by which we know what is ours (rtm_protocol)
	Valid    uint32       // seconds the route lives from the time it was made; 0: for ever
	Nexthops engine.List  // several ways at once, by [MakeNexthops]; then Gateway and Dev are empty
}

// Key is what the kernel allows once.
type Key struct {
	Table    uint32
	Dst, Src netip.Prefix
	TOS      uint8
	Metric   uint32
}

// Key returns the identity of r.
func (r Route) Key() Key { return Key{r.Table, r.Dst, r.Src, r.TOS, r.Metric} }

func (k Key) String() string {
	var b strings.Builder
	b.WriteString(k.Dst.String())
	if k.Src.IsValid() {
		fmt.Fprintf(&b, " from %s", k.Src)
	}
	if k.TOS != 0 {
		fmt.Fprintf(&b, " tos %#x", k.TOS)
	}
	if k.Metric != 0 {
		fmt.Fprintf(&b, " metric %d", k.Metric)
	}
	if k.Table != TableMain {
		fmt.Fprintf(&b, " table %d", k.Table)
	}
	return b.String()
}

// String is what ip-route(8) would be told.
func (r Route) String() string {
	var b strings.Builder
	if r.Type != Unicast {
		fmt.Fprintf(&b, "%s ", r.Type)
	}
	b.WriteString(r.Dst.String())
	if r.Src.IsValid() {
		fmt.Fprintf(&b, " from %s", r.Src)
	}
	if r.TOS != 0 {
		fmt.Fprintf(&b, " tos %#x", r.TOS)
	}
	if r.Gateway.IsValid() {
		fmt.Fprintf(&b, " via %s", r.Gateway)
	}
	if r.Dev != "" {
		fmt.Fprintf(&b, " dev %s", r.Dev)
	}
	for hop := range r.Nexthops.All() {
		fmt.Fprintf(&b, " nexthop %s", hop)
	}
	if r.PrefSrc.IsValid() {
		fmt.Fprintf(&b, " src %s", r.PrefSrc)
	}
	if r.Metric != 0 {
		fmt.Fprintf(&b, " metric %d", r.Metric)
	}
	if r.MTU != 0 {
		fmt.Fprintf(&b, " mtu %d", r.MTU)
	}
	if r.Table != TableMain {
		fmt.Fprintf(&b, " table %d", r.Table)
	}
	if r.Onlink {
		b.WriteString(" onlink")
	}
	if r.Valid != 0 {
		fmt.Fprintf(&b, " valid %ds", r.Valid)
	}
	return b.String()
}

// Tables every kernel has (linux/rtnetlink.h).
const (
	TableDefault = 253
	TableMain    = 254
	TableLocal   = 255
)

// Type is what happens to a packet that matches (RTN_* in linux/rtnetlink.h).
type Type uint8

const (
	Unicast Type = iota + 1
	Local
	Broadcast
	Anycast
	Multicast
	Blackhole
	Unreachable
	Prohibit
	Throw
	NAT
	XResolve
)

var typeNames = [...]string{"unspec", "unicast", "local", "broadcast", "anycast", "multicast",
	"blackhole", "unreachable", "prohibit", "throw", "nat", "xresolve"}

func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return fmt.Sprintf("type%d", uint8(t))
}

// Drops reports whether packets end here, so that the route has no device.
func (t Type) Drops() bool { return t >= Blackhole && t <= Throw }
