// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"

	"ucid/internal/kind/rule"
	"ucid/internal/rtnl"
)

// headerSize is that of struct fib_rule_hdr: family, dst_len, src_len, tos, table, two
// reserved bytes, action, flags.
const headerSize = 12

var native = binary.NativeEndian

// encode makes a request about r, which carries the protocol; the same attributes add it
// and name it for removal.
func encode(m *rtnl.Message, kind, flags uint16, r *rule.Rule, protocol uint8) {
	header := [headerSize]byte{0: unix.AF_INET, 3: r.TOS, 7: uint8(r.Action)}
	if r.IPv6 {
		header[0] = unix.AF_INET6
	}
	if r.Dst.IsValid() {
		header[1] = uint8(r.Dst.Bits())
	}
	if r.Src.IsValid() {
		header[2] = uint8(r.Src.Bits())
	}
	if r.Invert {
		native.PutUint32(header[8:], unix.FIB_RULE_INVERT)
	}
	m.Begin(kind, flags, header[:])
	m.Uint32(unix.FRA_PRIORITY, r.Priority)
	m.Uint8(unix.FRA_PROTOCOL, protocol)
	encodeMatch(m, r)
	switch r.Action {
	case rule.Lookup:
		m.Uint32(unix.FRA_TABLE, r.Table)
	case rule.Goto:
		m.Uint32(unix.FRA_GOTO, r.Goto)
	}
	if r.Suppress != 0 {
		m.Uint32(unix.FRA_SUPPRESS_PREFIXLEN, r.Suppress-1)
	}
}

func encodeMatch(m *rtnl.Message, r *rule.Rule) {
	if r.Src.IsValid() {
		m.Addr(unix.FRA_SRC, r.Src.Addr())
	}
	if r.Dst.IsValid() {
		m.Addr(unix.FRA_DST, r.Dst.Addr())
	}
	if r.In != "" {
		m.Text(unix.FRA_IIFNAME, r.In)
	}
	if r.Out != "" {
		m.Text(unix.FRA_OIFNAME, r.Out)
	}
	if r.MarkMask != 0 {
		m.Uint32(unix.FRA_FWMARK, r.Mark)
		m.Uint32(unix.FRA_FWMASK, r.MarkMask)
	}
	if r.IPProto != 0 {
		m.Uint8(unix.FRA_IP_PROTO, r.IPProto)
	}
	if r.Sport.Set {
		m.Bytes(unix.FRA_SPORT_RANGE, ports(r.Sport))
	}
	if r.Dport.Set {
		m.Bytes(unix.FRA_DPORT_RANGE, ports(r.Dport))
	}
	if r.UID.Set {
		m.Bytes(unix.FRA_UID_RANGE, native.AppendUint32(native.AppendUint32(nil, r.UID.From), r.UID.To))
	}
}

func ports(r rule.Range) []byte {
	return native.AppendUint16(native.AppendUint16(nil, uint16(r.From)), uint16(r.To))
}

// decode reads a rule and its protocol, which r.Protocol does not hold.
func decode(body []byte) (r rule.Rule, protocol uint8, ok bool) {
	if len(body) < headerSize || body[0] != unix.AF_INET && body[0] != unix.AF_INET6 {
		return r, 0, false
	}
	r.IPv6 = body[0] == unix.AF_INET6
	r.TOS = body[3]
	r.Table = uint32(body[4])
	r.Action = rule.Action(body[7])
	r.Invert = native.Uint32(body[8:])&unix.FIB_RULE_INVERT != 0
	for a := (rtnl.Attrs{Rest: body[headerSize:]}); a.Next(); {
		switch a.Kind {
		case unix.FRA_PROTOCOL:
			protocol = a.Uint8()
		case unix.FRA_DST:
			r.Dst = netip.PrefixFrom(a.Addr(), int(body[1]))
		case unix.FRA_SRC:
			r.Src = netip.PrefixFrom(a.Addr(), int(body[2]))
		default:
			decodeAttr(&r, &a)
		}
	}
	if r.Action != rule.Lookup {
		r.Table = 0
	}
	return r, protocol, true
}

func decodeAttr(r *rule.Rule, a *rtnl.Attrs) {
	switch a.Kind {
	case unix.FRA_PRIORITY:
		r.Priority = a.Uint32()
	case unix.FRA_TABLE:
		r.Table = a.Uint32()
	case unix.FRA_GOTO:
		r.Goto = a.Uint32()
	case unix.FRA_IIFNAME:
		r.In = string(a.Text())
	case unix.FRA_OIFNAME:
		r.Out = string(a.Text())
	case unix.FRA_FWMARK:
		r.Mark = a.Uint32()
	case unix.FRA_FWMASK:
		r.MarkMask = a.Uint32()
	case unix.FRA_IP_PROTO:
		r.IPProto = a.Uint8()
	case unix.FRA_SPORT_RANGE:
		r.Sport = portRange(a.Value)
	case unix.FRA_DPORT_RANGE:
		r.Dport = portRange(a.Value)
	case unix.FRA_UID_RANGE:
		if len(a.Value) >= 8 {
			r.UID = rule.Range{From: native.Uint32(a.Value), To: native.Uint32(a.Value[4:]), Set: true}
		}
	case unix.FRA_SUPPRESS_PREFIXLEN:
		r.Suppress = a.Uint32() + 1 // the kernel says -1 for none
	}
}

func portRange(value []byte) rule.Range {
	if len(value) < 4 {
		return rule.Range{}
	}
	return rule.Range{From: uint32(native.Uint16(value)), To: uint32(native.Uint16(value[2:])), Set: true}
}
