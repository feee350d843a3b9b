// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"

	"ucid/internal/engine"
	"ucid/internal/kind/route"
	"ucid/internal/rtnl"
)

// decode reads a route into r and returns its protocol, which r.Protocol does not hold. It
// reports false for what is no route of a table: a cached one, or one of another family.
func (d *Driver) decode(body []byte, r *route.Route) (protocol uint8, ok bool) {
	if len(body) < unix.SizeofRtMsg {
		return 0, false
	}
	family, flags := body[0], binary.NativeEndian.Uint32(body[8:])
	if family != unix.AF_INET && family != unix.AF_INET6 || flags&unix.RTM_F_CLONED != 0 {
		return 0, false
	}
	*r = route.Route{
		Table:  uint32(body[4]),
		Dst:    anywhere(family),
		TOS:    body[3],
		Type:   route.Type(body[7]),
		Onlink: flags&unix.RTNH_F_ONLINK != 0,
	}
	for a := (rtnl.Attrs{Rest: body[unix.SizeofRtMsg:]}); a.Next(); {
		switch a.Kind {
		case unix.RTA_TABLE:
			r.Table = a.Uint32()
		case unix.RTA_DST:
			r.Dst = netip.PrefixFrom(a.Addr(), int(body[1]))
		case unix.RTA_SRC:
			r.Src = netip.PrefixFrom(a.Addr(), int(body[2]))
		case unix.RTA_PRIORITY:
			r.Metric = a.Uint32()
		case unix.RTA_PREFSRC:
			r.PrefSrc = a.Addr()
		case unix.RTA_GATEWAY:
			r.Gateway = a.Addr()
		case unix.RTA_VIA:
			r.Gateway = a.Via()
		case unix.RTA_OIF:
			r.Dev = d.devices.Name(int(a.Uint32()))
		case unix.RTA_METRICS:
			r.MTU = decodeMTU(a.Value)
		case unix.RTA_MULTIPATH:
			r.Nexthops, r.Onlink = d.lists.get(a.Value, &d.devices)
		}
	}
	if r.Type.Drops() {
		r.Dev = "" // IPv6 says lo
	}
	return body[5], true
}

var (
	everywhere4 = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	everywhere6 = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
)

func anywhere(family uint8) netip.Prefix {
	if family == unix.AF_INET {
		return everywhere4
	}
	return everywhere6
}

func decodeMTU(metrics []byte) uint32 {
	for a := (rtnl.Attrs{Rest: metrics}); a.Next(); {
		if a.Kind == unix.RTAX_MTU {
			return a.Uint32()
		}
	}
	return 0
}

// hopLists keeps the nexthops of routes that have several by the bytes the kernel sends for
// them, because most such routes share a few of them.
type hopLists struct {
	known   map[string]hopList
	renames uint64
}

type hopList struct {
	hops   engine.List
	onlink bool
}

// maxHopLists bounds the memory: flags change with the state of the devices.
const maxHopLists = 1 << 14

func (l *hopLists) get(value []byte, devices *rtnl.Devices) (engine.List, bool) {
	if l.renames != devices.Renames() || len(l.known) >= maxHopLists || l.known == nil {
		l.known, l.renames = map[string]hopList{}, devices.Renames()
	}
	if found, ok := l.known[string(value)]; ok {
		return found.hops, found.onlink
	}
	found := decodeHops(value, devices)
	l.known[string(value)] = found
	return found.hops, found.onlink
}

func decodeHops(value []byte, devices *rtnl.Devices) hopList {
	var hops []route.Nexthop
	list := hopList{onlink: true}
	for len(value) >= unix.SizeofRtNexthop {
		size := int(binary.NativeEndian.Uint16(value))
		if size < unix.SizeofRtNexthop || size > len(value) {
			break
		}
		h := route.Nexthop{Weight: int(value[3]) + 1, Dev: devices.Name(int(binary.NativeEndian.Uint32(value[4:])))}
		list.onlink = list.onlink && value[2]&unix.RTNH_F_ONLINK != 0
		for a := (rtnl.Attrs{Rest: value[unix.SizeofRtNexthop:size]}); a.Next(); {
			switch a.Kind {
			case unix.RTA_GATEWAY:
				h.Gateway = a.Addr()
			case unix.RTA_VIA:
				h.Gateway = a.Via()
			}
		}
		hops = append(hops, h)
		value = value[min((size+3)&^3, len(value)):]
	}
	list.hops = route.MakeNexthops(hops...)
	return list
}
