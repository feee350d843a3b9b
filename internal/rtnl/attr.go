// SPDX-License-Identifier: Apache-2.0

package rtnl

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// Attrs walks over the attributes in a message:
//
//	for a := (rtnl.Attrs{Rest: body[fixed:]}); a.Next(); { switch a.Kind { … } }
//
// A broken attribute ends the walk.
type Attrs struct {
	Rest  []byte
	Kind  uint16 // without the flags NLA_F_NESTED and NLA_F_NET_BYTEORDER
	Value []byte // valid until the next receive
}

// Next moves to the next attribute and reports whether there is one.
func (a *Attrs) Next() bool {
	if len(a.Rest) < unix.SizeofNlAttr {
		return false
	}
	size := int(native.Uint16(a.Rest))
	if size < unix.SizeofNlAttr || size > len(a.Rest) {
		return false
	}
	a.Kind = native.Uint16(a.Rest[2:]) &^ (unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER)
	a.Value = a.Rest[unix.SizeofNlAttr:size]
	a.Rest = a.Rest[min(align(size), len(a.Rest)):]
	return true
}

// Uint32 is the value, 0 when it is too short.
func (a *Attrs) Uint32() uint32 {
	if len(a.Value) < 4 {
		return 0
	}
	return native.Uint32(a.Value)
}

// Uint8 is the value, 0 when there is none.
func (a *Attrs) Uint8() uint8 {
	if len(a.Value) == 0 {
		return 0
	}
	return a.Value[0]
}

// Addr is the value as an address, the zero Addr when it is none.
func (a *Attrs) Addr() netip.Addr {
	addr, _ := netip.AddrFromSlice(a.Value)
	return addr
}

// Via is the address in an RTA_VIA, behind its family.
func (a *Attrs) Via() netip.Addr {
	if len(a.Value) < 2 {
		return netip.Addr{}
	}
	addr, _ := netip.AddrFromSlice(a.Value[2:])
	return addr
}

// Text is the value without its final zero byte. The conversion to string is the caller's.
func (a *Attrs) Text() []byte {
	if n := len(a.Value); n > 0 && a.Value[n-1] == 0 {
		return a.Value[:n-1]
	}
	return a.Value
}

func align(n int) int { return (n + unix.NLMSG_ALIGNTO - 1) &^ (unix.NLMSG_ALIGNTO - 1) }
