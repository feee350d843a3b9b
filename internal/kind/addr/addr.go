// SPDX-License-Identifier: Apache-2.0

// Package addr holds the address of an interface as an object. Terms are those of
// ip-address(8).
package addr

import (
	"net/netip"
	"strings"
)

// Kind is the name of the kind.
const Kind = "addr"

// Addr is an address on a device.
type Addr struct {
	Dev       string
	Prefix    netip.Prefix // the address itself with the length of its network, not masked
	Peer      netip.Addr   // other end of a point-to-point link; zero: none
	Broadcast netip.Addr   // IPv4; zero: none
	NoRoute   bool         // the kernel makes no route to the network (IFA_F_NOPREFIXROUTE)
}

// Key is what the kernel allows once.
type Key struct {
	Dev    string
	Prefix netip.Prefix
}

// Key returns the identity of a.
func (a Addr) Key() Key { return Key{a.Dev, a.Prefix} }

func (k Key) String() string { return k.Prefix.String() + " dev " + k.Dev }

// String is what ip-address(8) would be told.
func (a Addr) String() string {
	var b strings.Builder
	b.WriteString(a.Prefix.String())
	if a.Peer.IsValid() {
		b.WriteString(" peer " + a.Peer.String())
	}
	if a.Broadcast.IsValid() {
		b.WriteString(" brd " + a.Broadcast.String())
	}
	b.WriteString(" dev " + a.Dev)
	if a.NoRoute {
		b.WriteString(" noprefixroute")
	}
	return b.String()
}
