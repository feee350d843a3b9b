// SPDX-License-Identifier: Apache-2.0

// Package rtnl speaks rtnetlink in batches: up to 256 requests in one system call with one
// acknowledgement, each error mapped back to its request and told in the kernel's words,
// and dumps the kernel filters, without an allocation for each object.
//
// It knows the frame of the protocol, netlink(7) and rtnetlink(7), and the devices that
// everything else refers to, but nothing of routes, addresses or rules. Numbers are in the
// byte order of the machine, as the kernel wants them.
package rtnl

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

var native = binary.NativeEndian

// A Message is a request under construction. Attributes are added in the order of the calls.
type Message struct {
	buf   []byte
	start int // of this message in buf
}

// Begin starts the request: its type (RTM_*), flags (NLM_F_*; REQUEST is always set), and
// the fixed part behind the netlink header.
func (m *Message) Begin(kind, flags uint16, fixed []byte) {
	m.start = len(m.buf)
	var header [unix.SizeofNlMsghdr]byte
	native.PutUint16(header[4:], kind)
	native.PutUint16(header[6:], flags|unix.NLM_F_REQUEST)
	m.buf = append(m.buf, header[:]...)
	m.buf = append(m.buf, fixed...)
	m.pad()
}

func (m *Message) pad() {
	for len(m.buf)%unix.NLMSG_ALIGNTO != 0 {
		m.buf = append(m.buf, 0)
	}
}

// finish writes what is known only at the end.
func (m *Message) finish(seq uint32) {
	native.PutUint32(m.buf[m.start:], uint32(len(m.buf)-m.start))
	native.PutUint32(m.buf[m.start+8:], seq)
}

func (m *Message) addFlags(flags uint16) {
	at := m.buf[m.start+6:]
	native.PutUint16(at, native.Uint16(at)|flags)
}

func (m *Message) attr(kind uint16, size int) {
	m.buf = native.AppendUint16(m.buf, uint16(unix.SizeofNlAttr+size))
	m.buf = native.AppendUint16(m.buf, kind)
}

// Bytes adds an attribute.
func (m *Message) Bytes(kind uint16, value []byte) {
	m.attr(kind, len(value))
	m.buf = append(m.buf, value...)
	m.pad()
}

// Uint32 adds an attribute.
func (m *Message) Uint32(kind uint16, value uint32) {
	m.attr(kind, 4)
	m.buf = native.AppendUint32(m.buf, value)
}

// Uint8 adds an attribute.
func (m *Message) Uint8(kind uint16, value uint8) {
	m.attr(kind, 1)
	m.buf = append(m.buf, value)
	m.pad()
}

// Text adds an attribute that ends with a zero byte, as names of devices do.
func (m *Message) Text(kind uint16, value string) {
	m.attr(kind, len(value)+1)
	m.buf = append(m.buf, value...)
	m.buf = append(m.buf, 0)
	m.pad()
}

// Addr adds an attribute of 4 or 16 bytes.
func (m *Message) Addr(kind uint16, a netip.Addr) {
	m.attr(kind, a.BitLen()/8)
	m.appendAddr(a)
}

func (m *Message) appendAddr(a netip.Addr) {
	if a.Is4() {
		b := a.As4()
		m.buf = append(m.buf, b[:]...)
		return
	}
	b := a.As16()
	m.buf = append(m.buf, b[:]...)
}

// Via adds an attribute that holds its address family before the address (RTA_VIA).
func (m *Message) Via(kind uint16, a netip.Addr) {
	m.attr(kind, 2+a.BitLen()/8)
	m.buf = native.AppendUint16(m.buf, uint16(Family(a)))
	m.appendAddr(a)
	m.pad()
}

// Nest starts an attribute that holds attributes and returns what End wants.
func (m *Message) Nest(kind uint16) int {
	at := len(m.buf)
	m.attr(kind, 0)
	return at
}

// Raw adds bytes that are no attribute, as the rtnexthop inside RTA_MULTIPATH, and returns
// where they are. Their first two bytes are their length when End is called for them.
func (m *Message) Raw(b []byte) int {
	at := len(m.buf)
	m.buf = append(m.buf, b...)
	m.pad()
	return at
}

// End closes what Nest or Raw started.
func (m *Message) End(at int) {
	native.PutUint16(m.buf[at:], uint16(len(m.buf)-at))
}

// Family is AF_INET or AF_INET6.
func Family(a netip.Addr) uint8 {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}
