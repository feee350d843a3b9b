// SPDX-License-Identifier: Apache-2.0

package uci

import (
	"net/netip"
	"strconv"
	"strings"
)

// simpleType is a datatype without arguments that matter.
type simpleType struct {
	noun string // "an IPv4 address"
	ok   func(string) bool
}

func (t simpleType) check(s string) string {
	if t.ok(s) {
		return ""
	}
	return t.noun
}

var simple = map[string]simpleType{
	"string":         {"a string", func(string) bool { return true }},
	"bool":           {"a switch (0 or 1)", isBool},
	"integer":        {"a whole number", isInteger},
	"uinteger":       {"a whole number of at least 0", isUinteger},
	"float":          {"a number", isFloat},
	"ufloat":         {"a number of at least 0", func(s string) bool { return isFloat(s) && s[0] != '-' }},
	"ipaddr":         {"an IP address", func(s string) bool { return isMasked(s, 0) }},
	"ip4addr":        {"an IPv4 address", func(s string) bool { return isMasked(s, 4) }},
	"ip6addr":        {"an IPv6 address", func(s string) bool { return isMasked(s, 6) }},
	"ip4prefix":      {"an IPv4 prefix length (0 to 32)", func(s string) bool { return isUpTo(s, 32) }},
	"ip6prefix":      {"an IPv6 prefix length (0 to 128)", func(s string) bool { return isUpTo(s, 128) }},
	"cidr":           {"an IP prefix (address/length)", func(s string) bool { return isCIDR(s, 0) }},
	"cidr4":          {"an IPv4 prefix (address/length)", func(s string) bool { return isCIDR(s, 4) }},
	"cidr6":          {"an IPv6 prefix (address/length)", func(s string) bool { return isCIDR(s, 6) }},
	"ipmask":         {"an IP address with a mask", func(s string) bool { return isMasked(s, 0) }},
	"ipmask4":        {"an IPv4 address with a mask", func(s string) bool { return isMasked(s, 4) }},
	"ipmask6":        {"an IPv6 address with a mask", func(s string) bool { return isMasked(s, 6) }},
	"port":           {"a port (0 to 65535)", isPort},
	"portrange":      {"a port or a range of ports", isPortRange},
	"ipaddrport":     {"an IP address with a port", isAddrPort},
	"ip4addrport":    {"an IPv4 address with a port", isAddrPort},
	"hostport":       {"a host with a port", isHostPort},
	"macaddr":        {"a MAC address", isMAC},
	"unicastmacaddr": {"a unicast MAC address", func(s string) bool { return isMAC(s) && isUnicast(s) }},
	"hostname":       {"a host name", isHostname},
	"host":           {"a host name or an IP address", func(s string) bool { return isAddr(s, 0) || isHostname(s) }},
	"network":        {"a network name or an IP prefix", func(s string) bool { return ValidName(s) || isMasked(s, 0) || isHostname(s) }},
	"uciname":        {"a name (letters, digits, _)", ValidName},
	"netdevname":     {"a device name", isDevice},
	"hexstring":      {"a string of hex digits", isHexString},
	"wpakey":         {"a WPA key (8 to 63 bytes, or 64 hex digits)", isWPAKey},
	"phonedigit":     {"a phone number", func(s string) bool { return s != "" && strings.Trim(s, "0123456789*#!.") == "" }},
	"directory":      {"a path", isPath},
	"file":           {"a path", isPath},
	"device":         {"a path", isPath},
	"timehhmmss":     {"a time (hh:mm:ss)", isTime},
	"dateyyyymmdd":   {"a date (yyyy-mm-dd)", isDate},
}

func isBool(s string) bool {
	_, ok := ParseBool(s)
	return ok
}

func isInteger(s string) bool {
	_, err := strconv.ParseInt(s, 0, 64)
	return err == nil && !strings.Contains(s, "_")
}

func isUinteger(s string) bool {
	_, err := strconv.ParseUint(s, 0, 64)
	return err == nil && !strings.Contains(s, "_")
}

func isFloat(s string) bool {
	_, err := strconv.ParseFloat(s, 64)
	return err == nil && !strings.ContainsAny(s, "_xXnN")
}

func isUpTo(s string, limit uint64) bool {
	n, err := strconv.ParseUint(s, 10, 32)
	return err == nil && n <= limit
}

// isAddr tests for an address of an IP version; 0 is any.
func isAddr(s string, version int) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && isVersion(a, version)
}

func isVersion(a netip.Addr, version int) bool {
	return version == 0 || version == 4 && a.Is4() || version == 6 && a.Is6()
}

// isMasked tests for an address that may have a prefix length or a mask.
func isMasked(s string, version int) bool {
	addr, mask, masked := strings.Cut(s, "/")
	if !isAddr(addr, version) {
		return false
	}
	a := netip.MustParseAddr(addr)
	return !masked || isUpTo(mask, uint64(a.BitLen())) || isAddr(mask, 4) && a.Is4() || isAddr(mask, 6) && a.Is6()
}

func isCIDR(s string, version int) bool {
	p, err := netip.ParsePrefix(s)
	return err == nil && isVersion(p.Addr(), version)
}

func isPort(s string) bool { return isUpTo(s, 65535) }

func isPortRange(s string) bool {
	lo, hi, ranged := strings.Cut(s, "-")
	if !ranged {
		return isPort(s)
	}
	a, errA := strconv.ParseUint(lo, 10, 16)
	b, errB := strconv.ParseUint(hi, 10, 16)
	return errA == nil && errB == nil && a <= b
}

func isAddrPort(s string) bool {
	_, err := netip.ParseAddrPort(s)
	return err == nil
}

func isHostPort(s string) bool {
	i := strings.LastIndexByte(s, ':')
	return i > 0 && isPort(s[i+1:]) && (isAddr(strings.Trim(s[:i], "[]"), 0) || isHostname(s[:i]))
}

func isMAC(s string) bool {
	if len(s) != 17 {
		return false
	}
	for i := 0; i < len(s); i++ {
		if i%3 == 2 {
			if s[i] != ':' && s[i] != '-' {
				return false
			}
		} else if !isHex(s[i]) {
			return false
		}
	}
	return true
}

func isUnicast(mac string) bool {
	n, err := strconv.ParseUint(mac[:2], 16, 8)
	return err == nil && n&1 == 0
}

func isHex(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'f' || b >= 'A' && b <= 'F'
}

func isHexString(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isHex(s[i]) {
			return false
		}
	}
	return len(s)%2 == 0
}

// isHostname tests for the names of RFC 1123, with _ as in service names, and at least one
// byte that is no digit or dot.
func isHostname(s string) bool {
	if len(s) > 253 || strings.Trim(s, "0123456789.") == "" {
		return false
	}
	for _, part := range strings.Split(strings.TrimSuffix(s, "."), ".") {
		if part == "" || len(part) > 63 || part[0] == '-' || part[len(part)-1] == '-' {
			return false
		}
		for i := 0; i < len(part); i++ {
			if class[part[i]]&className == 0 && part[i] != '-' {
				return false
			}
		}
	}
	return true
}

// isDevice tests for what Linux takes as the name of a network device.
func isDevice(s string) bool {
	return s != "" && len(s) <= 15 && s != "." && s != ".." && all(s, classGraph) && !strings.ContainsAny(s, "/:")
}

func isWPAKey(s string) bool {
	return len(s) >= 8 && len(s) <= 63 || len(s) == 64 && isHexString(s)
}

func isPath(s string) bool { return s != "" && strings.IndexByte(s, 0) < 0 }

func isTime(s string) bool {
	return len(s) == 8 && s[2] == ':' && s[5] == ':' && isUpTo(s[:2], 23) && isUpTo(s[3:5], 59) && isUpTo(s[6:], 59)
}

func isDate(s string) bool {
	return len(s) == 10 && s[4] == '-' && s[7] == '-' && isUpTo(s[:4], 9999) && isUpTo(s[5:7], 12) && isUpTo(s[8:], 31)
}
