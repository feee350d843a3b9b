// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"

	"ucid/internal/rtnl"
)

var native = binary.NativeEndian

// best is the gateway of the default route with the smallest metric over a device.
type best struct {
	gateway netip.Addr
	metric  uint32
}

// gateways reads the default routes of table main. A dump of IPv4 starts with them, since it
// walks the addresses from 0.0.0.0 on: it is not read any further, so that a full table of
// the Internet costs nothing. One of IPv6 ends with them.
func (d *Driver) gateways(family uint8) (map[string]best, error) {
	found := map[string]best{}
	err := d.conn.Dump(func(m *rtnl.Message) {
		header := [unix.SizeofRtMsg]byte{0: family, 7: unix.RTN_UNICAST}
		m.Begin(unix.RTM_GETROUTE, 0, header[:])
		m.Uint32(unix.RTA_TABLE, unix.RT_TABLE_MAIN)
	}, func() { clear(found) }, func(kind uint16, body []byte) bool {
		if kind != unix.RTM_NEWROUTE || len(body) < unix.SizeofRtMsg {
			return true
		}
		if family == unix.AF_INET6 && body[1] != 0 {
			return true
		}
		r := parseRoute(body)
		if r.table != unix.RT_TABLE_MAIN { // a kernel before 4.20 sends all tables
			return true
		}
		for _, w := range r.ways {
			name := d.devices.Name(w.index)
			if old, ok := found[name]; w.gateway.IsValid() && r.length == 0 && (!ok || r.metric < old.metric) {
				found[name] = best{w.gateway, r.metric}
			}
		}
		return r.atRoot || family == unix.AF_INET6
	})
	return found, err
}

// defaultRoute is what matters of a route.
type defaultRoute struct {
	table, metric uint32
	length        uint8 // of the prefix
	atRoot        bool  // its address is all zeros: default routes may follow
	ways          []way
}

type way struct {
	index   int
	gateway netip.Addr
}

func parseRoute(body []byte) defaultRoute {
	r := defaultRoute{table: uint32(body[4]), length: body[1], atRoot: true}
	var only way
	for a := (rtnl.Attrs{Rest: body[unix.SizeofRtMsg:]}); a.Next(); {
		switch a.Kind {
		case unix.RTA_TABLE:
			r.table = a.Uint32()
		case unix.RTA_DST:
			r.atRoot = a.Addr().IsUnspecified()
		case unix.RTA_PRIORITY:
			r.metric = a.Uint32()
		case unix.RTA_OIF:
			only.index = int(a.Uint32())
		case unix.RTA_GATEWAY:
			only.gateway = a.Addr()
		case unix.RTA_VIA:
			only.gateway = a.Via()
		case unix.RTA_MULTIPATH:
			r.ways = parseWays(a.Value)
		}
	}
	if r.ways == nil && only.gateway.IsValid() {
		r.ways = []way{only}
	}
	return r
}

func parseWays(value []byte) []way {
	var ways []way
	for len(value) >= unix.SizeofRtNexthop {
		size := int(native.Uint16(value))
		if size < unix.SizeofRtNexthop || size > len(value) {
			break
		}
		w := way{index: int(native.Uint32(value[4:]))}
		for a := (rtnl.Attrs{Rest: value[unix.SizeofRtNexthop:size]}); a.Next(); {
			switch a.Kind {
			case unix.RTA_GATEWAY:
				w.gateway = a.Addr()
			case unix.RTA_VIA:
				w.gateway = a.Via()
			}
		}
		ways = append(ways, w)
		value = value[min((size+3)&^3, len(value)):]
	}
	return ways
}
