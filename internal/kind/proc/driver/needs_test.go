// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"ucid/internal/engine"
	"ucid/internal/kind/proc"
)

func needing(name string, needs ...string) proc.Proc {
	p := sleeper(name)
	p.Needs = engine.MakeList(needs...)
	return p
}

// waits expects that the process is not forked and says for what.
func waits(t *testing.T, d *Driver, name, text string) {
	t.Helper()
	if i := status(t, d, name); i.Pid != 0 || i.State != "starting" || !strings.Contains(i.Text, text) {
		t.Fatalf("want one that waits for %q: %+v", text, i)
	}
}

func TestNeedsGateTheStart(t *testing.T) {
	d, events := open(t, t.TempDir())
	dir := t.TempDir()
	flag, ready := filepath.Join(dir, "flag"), filepath.Join(dir, "ready")
	create(t, d, needing("web", "proc:db", "file:"+flag, "iface:lo"))
	waits(t, d, "web", "process db to run")
	db := sleeper("db")
	db.Ready = "file:" + ready
	create(t, d, db)
	eventually(t, "db is forked", func() bool { return status(t, d, "db").Pid != 0 })
	waits(t, d, "web", "process db to run")
	write(t, ready, "")
	waitState(t, d, "db", running)
	write(t, flag, "")
	if isUp("lo") {
		waitState(t, d, "web", running)
	} else {
		eventually(t, "it waits for the interface", func() bool { return strings.Contains(status(t, d, "web").Text, "interface lo") })
		p := needing("web", "proc:db")
		modify(t, d, needing("web", "proc:db", "file:"+flag, "iface:lo"), p)
		waitState(t, d, "web", running)
	}
	pid := status(t, d, "web").Pid
	act(t, d, "db", "stop") // a need that goes away does not kill
	waitState(t, d, "db", stopped)
	if i := status(t, d, "web"); i.Pid != pid || !alive(pid) {
		t.Errorf("%+v", i)
	}
	act(t, d, "web", "restart") // but the next start waits again
	eventually(t, "it waits again", func() bool { return strings.Contains(status(t, d, "web").Text, "process db") })
	act(t, d, "db", "start")
	waitState(t, d, "web", running)
	eventually(t, "two starts are told", func() bool { return events.count(EventStarted, "web") == 2 })
}

// One that waits can be stopped, changed and removed.
func TestWaitingObeys(t *testing.T) {
	d, _ := open(t, t.TempDir())
	p := needing("web", "iface:none0")
	create(t, d, p)
	waits(t, d, "web", "interface none0 to be up")
	if h := d.Probe(p); h.State != engine.Waiting || h.Limit != 0 {
		t.Errorf("an apply would wait: %+v", h)
	}
	act(t, d, "web", "stop")
	waitState(t, d, "web", stopped)
	act(t, d, "web", "start")
	waits(t, d, "web", "interface none0")
	other := p
	other.Needs = engine.MakeList("file:/no/such/file")
	modify(t, d, p, other)
	eventually(t, "it waits for the file", func() bool { return strings.Contains(status(t, d, "web").Text, "file /no/such/file") })
	other.Needs = engine.List{}
	modify(t, d, p, other)
	waitState(t, d, "web", running)
	create(t, d, needing("two", "route:203.0.113.0/24"))
	waits(t, d, "two", "a route to 203.0.113.0/24")
	apply(t, d, engine.Remove, needing("two"), proc.Proc{})
	eventually(t, "it is gone", func() bool { _, ok := d.Status("two"); return !ok })
}

// The stop order is the reverse of the needs, also when all go at once.
func TestStopOrder(t *testing.T) {
	d, events := open(t, t.TempDir())
	db, web := sleeper("db"), sh("web", `trap 'sleep 0.2; exit 0' TERM; echo up; while :; do sleep 0.01; done`)
	web.Needs = engine.MakeList("proc:db")
	proxy := needing("proxy", "proc:web")
	for _, p := range []proc.Proc{proxy, db, web} {
		create(t, d, p)
	}
	waitState(t, d, "proxy", running)
	output(t, d, "web", "up")
	var changes []engine.Change[proc.Proc]
	for _, p := range []proc.Proc{db, web, proxy} {
		changes = append(changes, engine.Change[proc.Proc]{Op: engine.Remove, Old: p})
	}
	if errs := d.Apply(context.Background(), changes); errs != nil {
		t.Fatal(errs)
	}
	eventually(t, "all are gone", func() bool { return len(d.List()) == 0 })
	var order []string
	eventually(t, "all are told", func() bool {
		events.mu.Lock()
		defer events.mu.Unlock()
		order = nil
		for _, e := range events.events {
			if e.What == EventStopped {
				order = append(order, e.Name)
			}
		}
		return len(order) == 3
	})
	if !slices.Equal(order, []string{"proxy", "web", "db"}) {
		t.Errorf("stopped in the order %v", order)
	}
}

// One that was being removed and is wanted again goes on.
func TestParkedIsWantedAgain(t *testing.T) {
	d, _ := open(t, t.TempDir())
	db, web := sleeper("db"), sh("web", `trap '' TERM; echo up; while :; do sleep 0.01; done`)
	web.Needs, web.TermAfter = engine.MakeList("proc:db"), time.Hour
	create(t, d, db)
	create(t, d, web)
	output(t, d, "web", "up")
	pid, stubborn := status(t, d, "db").Pid, status(t, d, "web").Pid
	d.Apply(context.Background(), []engine.Change[proc.Proc]{{Op: engine.Remove, Old: db}, {Op: engine.Remove, Old: web}})
	if !alive(pid) {
		t.Error("it was stopped before its dependant")
	}
	create(t, d, db)
	kill9(stubborn)
	eventually(t, "the dependant is gone", func() bool { return len(d.List()) == 1 })
	if i := status(t, d, "db"); i.Pid != pid || i.State != "running" {
		t.Errorf("%+v", i)
	}
}

func TestCheckNeeds(t *testing.T) {
	d, _ := open(t, t.TempDir())
	create(t, d, needing("a", "proc:b"))
	for want, needs := range map[string][]string{
		"none of":      {"moon:full"},
		"itself":       {"proc:b"},
		"absolute":     {"file:x"},
		"route":        {"route:x"},
		"which needs":  {"proc:a"},
		"neither coul": {"iface:lo", "proc:a"},
	} {
		if err := d.Check(needing("b", needs...)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
	if err := d.Check(needing("b", "proc:c", "route:default", "route:10.0.0.1", "route:fd00::/8")); err != nil {
		t.Error(err)
	}
	var refs []string
	d.Needs(needing("b", "proc:c", "iface:eth0", "route:default", "file:/x"), func(r engine.Ref) { refs = append(refs, r.String()) })
	if got := strings.Join(refs, " "); got != "proc:c link:eth0 route: file:/x" {
		t.Error(got)
	}
}

// Two that need each other, which no check saw, are removed all the same.
func TestCircleIsRemoved(t *testing.T) {
	d, _ := open(t, t.TempDir())
	a, b := needing("a"), needing("b", "proc:a")
	create(t, d, a)
	create(t, d, b)
	waitState(t, d, "b", running)
	modify(t, d, a, needing("a", "proc:b"))
	d.Apply(context.Background(), []engine.Change[proc.Proc]{{Op: engine.Remove, Old: a}, {Op: engine.Remove, Old: b}})
	eventually(t, "both are gone", func() bool { return len(d.List()) == 0 })
}

// The routes of this machine: an exact prefix counts, also where a longer one hides it.
func TestHasRoute(t *testing.T) {
	if hasRoute("203.0.113.0/24") {
		t.Error("a documentation prefix has a route")
	}
	routes, err := netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Table: unix.RT_TABLE_MAIN}, netlink.RT_FILTER_TABLE)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range routes {
		text := "default"
		if r.Dst != nil {
			text = r.Dst.String()
		}
		if !hasRoute(text) {
			t.Errorf("%s has no route", text)
		}
	}
}
