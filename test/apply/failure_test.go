// SPDX-License-Identifier: Apache-2.0

package apply_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"ucid/internal/control"
	"ucid/internal/engine"
	"ucid/internal/nltest"
	"ucid/test/lab"
)

// First class: a file that cannot be read keeps everything it asked for, the others move on.
func TestBrokenFileKeepsEverything(t *testing.T) {
	r := running(t, wan+office("192.0.2.8"))
	r.Write("network", "config route 'half\n")
	r.Write("ucid", sleeper)
	c := r.Change("apply", control.Request{})
	if c.OK() || len(c.Problems) != 1 || c.Problems[0].Package != "network" || c.Problems[0].Line != 1 {
		t.Errorf("%+v", c.Problems)
	}
	viaNow(t, "192.0.2.8")
	lab.Eventually(t, func() error { return sleeps(r) })
	out, status := r.CLI("reload")
	if status != 1 || !strings.Contains(out, r.Path("network")+":1") || !strings.Contains(out, "stays as it was") {
		t.Errorf("ucid reload: %d, %s", status, out)
	}
}

// Second class: a wrong section keeps what it had, the rest of the file is applied.
func TestWrongSectionKeepsItsObjects(t *testing.T) {
	r := running(t, wan+office("192.0.2.8"))
	r.Write("network", wan+office("192.0.2.888")+routeTo("lab", "10.1.0.0/16", "192.0.2.7"))
	c := r.Change("apply", control.Request{})
	if c.Outcome != control.Applied || c.OK() {
		t.Errorf("%+v", c)
	}
	if got, want := ours(t), "10.1.0.0/16 via 192.0.2.7\n198.51.100.0/24 via 192.0.2.8"; got != want {
		t.Errorf("routes %s, want %s", got, want)
	}
	if out, status := r.CLI("reload"); status != 1 || !strings.Contains(out, "route 'office'") || !strings.Contains(out, r.Path("network")+":10") {
		t.Errorf("ucid reload: %d, %s", status, out)
	}
}

// Third class, what time can cure: it waits, and the rest is applied.
func TestMissingDeviceWaits(t *testing.T) {
	r := lab.New(t)
	later := "\nconfig interface 'lab'\n\toption device 'lab0'\n\toption proto 'static'\n\toption ipaddr '10.9.0.1/24'\n" +
		strings.Replace(routeTo("tolab", "10.1.0.0/16", "10.9.0.2"), "'wan'", "'lab'", 1)
	r.Write("network", wan+office("192.0.2.8")+later)
	r.Start()
	if c := r.Change("apply", control.Request{}); !c.OK() {
		t.Errorf("%+v", c)
	}
	viaNow(t, "192.0.2.8")
	nltest.Veth(t, "lab0", "lab1", nil)
	lab.Eventually(t, func() error {
		if got := ours(t); !strings.Contains(got, "10.1.0.0/16 via 10.9.0.2") {
			return fmt.Errorf("routes %s", got)
		}
		return nil
	})
}

// Third class, for good: everything is put back, and it is told what failed.
func TestFinalErrorUndoesEverything(t *testing.T) {
	for _, window := range []time.Duration{0, time.Hour} {
		t.Run(window.String(), func(t *testing.T) {
			r := running(t, wan+office("192.0.2.8"))
			before := r.History()
			nltest.Address(t, "wan", "192.0.2.65/26") // makes 192.0.2.127 a broadcast address: only the kernel knows
			r.Write("network", wan+office("192.0.2.9")+routeTo("own", "10.1.0.0/16", "192.0.2.127"))
			c := r.Change("apply", control.Request{Confirm: window})
			if c.Outcome != control.Undone || len(c.Faults) == 0 || c.Faults[0].State != engine.Failed || len(c.Stuck) > 0 || c.OK() {
				t.Fatalf("%+v", c)
			}
			if !strings.Contains(c.Faults[0].Error(), r.Path("network")) || !strings.Contains(c.Faults[0].Error(), "10.1.0.0/16") {
				t.Errorf("the fault %q does not say where", c.Faults[0].Error())
			}
			viaNow(t, "192.0.2.8")
			if got := r.History(); len(got) != len(before) || r.Status().Window != nil || r.Status().Revision != 1 {
				t.Errorf("history %+v, status %+v", got, r.Status())
			}
			if n := len(stateFiles(r)["blobs"]); n != 1 {
				t.Errorf("%d blobs, want 1: what was not applied is still stored", n)
			}
			r.Restart()
			viaNow(t, "192.0.2.8")
			if out, status := r.CLI("reload"); status != 1 || !strings.Contains(out, "everything was put back") {
				t.Errorf("ucid reload: %d, %s", status, out)
			}
		})
	}
}

// A revision that cannot be applied leaves the files as they are.
func TestRollbackThatFailsKeepsTheFiles(t *testing.T) {
	r := running(t, wan+office("192.0.2.8"))
	r.Write("network", wan+routeTo("far", "10.1.0.0/16", "192.0.2.127"))
	r.Applied()
	third := wan + office("192.0.2.9")
	r.Write("network", third)
	r.Applied()
	nltest.Address(t, "wan", "192.0.2.65/26") // now the gateway of revision 2 is a broadcast address
	c := r.Change("rollback", control.Request{Revision: 2})
	t.Logf("%s %s %v", c.Outcome, c.Error, c.Faults)
	if c.Outcome != control.Undone {
		t.Fatalf("%+v", c)
	}
	viaNow(t, "192.0.2.9")
	if r.Read("network") != third {
		t.Errorf("the file holds %s", r.Read("network"))
	}
}

func TestCleanup(t *testing.T) {
	r := lab.New(t)
	r.Write("network", wan+office("192.0.2.8"))
	r.Write("ucid", sleeper)
	r.Start()
	r.Applied()
	lab.Eventually(t, func() error { return sleeps(r) })
	foreign := &netlink.Route{Dst: lab.ParseNet(t, "10.77.0.0/16"), Type: unix.RTN_BLACKHOLE, Protocol: 99}
	if err := netlink.RouteAdd(foreign); err != nil {
		t.Fatal(err)
	}
	if out, status := r.CLI("run", "--cleanup"); status != 1 || !strings.Contains(out, "another ucid") {
		t.Errorf("beside a daemon: %d, %s", status, out)
	}
	viaNow(t, "192.0.2.8")
	r.Write("network", wan+office("192.0.2.9"))
	r.Armed(time.Hour)
	r.Stop()
	out, status := r.CLI("run", "--cleanup")
	if status != 0 || !strings.Contains(out, "3 objects removed") {
		t.Errorf("%d, %s", status, out)
	}
	viaNow(t, "")
	if routes, _ := netlink.RouteListFiltered(netlink.FAMILY_V4, foreign, netlink.RT_FILTER_DST); len(routes) != 1 {
		t.Error("the foreign route is gone")
	}
	netlink.RouteDel(foreign)
	if _, err := os.Stat(filepath.Join(r.Settings.StateDir, "txn", "txn.json")); err == nil {
		t.Error("the journal is still open")
	}
	if out, status := r.CLI("run", "--cleanup"); status != 0 || !strings.Contains(out, "0 objects removed") {
		t.Errorf("again: %d, %s", status, out)
	}
	r.Start()
	if s := r.Status(); s.Revision != 0 || ours(t) != "" {
		t.Errorf("the next start is not a first one: revision %d, routes %s", s.Revision, ours(t))
	}
	if got := r.States(); got != "saved saved" {
		t.Errorf("history: %s", got)
	}
	r.Change("rollback", control.Request{Revision: 1})
	viaNow(t, "192.0.2.8")
}
