// SPDX-License-Identifier: Apache-2.0

package daemon_test

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"ucid/internal/control"
	"ucid/internal/rtnl"
	"ucid/test/lab"
)

const sleeper = `
config process 'sleeper'
	list command 'sleep'
	list command '100000'
	option respawn '3600 0 0'
`

func TestReloadPutsTheRouteIntoTheKernel(t *testing.T) {
	r := running(t, wan)
	r.Applied()
	noRoute(t, "198.51.100.0/24")
	r.Write("network", wan+office)
	change := r.Applied()
	viaNow(t, "198.51.100.0/24", "192.0.2.9")
	if change.Created != 1 || change.Changed+change.Removed != 0 {
		t.Errorf("created %d, changed %d, removed %d; want 1, 0, 0", change.Created, change.Changed, change.Removed)
	}
	r.Write("network", wan)
	r.Applied()
	noRoute(t, "198.51.100.0/24")
}

func TestReloadWithoutChangeDoesNothing(t *testing.T) {
	r := running(t, wan+office)
	// The child tells every signal that a shell can catch.
	r.Write("ucid", "config process 'ear'\n"+
		"\tlist command 'sh'\n\tlist command '-c'\n"+
		"\tlist command 'for s in HUP INT QUIT USR1 USR2 TERM CONT ALRM; do trap \"echo heard $s\" $s; done; echo listening; while :; do sleep 1000 & wait $!; done'\n\toption term_timeout '0'\n")
	first := r.Applied()
	pid := r.Child("ear")
	r.WaitLog("ear", "listening")
	began := lab.StartTime(pid)
	writes := rtnl.Writes()
	for range 3 {
		if change := r.Applied(); change.Outcome != control.Unchanged || change.Revision != first.Revision {
			t.Errorf("outcome %s, revision %d; want unchanged, %d", change.Outcome, change.Revision, first.Revision)
		}
	}
	if n := rtnl.Writes() - writes; n != 0 {
		t.Errorf("%d netlink writes, want 0", n)
	}
	if r.Child("ear") != pid || lab.StartTime(pid) != began {
		t.Error("the child is another one")
	}
	if lines := r.Lines("ear"); len(lines) != 1 {
		t.Errorf("the child says %q, want one line: it got a signal", lines)
	}
}

func TestReloadWithoutChangeStoresNothingWhileSectionsAreWrong(t *testing.T) {
	r := running(t, wan+office)
	r.Applied()
	bad := wan
	for i := range 9 {
		bad += fmt.Sprintf("\nconfig route 'r%d'\n\toption interface 'wan'\n\toption target '10.%d.0.0/16'\n\toption gateway '192.0.2.300'\n", i, i)
	}
	r.Write("network", bad)
	first := r.Apply()
	for range 5 {
		if again := r.Apply(); again.Outcome != control.Unchanged || again.Revision != first.Revision {
			t.Fatalf("%s, revision %d; want unchanged, %d", again.Outcome, again.Revision, first.Revision)
		}
	}
	r.Restart()
	if again := r.Apply(); again.Outcome != control.Unchanged || again.Revision != first.Revision {
		t.Errorf("after a restart: %s, revision %d; want unchanged, %d", again.Outcome, again.Revision, first.Revision)
	}
}

func TestDeletedRouteIsBack(t *testing.T) {
	r := running(t, wan+office)
	r.Applied()
	deleteRoute(t, "198.51.100.0/24", "192.0.2.9")
	via(t, "198.51.100.0/24", "192.0.2.9")
}

func TestKilledChildIsReplaced(t *testing.T) {
	r := running(t, wan)
	r.Write("ucid", sleeper)
	r.Applied()
	pid := r.Child("sleeper")
	lab.Kill(t, pid, syscall.SIGKILL)
	if next := r.Child("sleeper", pid); next == pid {
		t.Errorf("still pid %d", pid)
	}
}

func TestFirstStartChangesNothing(t *testing.T) {
	r := newRouter(t)
	r.Write("network", wan+office)
	r.Write("ucid", "config globals 'globals'\n\toption auto_apply '1'\n"+sleeper)
	writes := rtnl.Writes()
	r.Start()
	r.Write("network", wan+office+"\n")
	r.Restart()
	s := r.Status()
	if s.Revision != 0 || rtnl.Writes() != writes || len(r.Services()) != 0 {
		t.Errorf("revision %d, %d writes, children %v; want nothing at all", s.Revision, rtnl.Writes()-writes, r.Services())
	}
	noRoute(t, "198.51.100.0/24")
	plan := lab.Must[control.Plan](r, "plan", nil)
	if !plan.First || len(plan.Lines) != 3 {
		t.Errorf("plan %+v, want the first, of 3 lines", plan)
	}
	if _, err := os.Stat(filepath.Join(r.Settings.StateDir, "applied")); err == nil {
		t.Error("something was stored")
	}
	r.Applied()
	viaNow(t, "198.51.100.0/24", "192.0.2.9")
}

func TestSignalReloads(t *testing.T) {
	r := running(t, wan+office)
	r.Reload <- syscall.SIGHUP
	via(t, "198.51.100.0/24", "192.0.2.9")
	lab.Eventually(t, func() error {
		if s := r.Status(); s.AppliedBy != "hangup" {
			return fmt.Errorf("applied by %q", s.AppliedBy)
		}
		return nil
	})
}

func TestAnonymousSections(t *testing.T) {
	r := running(t, wan)
	route := "\nconfig route\n\toption interface 'wan'\n\toption target '10.%d.0.0/16'\n\toption gateway '%s'\n"
	r.Write("network", wan+fmt.Sprintf(route, 1, "192.0.2.11")+fmt.Sprintf(route, 2, "192.0.2.12"))
	r.Applied()
	viaNow(t, "10.1.0.0/16", "192.0.2.11")
	viaNow(t, "10.2.0.0/16", "192.0.2.12")

	// The first is wrong now; which one an unnamed section was is not known, so all stay.
	r.Write("network", wan+fmt.Sprintf(route, 1, "192.0.2.300")+fmt.Sprintf(route, 3, "192.0.2.13"))
	wantProblem(t, r.Apply(), "@route[0]", "192.0.2.300")
	for i := 1; i <= 3; i++ {
		viaNow(t, fmt.Sprintf("10.%d.0.0/16", i), fmt.Sprintf("192.0.2.1%d", i))
	}
	r.Write("network", wan+fmt.Sprintf(route, 3, "192.0.2.13"))
	r.Applied()
	noRoute(t, "10.1.0.0/16")
	noRoute(t, "10.2.0.0/16")
	viaNow(t, "10.3.0.0/16", "192.0.2.13")
}

func TestAutoApply(t *testing.T) {
	r := running(t, wan)
	r.Write("ucid", "config globals 'globals'\n\toption auto_apply '1'\n")
	r.Applied()
	r.Write("network", wan+office)
	via(t, "198.51.100.0/24", "192.0.2.9")
	r.Write("network", wan+office+"config route 'broken\n")
	lab.Eventually(t, func() error {
		if how := r.Status().Unapplied["network"]; how != "broken" {
			return fmt.Errorf("network is %q, want broken", how)
		}
		return nil
	})
	viaNow(t, "198.51.100.0/24", "192.0.2.9")
	r.Write("network", wan)
	lab.Eventually(t, func() error {
		if got := kernelRoutes(t, "198.51.100.0/24"); len(got) > 0 {
			return fmt.Errorf("still %v", got)
		}
		return nil
	})
}

func TestCommittedButNotApplied(t *testing.T) {
	r := running(t, wan)
	r.Write("ucid", "")
	r.Applied()
	want := func(words string) {
		t.Helper()
		lab.Eventually(t, func() error {
			if got := fmt.Sprint(r.Status().Unapplied); got != words {
				return fmt.Errorf("not applied: %s, want %s", got, words)
			}
			return nil
		})
	}
	r.Write("network", wan+office)
	want("map[network:changed]")
	noRoute(t, "198.51.100.0/24")
	r.Write("network", wan)
	want("map[]")
	r.Write("network", "config '")
	want("map[network:broken]")
	os.Remove(filepath.Join(r.Settings.ConfDir, "network"))
	want("map[network:removed]")
	r.Write("network", wan)
	want("map[]")
}
