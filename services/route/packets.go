// SPDX-License-Identifier: Apache-2.0

package route

import (
	"net/netip"
	"strconv"
	"strings"

	krule "ucid/internal/kind/rule"
)

// packets reads src, dest, tos and mark.
func (d *ruleDraft) packets() {
	for _, o := range []struct {
		option, text string
		prefix       *netip.Prefix
	}{{"src", d.r.Src, &d.out.Src}, {"dest", d.r.Dest, &d.out.Dst}} {
		p, fault := parseSelector(o.text, d.out.IPv6)
		if fault != "" {
			d.wrong(o.option, "'%s' %s%s", o.text, fault, otherFamily(o.text, d.out.IPv6, "rule", "rule6"))
		}
		*o.prefix = p
	}
	if d.r.TOS&3 != 0 {
		d.wrong("tos", "'%d' has its two lowest bits set, which are ECN's; say %d", d.r.TOS, d.r.TOS&^3)
	}
	d.out.TOS = d.r.TOS
	d.mark()
}

// mark reads "MARK" or "MARK/MASK" in any base C knows.
func (d *ruleDraft) mark() {
	if d.r.Mark == "" {
		return
	}
	value, mask, masked := strings.Cut(d.r.Mark, "/")
	if !masked {
		mask = "0xffffffff"
	}
	v, err := strconv.ParseUint(value, 0, 32)
	m, err2 := strconv.ParseUint(mask, 0, 32)
	switch {
	case err != nil || err2 != nil:
		d.wrong("mark", "'%s' is not MARK or MARK/MASK, as in 0x10/0xf0", d.r.Mark)
	case m == 0:
		d.wrong("mark", "'%s' has a mask of 0, so it says nothing; remove it", d.r.Mark)
	case v&^m != 0:
		d.wrong("mark", "'%s' has bits outside of its mask: no packet can match; say %#x/%#x", d.r.Mark, v&m, m)
	}
	d.out.Mark, d.out.MarkMask = uint32(v), uint32(m)
}

// maxPort is the highest port a rule can match (fib_rule_port_range_valid).
const maxPort = 65534

// maxUID is the highest user; the one above means none.
const maxUID = 1<<32 - 2

// ports reads ipproto, sport, dport and uidrange.
func (d *ruleDraft) ports() {
	d.out.IPProto = d.ipProtocol()
	d.out.Sport = d.span("sport", d.r.Sport, 1, maxPort)
	d.out.Dport = d.span("dport", d.r.Dport, 1, maxPort)
	d.out.UID = d.span("uidrange", d.r.UIDRange, 0, maxUID)
}

// span reads "N" or "N-M".
func (d *ruleDraft) span(option, text string, least, most uint64) krule.Range {
	if text == "" {
		return krule.Range{}
	}
	from, to, both := strings.Cut(text, "-")
	if !both {
		to = from
	}
	f, err := strconv.ParseUint(from, 10, 32)
	t, err2 := strconv.ParseUint(to, 10, 32)
	if err != nil || err2 != nil || f < least || t > most || f > t {
		d.wrong(option, "'%s' is not N or N-M with numbers from %d to %d", text, least, most)
	}
	return krule.Range{From: uint32(f), To: uint32(t), Set: true}
}

// ipProtocols are the protocols that every system knows.
var ipProtocols = map[string]uint8{"icmp": 1, "igmp": 2, "ipip": 4, "tcp": 6, "udp": 17, "dccp": 33,
	"ipv6": 41, "gre": 47, "esp": 50, "ah": 51, "icmpv6": 58, "ipv6-icmp": 58, "ospf": 89, "vrrp": 112,
	"l2tp": 115, "sctp": 132, "udplite": 136}

func (d *ruleDraft) ipProtocol() uint8 {
	name := d.r.IPProto
	if name == "" {
		return 0
	}
	if number, ok := ipProtocols[strings.ToLower(name)]; ok {
		return number
	}
	text, ok := d.b.Fact(ipProtoTopic, name)
	if !ok {
		text = name
	}
	number, err := strconv.ParseUint(text, 0, 8)
	if err != nil || number == 0 {
		d.wrong("ipproto", "'%s' is not a protocol: give its number from 1 to 255, or a name of /etc/protocols", name)
	}
	return uint8(number)
}
