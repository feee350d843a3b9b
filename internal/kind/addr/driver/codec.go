// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"

	"ucid/internal/kind/addr"
	"ucid/internal/rtnl"
)

// protocolAttr is IFA_PROTO.
const protocolAttr = 11

// look reads all devices and addresses.
func (d *Driver) look() error {
	if err := d.devices.Load(d.conn); err != nil {
		return err
	}
	return d.conn.Dump(func(m *rtnl.Message) {
		m.Begin(unix.RTM_GETADDR, 0, make([]byte, unix.SizeofIfAddrmsg))
	}, func() {
		clear(d.found)
		d.order = d.order[:0]
	}, func(kind uint16, body []byte) bool {
		if kind == unix.RTM_NEWADDR {
			if r, ok := d.decode(body); ok {
				d.note(r)
			}
		}
		return true
	})
}

// note keeps an address. IPv4 may have one twice, with two peers: the first one counts.
func (d *Driver) note(r record) {
	key := r.addr.Key()
	if _, twice := d.found[key]; twice {
		return
	}
	d.found[key] = r
	d.order = append(d.order, key)
}

// decode reads one address. Where the link has another end, IFA_LOCAL is ours and
// IFA_ADDRESS that of the other; else they are the same, and IPv6 sends only the latter.
func (d *Driver) decode(body []byte) (r record, ok bool) {
	if len(body) < unix.SizeofIfAddrmsg || body[0] != unix.AF_INET && body[0] != unix.AF_INET6 {
		return r, false
	}
	var local, address netip.Addr
	r.flags = uint32(body[2])
	r.index = int(binary.NativeEndian.Uint32(body[4:]))
	for a := (rtnl.Attrs{Rest: body[unix.SizeofIfAddrmsg:]}); a.Next(); {
		switch a.Kind {
		case unix.IFA_LOCAL:
			local = a.Addr()
		case unix.IFA_ADDRESS:
			address = a.Addr()
		case unix.IFA_BROADCAST:
			r.addr.Broadcast = a.Addr()
		case unix.IFA_FLAGS:
			r.flags = a.Uint32()
		case protocolAttr:
			r.protocol = a.Uint8()
		}
	}
	if !local.IsValid() {
		local = address
	}
	if address != local {
		r.addr.Peer = address
	}
	r.addr.Dev = d.devices.Name(r.index)
	r.addr.Prefix = netip.PrefixFrom(local, int(body[1]))
	r.addr.NoRoute = r.flags&unix.IFA_F_NOPREFIXROUTE != 0
	return r, local.IsValid() && r.addr.Dev != ""
}

// encode makes a request about the address of a device.
func (d *Driver) encode(m *rtnl.Message, kind, flags uint16, a *addr.Addr, index int) {
	own := a.Prefix.Addr()
	header := [unix.SizeofIfAddrmsg]byte{0: rtnl.Family(own), 1: uint8(a.Prefix.Bits())}
	binary.NativeEndian.PutUint32(header[4:], uint32(index))
	m.Begin(kind, flags, header[:])
	m.Addr(unix.IFA_LOCAL, own)
	if a.Peer.IsValid() {
		m.Addr(unix.IFA_ADDRESS, a.Peer)
	} else {
		m.Addr(unix.IFA_ADDRESS, own)
	}
	if kind == unix.RTM_DELADDR {
		return
	}
	if a.Broadcast.IsValid() {
		m.Addr(unix.IFA_BROADCAST, a.Broadcast)
	}
	if a.NoRoute {
		m.Uint32(unix.IFA_FLAGS, unix.IFA_F_NOPREFIXROUTE)
	}
	m.Uint8(protocolAttr, d.options.Protocol)
}
