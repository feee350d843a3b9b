// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"ucid/internal/engine"
	"ucid/internal/kind/route"
	"ucid/internal/rtnl"
)

func ip(t testing.TB, args string) {
	t.Helper()
	if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v: %s", args, err, out)
	}
}

func create(routes ...route.Route) []engine.Change[route.Route] {
	var list []engine.Change[route.Route]
	for _, r := range routes {
		list = append(list, engine.Change[route.Route]{Op: engine.Create, New: r})
	}
	return list
}

func remove(routes ...route.Route) []engine.Change[route.Route] {
	var list []engine.Change[route.Route]
	for _, r := range routes {
		list = append(list, engine.Change[route.Route]{Op: engine.Remove, Old: r})
	}
	return list
}

func modify(old, fresh route.Route) []engine.Change[route.Route] {
	return []engine.Change[route.Route]{{Op: engine.Modify, Old: old, New: fresh}}
}

func apply(t testing.TB, d *Driver, changes []engine.Change[route.Route]) {
	t.Helper()
	for i, err := range d.Apply(context.Background(), changes) {
		if err != nil {
			t.Fatalf("%s %v: %v", changes[i].Op, changes[i].Object(), err)
		}
	}
}

func observe(t testing.TB, d *Driver) []route.Route {
	t.Helper()
	routes, err := d.Observe(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return routes
}

func expect(t testing.TB, d *Driver, want ...route.Route) {
	t.Helper()
	got := observe(t, d)
	missing := slices.ContainsFunc(want, func(r route.Route) bool { return !slices.Contains(got, r) })
	if len(got) != len(want) || missing {
		t.Fatalf("observed %v, want %v", got, want)
	}
}

func TestForeign(t *testing.T) {
	cabled(t)
	d := open(t, Options{})
	ip(t, "route add 10.8.0.0/16 via 10.0.1.2 proto bird")
	ip(t, "route add 10.9.0.0/16 via 10.0.1.2 proto static metric 5")
	ip(t, "-6 route add 2001:db8:8::/48 via 2001:db8:1::2 proto zebra")
	ip(t, "route add 10.10.0.0/16 via 10.0.1.2 proto 117")
	wishes := []route.Route{
		r4("10.8.0.0/16", "10.0.1.2", "eth1"), r4("10.8.0.0/16", "10.0.1.3", "eth1"),
		r4("10.9.0.0/16", "10.0.1.3", "eth1"), r6("2001:db8:8::/48", "2001:db8:2::2", "eth2"),
		r4("10.0.1.0/24", "10.0.2.2", "eth2"), r4("10.10.0.0/16", "10.0.1.3", "eth1"),
		with(r4("10.8.0.0/16", "10.0.1.2", ""), func(r *route.Route) { r.Valid = 60 }),
	}
	want := []engine.Standing{{Same: true, Owner: "bird"}, {Owner: "bird"}, {}, {Owner: "zebra"}, {Owner: "kernel"}, {}, {Same: true, Owner: "bird"}}
	for i, wish := range wishes {
		many := slices.Repeat([]route.Route{wish}, fewStrangers+1) // so many are looked up in another way
		for _, asked := range [][]route.Route{{wish}, many} {
			got, err := d.Foreign(context.Background(), asked)
			if err != nil || got[0] != want[i] {
				t.Errorf("Foreign(%v) = %+v, %v, want %+v", wish, got[0], err, want[i])
			}
		}
	}
}

// A create or a change that meets a foreign route leaves it alone and waits.
func TestForeignCameInBetween(t *testing.T) {
	cabled(t)
	d := open(t, Options{})
	ours, other := r4("10.8.0.0/16", "10.0.1.2", "eth1"), r4("10.8.0.0/16", "10.0.2.2", "eth2")
	six, otherSix := r6("2001:db8:8::/48", "2001:db8:1::2", "eth1"), r6("2001:db8:8::/48", "2001:db8:2::2", "eth2")
	apply(t, d, create(ours, six))
	ip(t, "route replace 10.8.0.0/16 via 10.0.1.9 proto static")
	ip(t, "-6 route replace 2001:db8:8::/48 via 2001:db8:1::9 proto static")
	before := others(t, d)
	for _, changes := range [][]engine.Change[route.Route]{
		create(ours, six), slices.Concat(modify(ours, other), modify(six, otherSix)),
	} {
		errs := d.Apply(context.Background(), changes)
		for i, c := range changes {
			var pending *engine.Pending
			if errs == nil || !errors.As(errs[i], &pending) {
				t.Errorf("%s %v: %v, want pending", c.Op, c.New, errs)
			}
		}
	}
	apply(t, d, remove(ours, six))
	if after := others(t, d); !slices.Equal(before, after) {
		t.Errorf("before %v, after %v", before, after)
	}
}

// A foreign route put before ours stays there while ours changes.
func TestForeignBefore(t *testing.T) {
	cabled(t)
	d := open(t, Options{})
	ours, other := r4("10.8.0.0/16", "10.0.1.2", "eth1"), r4("10.8.0.0/16", "10.0.2.2", "eth2")
	apply(t, d, create(ours))
	ip(t, "route prepend 10.8.0.0/16 via 10.0.1.9 proto static")
	before := others(t, d)
	apply(t, d, modify(ours, other))
	expect(t, d, other)
	apply(t, d, remove(other))
	if after := others(t, d); !slices.Equal(before, after) {
		t.Errorf("before %v, after %v", before, after)
	}
}

// others lists what is not ours, the kernel's own left out.
func others(t testing.TB, d *Driver) []string {
	t.Helper()
	var list []string
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		err := d.dump(family, 0, 0, func() {}, func(r *route.Route, protocol uint8) {
			if protocol != d.options.Protocol && protocol != unix.RTPROT_KERNEL && !d.claimed(&standing{*r, protocol}) {
				list = append(list, fmt.Sprintf("%v proto %d", *r, protocol))
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return list
}

// difference is what an engine would do to have the wishes; one that is careless does not
// ask for foreign routes first.
func difference(t testing.TB, d *Driver, wishes []route.Route, careless bool) []engine.Change[route.Route] {
	t.Helper()
	var changes []engine.Change[route.Route]
	seen := map[route.Key]route.Route{}
	for _, r := range observe(t, d) {
		if _, twice := seen[r.Key()]; twice {
			changes = append(changes, remove(r)...)
			continue
		}
		seen[r.Key()] = r
	}
	standings, err := d.Foreign(context.Background(), wishes)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range wishes {
		old, ok := seen[r.Key()]
		delete(seen, r.Key())
		switch {
		case ok && old != r:
			changes = append(changes, modify(old, r)...)
		case !ok && (careless || standings[i].Owner == ""):
			changes = append(changes, create(r)...)
		}
	}
	for _, r := range seen {
		changes = append(changes, remove(r)...)
	}
	return changes
}

// Random plans among random foreign routes in the same few places: no foreign route is
// touched, whatever the plan, and what is not in conflict is as wanted.
func TestRandomPlans(t *testing.T) {
	cabled(t)
	d := open(t, Options{})
	other := open(t, Options{}) // a socket of somebody else
	observe(t, other)
	defer removeOthers(t, other)
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range 1500 {
		if rng.IntN(3) == 0 {
			disturb(t, other, rng)
		}
		wishes := randomWishes(rng)
		careless := rng.IntN(4) == 0
		changes := difference(t, d, wishes, careless)
		if rng.IntN(4) == 0 {
			disturb(t, other, rng) // behind the back of the plan
		}
		before := others(t, d)
		d.Apply(context.Background(), changes)
		if after := others(t, d); !slices.Equal(before, after) {
			t.Fatalf("plan %d %v:\nforeign before %q\nafter          %q", n, changes, before, after)
		}
		d.Apply(context.Background(), difference(t, d, wishes, false))
		if left := difference(t, d, wishes, false); len(left) > 0 {
			t.Fatalf("plan %d: still to do: %v", n, left)
		}
	}
}

var places = []struct{ dst, gateway1, gateway2 string }{
	{"10.8.0.0/16", "10.0.1.%d", "10.0.2.%d"},
	{"0.0.0.0/0", "10.0.1.%d", "10.0.2.%d"},
	{"2001:db8:8::/48", "2001:db8:1::%d", "2001:db8:2::%d"},
	{"::/0", "2001:db8:1::%d", "2001:db8:2::%d"},
}

func randomRoute(rng *rand.Rand) route.Route {
	p := places[rng.IntN(len(places))]
	r := r6(p.dst, fmt.Sprintf(p.gateway1, 2+rng.IntN(3)), "eth1")
	if rng.IntN(2) == 0 {
		r = r6(p.dst, fmt.Sprintf(p.gateway2, 2+rng.IntN(3)), "eth2")
	}
	r.Metric += uint32(rng.IntN(2))
	if r.Dst.Addr().Is4() {
		r.Metric -= 1024
	}
	switch rng.IntN(6) {
	case 0:
		r.Type, r.Gateway, r.Dev = route.Blackhole, netip.Addr{}, ""
	case 1:
		r = r.Via(hop(fmt.Sprintf(p.gateway1, 2), "eth1", 1), hop(fmt.Sprintf(p.gateway2, 2), "eth2", 1+rng.IntN(2)))
	case 2:
		r.Table = 100
	}
	return r
}

func randomWishes(rng *rand.Rand) []route.Route {
	byKey := map[route.Key]route.Route{}
	for range rng.IntN(8) {
		r := randomRoute(rng)
		switch rng.IntN(8) {
		case 0:
			r.Protocol = unix.RTPROT_STATIC
		case 1:
			r.Valid = 1000
		}
		byKey[r.Key()] = r
	}
	var wishes []route.Route
	for _, r := range byKey {
		wishes = append(wishes, r)
	}
	return wishes
}

// disturb is somebody else: adds, prepends, appends, replaces and deletes routes. In IPv6
// an appended route would become one with ours, so it is added only where nothing is.
func disturb(t testing.TB, d *Driver, rng *rand.Rand) {
	t.Helper()
	r := randomRoute(rng)
	r.Protocol = []uint8{unix.RTPROT_STATIC, unix.RTPROT_BIRD, unix.RTPROT_BOOT, unix.RTPROT_DHCP}[rng.IntN(4)]
	flags := []uint16{
		unix.NLM_F_CREATE | unix.NLM_F_EXCL, unix.NLM_F_CREATE | unix.NLM_F_REPLACE,
		unix.NLM_F_CREATE, unix.NLM_F_CREATE | unix.NLM_F_APPEND,
	}
	n := len(flags)
	if r.Dst.Addr().Is6() {
		n = 2
	}
	kind := rng.IntN(n + 1)
	err := d.conn.One(func(m *rtnl.Message) {
		if kind == n {
			d.encodeRemoval(m, &r)
		} else {
			d.encode(m, flags[kind], &r)
		}
	})
	if err != nil && !errors.Is(err, unix.EEXIST) && !errors.Is(err, unix.ESRCH) {
		t.Fatalf("%v: %v", r, err)
	}
}

// removeOthers takes away what disturb left: a route without a device outlives the test.
func removeOthers(t testing.TB, d *Driver) {
	t.Helper()
	var left []route.Route
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		err := d.dump(family, 0, 0, func() {}, func(r *route.Route, protocol uint8) {
			if protocol != unix.RTPROT_KERNEL {
				r.Protocol = protocol
				left = append(left, *r)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for i, err := range d.conn.Do(len(left), func(m *rtnl.Message, i int) { d.encodeRemoval(m, &left[i]) }) {
		if err != nil {
			t.Errorf("%v: %v", left[i], err)
		}
	}
}
