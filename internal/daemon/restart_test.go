// SPDX-License-Identifier: Apache-2.0

package daemon_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ucid/internal/nltest"
	"ucid/internal/rtnl"
	"ucid/test/lab"
)

func TestRestartDoesNothing(t *testing.T) {
	r := running(t, wan+office)
	r.Write("ucid", sleeper)
	revision := r.Applied().Revision
	pid := r.Child("sleeper")
	began, writes := lab.StartTime(pid), rtnl.Writes()
	r.Write("network", wan) // committed, but not applied
	r.Restart()
	if got := r.Child("sleeper"); got != pid || lab.StartTime(pid) != began {
		t.Errorf("pid %d, want %d", got, pid)
	}
	if n := rtnl.Writes() - writes; n != 0 {
		t.Errorf("%d netlink writes, want 0", n)
	}
	viaNow(t, "198.51.100.0/24", "192.0.2.9")
	lab.Eventually(t, func() error {
		if s := r.Status(); s.Revision != revision || s.Unapplied["network"] != "changed" {
			return fmt.Errorf("revision %d, not applied %v", s.Revision, s.Unapplied)
		}
		return nil
	})
}

// What broken text, or no file at all, does at the start of the daemon.
func TestStartWithBrokenFile(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"syntax":    func(path string) error { return os.WriteFile(path, []byte(wan+"\nconfig route 'x\n"), 0o600) },
		"directory": func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
		"loop":      func(path string) error { return errors.Join(os.Remove(path), os.Symlink(path, path)) },
		"no directory": func(path string) error {
			return os.Rename(filepath.Dir(path), filepath.Dir(path)+".away")
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := running(t, wan+office)
			r.Applied()
			r.Stop()
			if err := spoil(filepath.Join(r.Settings.ConfDir, "network")); err != nil {
				t.Fatal(err)
			}
			deleteRoute(t, "198.51.100.0/24", "192.0.2.9")
			r.Start()
			viaNow(t, "198.51.100.0/24", "192.0.2.9")
			change := r.Apply()
			wantProblem(t, change, "network: "+r.Settings.ConfDir+"/network", "stays as it was")
			if change.OK() {
				t.Error("the change is ok")
			}
			viaNow(t, "198.51.100.0/24", "192.0.2.9")
			r.Restart()
			viaNow(t, "198.51.100.0/24", "192.0.2.9")
		})
	}
}

func TestWrongSectionKeepsItsRoute(t *testing.T) {
	r := running(t, wan+office)
	r.Applied()
	wrong := wan + strings.Replace(office, "192.0.2.9", "192.0.2.300", 1)
	r.Write("network", wrong)
	wantProblem(t, r.Apply(), "network: "+r.Settings.ConfDir+"/network:10: route 'office'", "192.0.2.300")
	viaNow(t, "198.51.100.0/24", "192.0.2.9")
	r.Restart()
	viaNow(t, "198.51.100.0/24", "192.0.2.9")
	if s := r.Status(); len(s.Problems) != 1 {
		t.Errorf("problems after the restart: %v, want one", s.Problems)
	}
	// Other sections move on, and revisions with them; the section keeps what it has.
	for i := range 30 {
		r.Write("network", wrong+fmt.Sprintf("\nconfig route 'other'\n\toption interface 'wan'\n\toption target '10.%d.0.0/16'\n\toption gateway '192.0.2.9'\n", i))
		r.Apply()
	}
	r.Stop()
	deleteRoute(t, "198.51.100.0/24", "192.0.2.9")
	r.Start()
	viaNow(t, "198.51.100.0/24", "192.0.2.9")

	r.Write("network", wan+strings.Replace(office, "192.0.2.9", "192.0.2.10", 1))
	r.Applied()
	viaNow(t, "198.51.100.0/24", "192.0.2.10")
	r.Write("network", wrong)
	r.Apply()
	r.Write("network", wan)
	r.Applied()
	noRoute(t, "198.51.100.0/24")
}

// What only a driver can refuse is refused after a restart, too.
func TestRefusedProcessStaysAsItWas(t *testing.T) {
	r := running(t, wan+office)
	r.Write("ucid", sleeper)
	r.Applied()
	pid := r.Child("sleeper")
	r.Write("ucid", sleeper+"\toption user 'nobody-of-that-name'\n")
	wantProblem(t, r.Apply(), "process 'sleeper'", "nobody-of-that-name")
	same := func(when string) {
		t.Helper()
		if got := r.Child("sleeper"); got != pid {
			t.Errorf("%s: pid %d, want %d", when, got, pid)
		}
		if s := r.Status(); len(s.Problems) != 1 {
			t.Errorf("%s: problems %v, want one", when, s.Problems)
		}
	}
	same("after the reload")
	nltest.Down(t, "wan") // new facts
	nltest.Up(t, "wan")
	via(t, "198.51.100.0/24", "192.0.2.9")
	same("after new facts")
	r.Restart()
	same("after a restart")
}

// Two sections that ask for one route: the second is wrong, and stays so.
func TestDuplicateRoute(t *testing.T) {
	second := strings.NewReplacer("office", "copy", "192.0.2.9", "192.0.2.8").Replace(office)
	own := strings.Replace(second, "198.51.100.0", "203.0.113.0", 1)
	r := running(t, wan+office+own)
	r.Applied()
	viaNow(t, "203.0.113.0/24", "192.0.2.8")
	r.Write("network", wan+office+second)
	wantProblem(t, r.Apply(), "route 'copy'", "already")
	check := func() {
		t.Helper()
		viaNow(t, "198.51.100.0/24", "192.0.2.9")
		viaNow(t, "203.0.113.0/24", "192.0.2.8")
	}
	check()
	r.Restart()
	check()
}

func TestDeviceComesBack(t *testing.T) {
	r := running(t, wan+office)
	r.Applied()
	nltest.Delete(t, "wan")
	lab.Eventually(t, func() error {
		if got := r.Status().Counts; len(got) == 0 {
			return errors.New("no counts")
		}
		return nil
	})
	r.Restart()
	nltest.Veth(t, "wan", "far", nil)
	via(t, "198.51.100.0/24", "192.0.2.9")
}

func TestStateThatCannotBeWritten(t *testing.T) {
	r := running(t, wan)
	if err := os.RemoveAll(filepath.Join(r.Settings.StateDir)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(r.Settings.StateDir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r.Write("network", wan+office)
	change := r.Apply()
	if change.OK() {
		t.Errorf("ok, although nothing can be stored: %+v", change)
	}
	t.Logf("%s %s %v", change.Outcome, change.Error, change.Faults)
	os.Remove(r.Settings.StateDir)
	r.Applied()
	viaNow(t, "198.51.100.0/24", "192.0.2.9")
}

func TestRouteProtocolOutlivesABrokenFile(t *testing.T) {
	r := newRouter(t)
	r.Write("network", wan+office)
	r.Write("ucid", "config globals 'globals'\n\toption route_protocol '118'\n")
	r.Start()
	r.Applied()
	r.Stop()
	r.Write("ucid", "config '")
	r.Start()
	r.Write("network", wan)
	r.Apply()
	noRoute(t, "198.51.100.0/24")
	r.Write("ucid", "config globals 'globals'\n\toption route_protocol '118'\n")
}
