// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ucid/internal/engine"
	"ucid/internal/kind/route"
	"ucid/internal/netmon"
	"ucid/internal/nltest"
	"ucid/internal/rtnl"
)

// What fails for now says what it waits for, and is made once that has come.
func TestPending(t *testing.T) {
	ns := nltest.NewNS(t, "far")
	nltest.Veth(t, "eth1", "far1", ns)
	nltest.Veth(t, "eth2", "far2", ns)
	nltest.Address(t, "eth1", "10.0.1.1/24")
	nltest.Down(t, "eth2")
	t.Cleanup(func() {
		nltest.Delete(t, "eth7")
		nltest.Delete(t, "eth9")
		ip(t, "addr flush dev lo to 192.0.2.1")
		ip(t, "addr flush dev lo to 2001:db8::1")
	})
	d := open(t, Options{})
	tests := []struct {
		route route.Route
		cure  string
		heal  string
	}{
		{r4("10.1.0.0/16", "10.0.1.2", "eth7"), "when eth7 appears", "link add eth7 type veth peer name eth8|addr add 10.0.1.3/24 dev eth7|link set eth7 up"},
		{r4("10.2.0.0/16", "", "eth2"), "when eth2 comes up", "link set eth2 up"},
		{r4("10.3.0.0/16", "10.0.2.2", "eth2"), "when 10.0.2.2 becomes reachable", "addr add 10.0.2.1/24 dev eth2"},
		{with(r4("10.4.0.0/16", "10.0.1.2", "eth1"), func(r *route.Route) { r.PrefSrc = netip.MustParseAddr("192.0.2.1") }), "when 192.0.2.1 is on a device", "addr add 192.0.2.1 dev lo"},
		{with(r6("2001:db8:4::/48", "", "eth1"), func(r *route.Route) { r.PrefSrc = netip.MustParseAddr("2001:db8::1") }), "when 2001:db8::1 is on a device", "addr add 2001:db8::1 dev lo nodad"},
		{r6("2001:db8:5::/48", "2001:db8:1::2", "eth1"), "when 2001:db8:1::2 becomes reachable", "addr add 2001:db8:1::1/64 dev eth1 nodad"},
		{r4("10.6.0.0/16", "", "").Via(hop("10.0.1.2", "eth1", 1), hop("10.0.6.2", "eth9", 1)), "when eth9 appears", "link add eth9 type veth peer name eth10|addr add 10.0.6.1/24 dev eth9|link set eth9 up"},
	}
	for _, test := range tests {
		errs := d.Apply(context.Background(), create(test.route))
		var pending *engine.Pending
		if errs == nil || !errors.As(errs[0], &pending) || pending.Cure != test.cure {
			t.Errorf("%v: %v, want pending, cure %q", test.route, errs, test.cure)
			continue
		}
		if !strings.HasPrefix(errs[0].Error(), "cannot install "+test.route.String()+": ") {
			t.Errorf("error %q does not name the route", errs[0])
		}
		for command := range strings.SplitSeq(test.heal, "|") {
			ip(t, command)
		}
		apply(t, d, create(test.route))
	}
}

// A mistake is no reason to wait, and does not hold up the rest of the batch.
func TestFinalError(t *testing.T) {
	cabled(t)
	d := open(t, Options{})
	good := r4("10.8.0.0/16", "10.0.1.2", "eth1")
	bad := with(good, func(r *route.Route) { r.Dst = netip.MustParsePrefix("10.8.0.1/16") })
	errs := d.Apply(context.Background(), create(bad, good, bad))
	var pending *engine.Pending
	if len(errs) != 3 || errs[0] == nil || errs[1] != nil || errs[2] == nil || errors.As(errs[0], &pending) {
		t.Errorf("errors %v", errs)
	}
	if errs[0] != nil && !strings.Contains(errs[0].Error(), "Invalid prefix") {
		t.Errorf("%q has not the kernel's words", errs[0])
	}
	expect(t, d, good)
}

// A gateway that another route of the same batch makes reachable, in the wrong order.
func TestGatewayByLaterRoute(t *testing.T) {
	cabled(t)
	d := open(t, Options{})
	routes := []route.Route{
		r4("10.8.0.0/16", "10.77.0.1", "eth1"), r4("10.77.0.1/32", "", "eth1"),
		r6("2001:db8:8::/48", "2001:db8:77::1", "eth1"), r6("2001:db8:77::1/128", "", "eth1"),
	}
	apply(t, d, create(routes...))
	expect(t, d, routes...)
}

// A removal names the route in full: the one beside it stays.
func TestRemoveHitsNoOther(t *testing.T) {
	cabled(t)
	d := open(t, Options{})
	gone := r4("10.8.0.0/16", "10.0.1.2", "eth1")
	stays := with(gone, func(r *route.Route) { r.Metric = 10 })
	apply(t, d, create(gone, stays))
	apply(t, d, remove(gone))
	apply(t, d, remove(gone)) // metric 0 means any, to the kernel
	expect(t, d, stays)
}

// Two of ours in one place, one of them made by hand: the engine sees both.
func TestTwice(t *testing.T) {
	cabled(t)
	d := open(t, Options{})
	wanted := r4("10.8.0.0/16", "10.0.1.2", "eth1")
	six := r6("2001:db8:8::/48", "", "eth1")
	apply(t, d, create(wanted, six))
	ip(t, "route prepend 10.8.0.0/16 via 10.0.2.2 proto 117")
	ip(t, "route append 10.8.0.0/16 via 10.0.2.3 proto 117")
	ip(t, "-6 route append 2001:db8:8::/48 dev eth2 proto 117")
	for range 4 {
		d.Apply(context.Background(), difference(t, d, []route.Route{wanted, six}, false))
	}
	expect(t, d, wanted, six)
}

// IPv4 routes vanish with their device in silence; the watch wakes all the same.
func TestLinkFlap(t *testing.T) {
	cabled(t)
	monitor, err := netmon.New()
	if err != nil {
		t.Fatal(err)
	}
	d := open(t, Options{Monitor: monitor})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	woken := make(chan struct{}, 1)
	go func() { ended <- monitor.Run(ctx) }()
	go func() {
		ended <- d.Watch(ctx, func() {
			select {
			case woken <- struct{}{}:
			default:
			}
		})
	}()
	wishes := []route.Route{
		r4("10.8.0.0/16", "10.0.1.2", "eth1"), r4("10.9.0.0/16", "10.0.1.3", "eth1"), r4("10.10.0.0/16", "10.0.2.2", "eth2"),
		r6("2001:db8:8::/48", "", "eth1"), r4("10.11.0.0/16", "", "").Via(hop("10.0.1.2", "eth1", 1), hop("10.0.2.2", "eth2", 1)),
	}
	repair := func() error {
		if changes := difference(t, d, wishes, false); len(changes) > 0 {
			if errs := d.Apply(ctx, changes); errs != nil {
				return fmt.Errorf("pending: %v", errs)
			}
			return fmt.Errorf("repaired %v", changes)
		}
		return nil
	}
	settled := func() {
		t.Helper()
		nltest.Eventually(t, 5*time.Second, func() error {
			<-woken // every change that matters wakes
			return repair()
		})
	}
	wake := func() {
		select {
		case woken <- struct{}{}:
		default:
		}
	}
	wake()
	settled()
	for range 5 {
		nltest.Down(t, "eth1")
		nltest.Eventually(t, 5*time.Second, func() error {
			<-woken
			if left := observe(t, d); len(left) > 2 {
				return fmt.Errorf("still there: %v", left)
			}
			return nil
		})
		nltest.Up(t, "eth1")
		settled()
	}
	ip(t, "addr del 10.0.1.1/24 dev eth1")
	<-woken
	ip(t, "addr add 10.0.1.1/24 dev eth1")
	settled()
	cancel()
	for range 2 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// A route with a lifetime goes when that is over and counts as there, also for the next
// driver; made anew after a loss it lives no longer.
func TestLifetime(t *testing.T) {
	cabled(t)
	dir := t.TempDir()
	d := open(t, Options{RunDir: dir})
	ctx, cancel := context.WithCancel(context.Background())
	ended, woken := make(chan error, 1), make(chan struct{}, 100)
	go func() { ended <- d.Watch(ctx, func() { woken <- struct{}{} }) }()
	short := with(r4("10.8.0.0/16", "10.0.1.2", "eth1"), func(r *route.Route) { r.Valid = 1 })
	long := with(r4("10.9.0.0/16", "10.0.1.2", "eth1"), func(r *route.Route) { r.Valid = 1000 })
	apply(t, d, create(short, long))
	expect(t, d, short, long)
	ip(t, "route del 10.8.0.0/16")
	apply(t, d, create(short))
	nltest.Eventually(t, 5*time.Second, func() error {
		<-woken
		if found := places4(t, d, short); found != 0 {
			return fmt.Errorf("%d routes in its place", found)
		}
		return nil
	})
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	writes := rtnl.Writes()
	expect(t, d, short, long)
	expect(t, open(t, Options{RunDir: dir}), short, long)
	apply(t, d, create(short))
	if n := rtnl.Writes(); n != writes {
		t.Errorf("%d writes for a route whose time is over", n-writes)
	}
	forever := with(short, func(r *route.Route) { r.Valid = 0 })
	apply(t, d, modify(short, forever))
	expect(t, d, forever, long)
	apply(t, d, remove(forever, long))
	expect(t, d)
}

func places4(t testing.TB, d *Driver, r route.Route) int {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	found := make([]place, 1)
	if err := d.survey(1, func(int) *route.Route { return &r }, found); err != nil {
		t.Fatal(err)
	}
	return len(found[0])
}

// The ledger says which routes of another protocol are ours, to the next driver too, and no
// others. A torn one, or one of another boot, says nothing.
func TestLedger(t *testing.T) {
	cabled(t)
	dir := t.TempDir()
	d := open(t, Options{RunDir: dir})
	static := with(r4("10.8.0.0/16", "10.0.1.2", "eth1"), func(r *route.Route) { r.Protocol = 4 })
	free := r4("10.9.0.0/16", "10.0.1.2", "")
	apply(t, d, create(static, free))
	ip(t, "route add 10.10.0.0/16 via 10.0.1.2 proto static")
	file := filepath.Join(dir, "route.json")
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("ledger: %v, %v", info, err)
	}
	expect(t, open(t, Options{RunDir: dir}), static, free)

	changed := with(static, func(r *route.Route) { r.Gateway = netip.MustParseAddr("10.0.1.3") })
	apply(t, d, modify(static, changed))
	expect(t, open(t, Options{RunDir: dir}), changed, free)

	ip(t, "route replace 10.8.0.0/16 via 10.0.1.9 proto static") // somebody else's now
	expect(t, d, free)

	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{string(data[:len(data)/2]), strings.Replace(string(data), d.ledger.boot, "another", 1)} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		expect(t, open(t, Options{RunDir: dir}), r4("10.9.0.0/16", "10.0.1.2", "eth1"))
	}
	failing := with(r4("10.11.0.0/16", "10.0.99.2", "eth1"), func(r *route.Route) { r.Protocol = 4 })
	if errs := d.Apply(context.Background(), create(failing)); errs == nil {
		t.Error("no error")
	}
	if _, noted := d.ledger.entries[failing.Key()]; noted {
		t.Error("a route that was not made is in the ledger")
	}
}

// Looking writes nothing.
func TestObserveWritesNothing(t *testing.T) {
	cabled(t)
	d := open(t, Options{})
	for _, golden := range goldens()[:3] {
		d.Apply(context.Background(), difference(t, d, golden, false))
		before := rtnl.Writes()
		if changes := difference(t, d, golden, false); len(changes) > 0 {
			t.Errorf("still to do: %v", changes)
		}
		if n := rtnl.Writes() - before; n != 0 {
			t.Errorf("%d writes without a change", n)
		}
	}
}

func TestExplain(t *testing.T) {
	cabled(t)
	d := open(t, Options{})
	ip(t, "route add 10.8.0.0/16 via 10.0.1.2 proto bird")
	r := r4("10.8.0.0/16", "10.0.1.3", "eth1")
	facts := d.Explain(context.Background(), r.Key())
	want := []string{
		"in the kernel, of bird: 10.8.0.0/16 via 10.0.1.2 dev eth1",
		"a packet to 10.8.0.0 goes via 10.0.1.2 out of eth1 from 10.0.1.1",
	}
	if !slices.Equal(facts, want) {
		t.Errorf("%q, want %q", facts, want)
	}
	ip(t, "route del 10.8.0.0/16")
	want = []string{"the kernel has no route in this place", "no route to 10.8.0.0: network is unreachable"}
	if facts := d.Explain(context.Background(), r.Key()); !slices.Equal(facts, want) {
		t.Errorf("%q, want %q", facts, want)
	}
}

func TestCheckRefuses(t *testing.T) {
	good, six := r4("10.8.0.0/16", "10.0.1.2", "eth1"), r6("2001:db8::/32", "fe80::1", "eth1")
	for name, bad := range map[string]route.Route{
		"nothing":   {},
		"host bits": with(good, func(r *route.Route) { r.Dst = netip.MustParsePrefix("10.8.0.1/16") }),
		"table":     with(good, func(r *route.Route) { r.Table = 0 }),
		"type":      with(good, func(r *route.Route) { r.Type = 0 }),
		"mtu":       with(good, func(r *route.Route) { r.MTU = 70000 }),
		"source":    with(good, func(r *route.Route) { r.Src = netip.MustParsePrefix("10.0.0.0/8") }),
		"tos":       with(six, func(r *route.Route) { r.TOS = 4 }),
		"metric":    with(six, func(r *route.Route) { r.Metric = 0 }),
		"zone":      with(six, func(r *route.Route) { r.Gateway = netip.MustParseAddr("fe80::1%eth1") }),
		"blackhole": with(good, func(r *route.Route) { r.Type = route.Blackhole }),
		"one nexthop": with(good, func(r *route.Route) {
			r.Gateway, r.Dev = netip.Addr{}, ""
			r.Nexthops = route.MakeNexthops(hop("10.0.1.2", "", 1))
		}),
		"both":         with(good, func(r *route.Route) { r.Nexthops = route.MakeNexthops(hop("10.0.1.2", "", 1), hop("10.0.2.2", "", 1)) }),
		"mapped":       with(six, func(r *route.Route) { r.Gateway = netip.MustParseAddr("::ffff:10.0.0.1") }),
		"IPv6 nexthop": six.Via(hop("", "eth1", 1), hop("fe80::1", "eth2", 1)),
	} {
		if (&Driver{}).Check(bad) == nil {
			t.Errorf("%s: %v is not refused", name, bad)
		}
	}
}
