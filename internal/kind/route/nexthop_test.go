// SPDX-License-Identifier: Apache-2.0

package route

import (
	"net/netip"
	"testing"
)

func TestParseNexthop(t *testing.T) {
	for text, want := range map[string]string{
		"10.0.0.1":                       "10.0.0.1",
		"10.0.0.1@eth0":                  "10.0.0.1@eth0",
		" 10.0.0.1@eth0  weight 7 ":      "10.0.0.1@eth0 weight 7",
		"10.0.0.1 weight 1":              "10.0.0.1",
		"@ppp0":                          "@ppp0",
		"2001:DB8:0::1@eth0 weight 0256": "2001:db8::1@eth0 weight 256",
	} {
		h, err := ParseNexthop(text)
		if err != nil || h.String() != want {
			t.Errorf("%q: %q, %v, want %q", text, h, err, want)
		}
		if again, err := ParseNexthop(h.String()); err != nil || again != h {
			t.Errorf("%q read again: %v, %v", h, again, err)
		}
	}
	for _, bad := range []string{
		"", "@", "10.0.0.1@", "10.0.0.300", "eth0", "10.0.0.1 eth0", "10.0.0.1 weight", "10.0.0.1 weight 0",
		"10.0.0.1 weight 257", "10.0.0.1 weight x", "fe80::1%eth0", "10.0.0.1 weight 1 2",
	} {
		if h, err := ParseNexthop(bad); err == nil {
			t.Errorf("%q is read as %v", bad, h)
		}
	}
}

// The order in which the ways are named means nothing, and one way is no list.
func TestVia(t *testing.T) {
	a := Nexthop{Gateway: netip.MustParseAddr("10.0.0.9"), Dev: "eth0", Weight: 1}
	b := Nexthop{Gateway: netip.MustParseAddr("10.0.0.10"), Weight: 2}
	r := Route{Gateway: a.Gateway, Dev: "eth7"}
	if r.Via(a, b) != r.Via(b, a) {
		t.Error("the order makes a difference")
	}
	if two := r.Via(a, b); two.Gateway.IsValid() || two.Dev != "" || two.Nexthops.String() != "10.0.0.9@eth0 10.0.0.10 weight 2" {
		t.Errorf("two ways: %+v", two)
	}
	if one := r.Via(a); one.Gateway != a.Gateway || one.Dev != "eth0" || !one.Nexthops.Empty() {
		t.Errorf("one way: %+v", one)
	}
	hops, err := r.Via(b, a).Hops()
	if err != nil || len(hops) != 2 || hops[0] != a || hops[1] != b {
		t.Errorf("hops %v, %v", hops, err)
	}
}
