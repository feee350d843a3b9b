// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"ucid/internal/engine"
	"ucid/internal/engine/enginetest"
	"ucid/internal/kind/addr"
	"ucid/internal/nltest"
)

func TestMain(m *testing.M) { nltest.Main(m) }

func open(t testing.TB, options Options) *Driver {
	t.Helper()
	d, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func on(dev, prefix string) addr.Addr {
	return addr.Addr{Dev: dev, Prefix: netip.MustParsePrefix(prefix)}
}

func with(a addr.Addr, change func(*addr.Addr)) addr.Addr {
	change(&a)
	return a
}

func peer(a addr.Addr, p string) addr.Addr {
	return with(a, func(a *addr.Addr) { a.Peer = netip.MustParseAddr(p) })
}

func goldens() [][]addr.Addr {
	return [][]addr.Addr{
		{on("eth1", "10.0.1.1/24"), on("eth1", "10.0.1.2/24"), on("eth2", "2001:db8::1/64")},
		{on("eth1", "10.0.1.2/24"), on("eth1", "10.0.1.3/24"), peer(on("eth2", "2001:db8::1/64"), "2001:db8::2")},
		{
			with(on("eth1", "10.0.1.2/24"), func(a *addr.Addr) { a.Broadcast = netip.MustParseAddr("10.0.1.255") }),
			with(on("eth1", "10.0.1.3/24"), func(a *addr.Addr) { a.NoRoute = true }),
			with(on("eth2", "2001:db8::1/64"), func(a *addr.Addr) { a.NoRoute = true }),
			peer(on("eth2", "10.9.0.1/32"), "10.9.0.2"), on("lo", "192.0.2.1/32"), on("eth1", "fe80::7/64"),
		},
		{on("eth1", "10.0.1.2/24"), peer(on("eth2", "10.9.0.1/32"), "10.9.0.3"), on("eth2", "2001:db8::1/64")},
	}
}

func TestConform(t *testing.T) {
	nltest.Veth(t, "eth1", "eth2", nil)
	enginetest.Conform(t, open(t, Options{}), goldens()...)
}

func TestConformFake(t *testing.T) {
	enginetest.Conform(t, &enginetest.Fake[addr.Addr, addr.Key]{Name: addr.Kind, KeyOf: addr.Addr.Key}, goldens()...)
}

// A kernel before 5.18 does not give the protocol back: the ledger does, also after a restart.
func TestConformWithLedger(t *testing.T) {
	nltest.Veth(t, "eth1", "eth2", nil)
	dir := t.TempDir()
	d := open(t, Options{RunDir: dir})
	d.mute = true
	enginetest.Conform(t, d, goldens()...)

	apply(t, d, engine.Create, on("eth1", "10.0.1.1/24"))
	again := open(t, Options{RunDir: dir})
	again.mute = true
	if got := observe(t, again); len(got) != 1 || got[0] != on("eth1", "10.0.1.1/24") {
		t.Errorf("after a restart: %v", got)
	}
	nltest.Delete(t, "eth1")
	nltest.Veth(t, "eth1", "eth2", nil)
	nltest.Address(t, "eth1", "10.0.1.1/24")
	if got := observe(t, again); len(got) != 0 {
		t.Errorf("the address of another device of that name is not ours: %v", got)
	}
}

func TestCheckTakesGoldens(t *testing.T) {
	for _, golden := range goldens() {
		for _, a := range golden {
			if err := (&Driver{}).Check(a); err != nil {
				t.Errorf("%v: %v", a, err)
			}
		}
	}
}

func apply(t testing.TB, d *Driver, op engine.Op, addrs ...addr.Addr) {
	t.Helper()
	if errs := d.Apply(context.Background(), changes(op, addrs...)); errs != nil {
		t.Fatalf("%s %v: %v", op, addrs, errs)
	}
}

func changes(op engine.Op, addrs ...addr.Addr) []engine.Change[addr.Addr] {
	var list []engine.Change[addr.Addr]
	for _, a := range addrs {
		if op == engine.Remove {
			list = append(list, engine.Change[addr.Addr]{Op: op, Old: a})
		} else {
			list = append(list, engine.Change[addr.Addr]{Op: op, New: a})
		}
	}
	return list
}

func observe(t testing.TB, d *Driver) []addr.Addr {
	t.Helper()
	addrs, err := d.Observe(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return addrs
}

func show(t testing.TB, dev string) string {
	t.Helper()
	out, err := exec.Command("ip", "-4", "-o", "addr", "show", "dev", dev).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

// Removing the first address of a network takes no other one along.
func TestPrimaryGoesAlone(t *testing.T) {
	nltest.Veth(t, "eth1", "eth2", nil)
	d := open(t, Options{})
	apply(t, d, engine.Create, on("eth1", "10.0.1.1/24"), on("eth1", "10.0.1.2/24"))
	nltest.Address(t, "eth1", "10.0.1.3/24")
	apply(t, d, engine.Remove, on("eth1", "10.0.1.1/24"))
	text := show(t, "eth1")
	for _, kept := range []string{"10.0.1.2/24", "10.0.1.3/24"} {
		if !strings.Contains(text, kept) {
			t.Errorf("%s went along:\n%s", kept, text)
		}
	}
	if err := d.devices.Load(d.conn); err != nil || d.promotes(1) {
		t.Errorf("promote_secondaries is not as it was (%v)", err)
	}
}

func TestForeignAddressesStay(t *testing.T) {
	nltest.Veth(t, "eth1", "eth2", nil)
	nltest.Address(t, "eth1", "10.0.1.1/24")
	nltest.Address(t, "eth1", "10.0.2.1/24")
	before := show(t, "eth1")
	d := open(t, Options{})
	same, other := on("eth1", "10.0.1.1/24"), with(on("eth1", "10.0.2.1/24"), func(a *addr.Addr) { a.NoRoute = true })
	standings, err := d.Foreign(context.Background(), []addr.Addr{same, other, on("eth1", "10.0.3.1/24")})
	want := []engine.Standing{{Same: true, Owner: "another program"}, {Owner: "another program"}, {}}
	if err != nil || fmt.Sprint(standings) != fmt.Sprint(want) {
		t.Errorf("Foreign: %v, %v, want %v", standings, err, want)
	}
	apply(t, d, engine.Create, same)
	if errs := d.Apply(context.Background(), changes(engine.Create, other)); errs == nil {
		t.Error("an address of somebody else was taken over")
	}
	apply(t, d, engine.Remove, same, other)
	if after := show(t, "eth1"); after != before {
		t.Errorf("before:\n%safter:\n%s", before, after)
	}
}

func TestMissingDevice(t *testing.T) {
	d := open(t, Options{})
	errs := d.Apply(context.Background(), changes(engine.Create, on("eth9", "10.0.1.1/24")))
	var pending *engine.Pending
	if len(errs) != 1 || !errors.As(errs[0], &pending) || pending.Cure != "when eth9 appears" {
		t.Errorf("errors %v", errs)
	}
	apply(t, d, engine.Remove, on("eth9", "10.0.1.1/24"))
}

// Both ends of a cable want the same address: duplicate address detection fails on one.
func TestDuplicateAddress(t *testing.T) {
	ns := nltest.NewNS(t, "far")
	nltest.Veth(t, "eth1", "far1", ns)
	ns.Address(t, "far1", "2001:db8::1/64")
	d := open(t, Options{})
	a := on("eth1", "2001:db8::1/64")
	apply(t, d, engine.Create, a)
	observe(t, d)
	if h := d.Probe(a); h.State != engine.Waiting {
		t.Errorf("at first: %+v", h)
	}
	nltest.Eventually(t, 10*time.Second, func() error {
		observe(t, d)
		if h := d.Probe(a); h.State != engine.Failed {
			return fmt.Errorf("%+v", h)
		}
		return nil
	})
	b := on("eth1", "2001:db8::2/64")
	apply(t, d, engine.Create, b)
	nltest.Eventually(t, 10*time.Second, func() error {
		observe(t, d)
		if h := d.Probe(b); h != (engine.Health{}) {
			return fmt.Errorf("%+v", h)
		}
		return nil
	})
	nltest.Down(t, "eth1")
}

// Addresses of others become ours on purpose, and stay ours after a restart.
func TestAdopt(t *testing.T) {
	nltest.Veth(t, "eth1", "eth2", nil)
	nltest.Address(t, "eth1", "10.0.1.1/24") // with a broadcast
	nltest.Address(t, "eth1", "10.0.1.2/24")
	nltest.Address(t, "eth1", "2001:db8::1/64")
	dir := t.TempDir()
	d := open(t, Options{RunDir: dir})
	same := with(on("eth1", "10.0.1.1/24"), func(a *addr.Addr) { a.Broadcast = netip.MustParseAddr("10.0.1.255") })
	wishes := []addr.Addr{same, on("eth1", "10.0.1.2/24"), on("eth1", "2001:db8::1/64")}
	for _, a := range wishes {
		if err := d.Adopt(context.Background(), a); err != nil {
			t.Error(err)
		}
	}
	for _, d := range []*Driver{d, open(t, Options{RunDir: dir})} {
		got := observe(t, d)
		for _, a := range wishes {
			if !slices.Contains(got, a) {
				t.Errorf("%v is not ours", a)
			}
		}
	}
	apply(t, d, engine.Remove, wishes...)
	if got := observe(t, d); len(got) != 0 || len(d.ledger.indexes) != 0 {
		t.Errorf("left: %v, in the ledger %v", got, d.ledger.indexes)
	}
	if d.Adopt(context.Background(), same) == nil {
		t.Error("what is not there was adopted")
	}
}

var (
	_ engine.Adopter[addr.Addr]          = (*Driver)(nil)
	_ engine.Driver[addr.Addr, addr.Key] = (*Driver)(nil)
	_ engine.Watcher                     = (*Driver)(nil)
	_ engine.Checker[addr.Addr]          = (*Driver)(nil)
	_ engine.Surveyor[addr.Addr]         = (*Driver)(nil)
	_ engine.Prober[addr.Addr]           = (*Driver)(nil)
	_ engine.Forecaster[addr.Addr]       = (*Driver)(nil)
)
