// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"context"
	"net/netip"
	"os/exec"
	"strings"
	"testing"

	"ucid/internal/engine"
	"ucid/internal/engine/enginetest"
	"ucid/internal/kind/rule"
	"ucid/internal/nltest"
)

func TestMain(m *testing.M) { nltest.Main(m) }

func open(t testing.TB) *Driver {
	t.Helper()
	d, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func lookup(priority, table uint32) rule.Rule {
	return rule.Rule{Priority: priority, Action: rule.Lookup, Table: table}
}

func with(r rule.Rule, change func(*rule.Rule)) rule.Rule {
	change(&r)
	return r
}

func goldens() [][]rule.Rule {
	full := rule.Rule{
		Priority: 300, Invert: true, In: "eth7", Out: "eth8", TOS: 0x10,
		Src: netip.MustParsePrefix("10.0.0.0/8"), Dst: netip.MustParsePrefix("192.0.2.1/32"),
		Mark: 0x10, MarkMask: 0xff, IPProto: 6,
		Sport: rule.Range{From: 1000, To: 2000, Set: true}, Dport: rule.Range{From: 80, To: 80, Set: true},
		UID: rule.Range{From: 0, To: 0, Set: true}, Action: rule.Lookup, Table: 70000, Suppress: 1,
	}
	six := with(full, func(r *rule.Rule) {
		r.IPv6, r.TOS, r.Suppress = true, 0, 17
		r.Src, r.Dst = netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2001:db8::1/128")
	})
	return [][]rule.Rule{
		{lookup(100, 100), lookup(100, 101), with(lookup(100, 100), func(r *rule.Rule) { r.IPv6 = true })},
		{full, six},
		{
			{Priority: 5, Action: rule.Goto, Goto: 10}, {Priority: 6, Action: rule.Nop},
			{Priority: 7, Action: rule.Blackhole, Mark: 0, MarkMask: 1}, {Priority: 8, Action: rule.Unreachable, In: "lo"},
			{Priority: 9, Action: rule.Prohibit, IPv6: true}, lookup(0, 254),
		},
		// Each of them would be taken for another one by the kernel.
		{
			with(lookup(100, 100), func(r *rule.Rule) { r.Mark, r.MarkMask = 1, 1 }),
			with(lookup(100, 100), func(r *rule.Rule) { r.In = "eth7" }),
			lookup(100, 100),
			with(lookup(100, 100), func(r *rule.Rule) { r.Invert = true; r.Src = netip.MustParsePrefix("10.0.0.0/8") }),
			with(lookup(100, 100), func(r *rule.Rule) { r.Src = netip.MustParsePrefix("10.0.0.0/8") }),
		},
		{with(lookup(100, 100), func(r *rule.Rule) { r.In = "eth7" })},
	}
}

func TestConform(t *testing.T) { enginetest.Conform(t, open(t), goldens()...) }

func TestConformFake(t *testing.T) {
	enginetest.Conform(t, &enginetest.Fake[rule.Rule, rule.Rule]{
		Name: rule.Kind, KeyOf: func(r rule.Rule) rule.Rule { return r },
	}, goldens()...)
}

func TestCheckTakesGoldens(t *testing.T) {
	for _, golden := range goldens() {
		for _, r := range golden {
			if err := open(t).Check(r); err != nil {
				t.Errorf("%v: %v", r, err)
			}
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	for _, bad := range []rule.Rule{
		{}, lookup(1, 0), {Priority: 9, Action: rule.Goto, Goto: 9},
		with(lookup(1, 1), func(r *rule.Rule) { r.Mark = 1 }),
		with(lookup(1, 1), func(r *rule.Rule) { r.Protocol = 4 }),
		with(lookup(1, 1), func(r *rule.Rule) { r.Src = netip.MustParsePrefix("0.0.0.0/0") }),
		with(lookup(1, 1), func(r *rule.Rule) { r.Src = netip.MustParsePrefix("10.0.0.1/8") }),
		with(lookup(1, 1), func(r *rule.Rule) { r.Dst = netip.MustParsePrefix("2001:db8::/32") }),
	} {
		if open(t).Check(bad) == nil {
			t.Errorf("%+v is not refused", bad)
		}
	}
}

// rules is the kernel's list without ours.
func foreign(t testing.TB) string {
	t.Helper()
	var lines []string
	for _, family := range []string{"-4", "-6"} {
		out, err := exec.Command("ip", "-N", "-d", family, "rule", "show").CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		for line := range strings.Lines(string(out)) {
			if !strings.Contains(line, "proto 117") {
				lines = append(lines, line)
			}
		}
	}
	return strings.Join(lines, "")
}

// Rules of others at the same priority, like ours or the same, stay as they are.
func TestForeignRulesStay(t *testing.T) {
	for _, args := range []string{
		"rule add pref 100 lookup 100 proto static",
		"rule add pref 100 fwmark 1/1 lookup 100 proto bird",
		"rule add pref 100 iif eth7 lookup 100 proto static",
		"rule add pref 300 from 10.0.0.0/8 lookup 7",
		"-6 rule add pref 100 lookup 100 proto static",
	} {
		if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v: %s", args, err, out)
		}
		t.Cleanup(func() { exec.Command("ip", strings.Fields(strings.Replace(args, " add ", " del ", 1))...).Run() })
	}
	before := foreign(t)
	d := open(t)
	for _, golden := range goldens() {
		var create, remove []engine.Change[rule.Rule]
		for _, r := range golden {
			create = append(create, engine.Change[rule.Rule]{Op: engine.Create, New: r})
			remove = append(remove, engine.Change[rule.Rule]{Op: engine.Remove, Old: r})
		}
		for _, changes := range [][]engine.Change[rule.Rule]{create, remove, remove} {
			if errs := d.Apply(context.Background(), changes); errs != nil {
				t.Fatal(errs)
			}
			if after := foreign(t); after != before {
				t.Fatalf("foreign rules before:\n%safter %v:\n%s", before, changes, after)
			}
		}
	}
	standings, err := d.Foreign(context.Background(), []rule.Rule{lookup(100, 100), lookup(100, 999)})
	if err != nil || !standings[0].Same || standings[1] != (engine.Standing{}) {
		t.Errorf("Foreign: %+v, %v", standings, err)
	}
}

// A rule of somebody else becomes ours on purpose, and no other one goes along.
func TestAdopt(t *testing.T) {
	for _, args := range []string{
		"rule add pref 100 fwmark 1/1 lookup 100 proto bird", "rule add pref 100 lookup 100 proto bird",
		"rule add pref 100 lookup 101 proto static",
	} {
		if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v: %s", args, err, out)
		}
		t.Cleanup(func() { exec.Command("ip", strings.Fields(strings.Replace(args, " add ", " del ", 1))...).Run() })
	}
	d := open(t)
	for range 2 {
		if err := d.Adopt(context.Background(), lookup(100, 100)); err != nil {
			t.Fatal(err)
		}
		if ours, err := d.Observe(context.Background()); err != nil || len(ours) != 1 || ours[0] != lookup(100, 100) {
			t.Errorf("ours: %v, %v", ours, err)
		}
	}
	if left := strings.Count(foreign(t), "100:"); left != 2 {
		t.Errorf("%d foreign rules left, want 2:\n%s", left, foreign(t))
	}
	if errs := d.Apply(context.Background(), []engine.Change[rule.Rule]{{Op: engine.Remove, Old: lookup(100, 100)}}); errs != nil {
		t.Error(errs)
	}
}

var (
	_ engine.Adopter[rule.Rule]           = (*Driver)(nil)
	_ engine.Driver[rule.Rule, rule.Rule] = (*Driver)(nil)
	_ engine.Watcher                      = (*Driver)(nil)
	_ engine.Checker[rule.Rule]           = (*Driver)(nil)
	_ engine.Surveyor[rule.Rule]          = (*Driver)(nil)
)
