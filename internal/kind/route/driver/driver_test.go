// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"context"
	"net/netip"
	"testing"

	"ucid/internal/engine"
	"ucid/internal/engine/enginetest"
	"ucid/internal/kind/route"
	"ucid/internal/nltest"
)

func TestMain(m *testing.M) { nltest.Main(m) }

// cabled makes the devices eth1 and eth2, each on a cable to a namespace, with addresses
// 10.0.N.1/24 and 2001:db8:N::1/64.
func cabled(t testing.TB) *nltest.NS {
	t.Helper()
	ns := nltest.NewNS(t, "far")
	nltest.Veth(t, "eth1", "far1", ns)
	nltest.Veth(t, "eth2", "far2", ns)
	nltest.Address(t, "eth1", "10.0.1.1/24")
	nltest.Address(t, "eth2", "10.0.2.1/24")
	nltest.Address(t, "eth1", "2001:db8:1::1/64")
	nltest.Address(t, "eth2", "2001:db8:2::1/64")
	return ns
}

// open makes a driver whose routes go with the test.
func open(t testing.TB, options Options) *Driver {
	t.Helper()
	d, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.Apply(context.Background(), remove(observe(t, d)...))
		d.Close()
	})
	return d
}

// r4 is an IPv4 route of table main.
func r4(dst, gateway, dev string) route.Route {
	r := route.Route{Table: route.TableMain, Dst: netip.MustParsePrefix(dst), Type: route.Unicast, Dev: dev}
	if gateway != "" {
		r.Gateway = netip.MustParseAddr(gateway)
	}
	return r
}

// r6 is the same for IPv6.
func r6(dst, gateway, dev string) route.Route {
	r := r4(dst, gateway, dev)
	r.Metric = 1024
	return r
}

func with(r route.Route, change func(*route.Route)) route.Route {
	change(&r)
	return r
}

func hop(gateway, dev string, weight int) route.Nexthop {
	h := route.Nexthop{Dev: dev, Weight: weight}
	if gateway != "" {
		h.Gateway = netip.MustParseAddr(gateway)
	}
	return h
}

func goldens() [][]route.Route {
	blackhole := with(r4("10.9.0.0/16", "", ""), func(r *route.Route) { r.Type = route.Blackhole })
	blackhole6 := with(r6("2001:db8:99::/48", "", ""), func(r *route.Route) { r.Type = route.Blackhole })
	return [][]route.Route{
		{r4("10.8.0.0/16", "10.0.1.2", "eth1"), r4("0.0.0.0/0", "10.0.1.9", "eth1"), r4("10.7.0.0/16", "", "eth2")},
		{r4("10.8.0.0/16", "10.0.2.2", "eth2"), r4("0.0.0.0/0", "10.0.1.9", "eth1"), blackhole, blackhole6},
		{
			r4("10.8.0.0/16", "10.0.2.2", "eth2").Via(hop("10.0.1.2", "eth1", 1), hop("10.0.2.2", "eth2", 7)),
			with(blackhole, func(r *route.Route) { r.Type = route.Unreachable }),
			with(blackhole, func(r *route.Route) { r.Type = route.Throw; r.Metric = 5 }),
			with(blackhole, func(r *route.Route) { r.Type = route.Prohibit; r.Table = 1000 }),
			with(blackhole6, func(r *route.Route) { r.Type = route.Prohibit }),
		},
		{
			with(r4("10.8.0.0/16", "10.0.1.2", "eth1"), func(r *route.Route) { r.MTU = 1400; r.Metric = 20 }),
			with(r4("10.8.0.0/16", "10.0.1.3", "eth1"), func(r *route.Route) { r.TOS = 0x10 }),
			with(r4("10.8.0.0/16", "10.0.1.2", "eth1"), func(r *route.Route) { r.PrefSrc = netip.MustParseAddr("10.0.2.1") }),
			with(r4("10.10.0.0/16", "192.0.2.1", "eth1"), func(r *route.Route) { r.Onlink = true }),
			r4("10.11.0.0/16", "2001:db8:1::5", "eth1"),
			with(r4("10.12.0.0/16", "10.0.1.2", "eth1"), func(r *route.Route) { r.Protocol = 4 }),
			with(r4("10.13.0.0/16", "10.0.1.2", "eth1"), func(r *route.Route) { r.Valid = 3600 }),
			r4("10.14.0.0/16", "10.0.1.2", ""),
			with(r4("10.15.0.5/32", "", "lo"), func(r *route.Route) { r.Type = route.Local; r.Table = route.TableLocal }),
		},
		{
			r6("2001:db8:8::/48", "2001:db8:1::2", "eth1"), r6("::/0", "fe80::1", "eth1"), r6("2001:db8:7::/48", "", "eth2"),
			with(r6("2001:db8:8::/48", "2001:db8:2::2", "eth2"), func(r *route.Route) { r.Src = netip.MustParsePrefix("2001:db8:1::/64") }),
			with(r6("2001:db8:6::/48", "2001:db8:1::2", "eth1"), func(r *route.Route) {
				r.MTU, r.Metric, r.Table = 1300, 7, 70000
				r.PrefSrc = netip.MustParseAddr("2001:db8:2::1")
			}),
		},
		{
			r6("2001:db8:8::/48", "", "").Via(hop("2001:db8:1::2", "eth1", 1), hop("2001:db8:2::2", "eth2", 3)),
			r6("::/0", "fe80::2", "eth2"),
			r6("2001:db8:7::/48", "2001:db8:1::3", ""),
			r4("10.14.0.0/16", "10.0.1.2", "").Via(hop("10.0.1.2", "", 1), hop("10.0.2.2", "", 1)),
			r4("10.16.0.0/16", "", "").Via(hop("", "eth1", 1), hop("", "eth2", 2)),
		},
		{r6("2001:db8:8::/48", "2001:db8:1::2", "eth1"), r6("::/0", "", "").Via(hop("fe80::2", "eth2", 1), hop("fe80::1", "eth1", 1))},
	}
}

func TestConform(t *testing.T) {
	cabled(t)
	enginetest.Conform(t, open(t, Options{RunDir: t.TempDir()}), goldens()...)
}

func TestConformFake(t *testing.T) {
	enginetest.Conform(t, &enginetest.Fake[route.Route, route.Key]{Name: route.Kind, KeyOf: route.Route.Key}, goldens()...)
}

// What a test or a service may ask for is not refused.
func TestCheckTakesGoldens(t *testing.T) {
	for _, golden := range goldens() {
		for _, r := range golden {
			if err := (&Driver{}).Check(r); err != nil {
				t.Errorf("%v: %v", r, err)
			}
		}
	}
}

var (
	_ engine.Driver[route.Route, route.Key] = (*Driver)(nil)
	_ engine.Watcher                        = (*Driver)(nil)
	_ engine.Checker[route.Route]           = (*Driver)(nil)
	_ engine.Surveyor[route.Route]          = (*Driver)(nil)
	_ engine.Explainer[route.Key]           = (*Driver)(nil)
	_ engine.Forecaster[route.Route]        = (*Driver)(nil)
)
