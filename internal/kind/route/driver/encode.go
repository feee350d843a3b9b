// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"

	"ucid/internal/kind/route"
	"ucid/internal/rtnl"
)

// encode makes the request that adds a route: flags are NLM_F_*. Its devices are there,
// see missingDevice.
func (d *Driver) encode(m *rtnl.Message, flags uint16, r *route.Route) {
	d.begin(m, unix.RTM_NEWROUTE, flags, r, scope(r))
	if r.PrefSrc.IsValid() {
		m.Addr(unix.RTA_PREFSRC, r.PrefSrc)
	}
	if r.MTU != 0 {
		metrics := m.Nest(unix.RTA_METRICS)
		m.Uint32(unix.RTAX_MTU, r.MTU)
		m.End(metrics)
	}
	d.encodeWay(m, r)
}

// encodeRemoval names the route in full, so that no other one with the same prefix is hit.
func (d *Driver) encodeRemoval(m *rtnl.Message, r *route.Route) {
	d.begin(m, unix.RTM_DELROUTE, 0, r, unix.RT_SCOPE_NOWHERE)
	if r.PrefSrc.IsValid() && r.Dst.Addr().Is4() {
		m.Addr(unix.RTA_PREFSRC, r.PrefSrc)
	}
	d.encodeWay(m, r)
}

// begin writes what both have: the place of the route, its type and its protocol.
func (d *Driver) begin(m *rtnl.Message, kind, flags uint16, r *route.Route, scope uint8) {
	header := [unix.SizeofRtMsg]byte{
		0: rtnl.Family(r.Dst.Addr()),
		1: uint8(r.Dst.Bits()),
		3: r.TOS,
		4: unix.RT_TABLE_UNSPEC, // RTA_TABLE has room for all of them
		5: d.protocol(r),
		6: scope,
		7: uint8(r.Type),
	}
	if r.Src.IsValid() {
		header[2] = uint8(r.Src.Bits())
	}
	if r.Onlink {
		binary.NativeEndian.PutUint32(header[8:], unix.RTNH_F_ONLINK)
	}
	m.Begin(kind, flags, header[:])
	m.Uint32(unix.RTA_TABLE, r.Table)
	m.Addr(unix.RTA_DST, r.Dst.Addr())
	if r.Src.IsValid() {
		m.Addr(unix.RTA_SRC, r.Src.Addr())
	}
	if r.Metric != 0 {
		m.Uint32(unix.RTA_PRIORITY, r.Metric)
	}
}

// scope is how far the destination is, for IPv4; the kernel checks the gateway by it.
func scope(r *route.Route) uint8 {
	if r.Dst.Addr().Is6() || r.Type.Drops() || r.Gateway.IsValid() {
		return unix.RT_SCOPE_UNIVERSE
	}
	switch r.Type {
	case route.Local, route.NAT:
		return unix.RT_SCOPE_HOST
	}
	hops, _ := r.Hops()
	for _, h := range hops {
		if h.Gateway.IsValid() {
			return unix.RT_SCOPE_UNIVERSE
		}
	}
	return unix.RT_SCOPE_LINK
}

// encodeWay writes where the packets go.
func (d *Driver) encodeWay(m *rtnl.Message, r *route.Route) {
	if !r.Nexthops.Empty() {
		d.encodeHops(m, r)
		return
	}
	if dev, ok := d.devices.Find(r.Dev); ok {
		m.Uint32(unix.RTA_OIF, uint32(dev.Index))
	}
	if r.Gateway.IsValid() {
		encodeGateway(m, r.Dst.Addr(), r.Gateway)
	}
}

// encodeGateway writes a gateway of the other family as RTA_VIA (RFC 5549).
func encodeGateway(m *rtnl.Message, dst, gateway netip.Addr) {
	if dst.Is4() == gateway.Is4() {
		m.Addr(unix.RTA_GATEWAY, gateway)
		return
	}
	m.Via(unix.RTA_VIA, gateway)
}

func (d *Driver) encodeHops(m *rtnl.Message, r *route.Route) {
	list := m.Nest(unix.RTA_MULTIPATH)
	hops, _ := r.Hops()
	for _, h := range hops {
		var next [unix.SizeofRtNexthop]byte // length, flags, weight - 1, ifindex
		if r.Onlink {
			next[2] = unix.RTNH_F_ONLINK
		}
		next[3] = uint8(max(h.Weight, 1) - 1)
		dev, _ := d.devices.Find(h.Dev)
		binary.NativeEndian.PutUint32(next[4:], uint32(dev.Index))
		at := m.Raw(next[:])
		if h.Gateway.IsValid() {
			encodeGateway(m, r.Dst.Addr(), h.Gateway)
		}
		m.End(at)
	}
	m.End(list)
}
