// SPDX-License-Identifier: Apache-2.0

package route

import (
	"math/bits"
	"net/netip"
	"strconv"
	"strings"
)

// family names an address family for people.
func family(ipv6 bool) string {
	if ipv6 {
		return "IPv6"
	}
	return "IPv4"
}

func article(ipv6 bool, noun string) string { return "an " + family(ipv6) + " " + noun }

// parseAddr reads an address of one family, without a zone.
func parseAddr(text string, ipv6 bool) (netip.Addr, bool) {
	a, err := netip.ParseAddr(text)
	return a, err == nil && a.Is6() == ipv6 && a.Zone() == "" && !a.Is4In6()
}

// otherFamily tells somebody whose address is of the wrong family where it belongs.
func otherFamily(text string, ipv6 bool, section4, section6 string) string {
	bare, _, _ := strings.Cut(text, "/")
	if _, wrong := parseAddr(bare, !ipv6); !wrong {
		return ""
	}
	if ipv6 {
		return "; it belongs in a section " + section4
	}
	return "; it belongs in a section " + section6
}

// parsePrefix reads "ADDRESS", "ADDRESS/LENGTH" or "ADDRESS/NETMASK". The netmask counts for
// an address alone; without one too, the length is full. Host bits stay. bare tells that the
// length was nowhere given. The fault follows the value in a Problem.
func parsePrefix(text, netmask string, ipv6 bool) (p netip.Prefix, bare bool, fault string) {
	address, length, slash := strings.Cut(text, "/")
	a, ok := parseAddr(address, ipv6)
	if !ok {
		return p, false, "is not " + article(ipv6, "prefix")
	}
	if !slash {
		length = netmask
	}
	if length == "" && !slash {
		return netip.PrefixFrom(a, a.BitLen()), true, ""
	}
	n, fault := parseLength(length, ipv6)
	if fault != "" {
		return p, false, fault
	}
	return netip.PrefixFrom(a, n), false, ""
}

// parseLength reads a prefix length, or for IPv4 a netmask in dotted form.
func parseLength(text string, ipv6 bool) (n int, fault string) {
	most := 32
	if ipv6 {
		most = 128
	}
	if n, err := strconv.Atoi(text); err == nil {
		if n < 0 || n > most {
			return 0, "has a prefix length that is not from 0 to " + strconv.Itoa(most)
		}
		return n, ""
	}
	mask, ok := parseAddr(text, false)
	if !ok || ipv6 {
		return 0, "has neither a prefix length from 0 to " + strconv.Itoa(most) + " nor a netmask"
	}
	octets := mask.As4()
	word := uint32(octets[0])<<24 | uint32(octets[1])<<16 | uint32(octets[2])<<8 | uint32(octets[3])
	n = bits.LeadingZeros32(^word)
	if word != ^uint32(0)<<(32-n) {
		return 0, "has the netmask " + text + ", whose ones are not in one row from the left"
	}
	return n, ""
}

// hostBits is the fault of a prefix with bits behind its length, "" when there are none.
func hostBits(p netip.Prefix) string {
	if masked := p.Masked(); masked != p {
		return "has host bits set: the network is '" + masked.String() + "'"
	}
	return ""
}

// parseSelector reads a prefix that packets are matched with. That of everything is the zero Prefix,
// as the kernel has it.
func parseSelector(text string, ipv6 bool) (netip.Prefix, string) {
	if text == "" {
		return netip.Prefix{}, ""
	}
	p, _, fault := parsePrefix(text, "", ipv6)
	if fault == "" {
		fault = hostBits(p)
	}
	if fault != "" || p.Bits() == 0 {
		return netip.Prefix{}, fault
	}
	return p, ""
}
