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
)

func TestRestartDoesNothing(t *testing.T) {
	r := running(t, wan+office)
	r.write("ucid", sleeper)
	revision := r.applied().Revision
	pid := r.child("sleeper")
	began, writes := startTime(pid), rtnl.Writes()
	r.write("network", wan) // committed, but not applied
	r.restart()
	if got := r.child("sleeper"); got != pid || startTime(pid) != began {
		t.Errorf("pid %d, want %d", got, pid)
	}
	if n := rtnl.Writes() - writes; n != 0 {
		t.Errorf("%d netlink writes, want 0", n)
	}
	viaNow(t, "198.51.100.0/24", "192.0.2.9")
	eventually(t, func() error {
		if s := r.status(); s.Revision != revision || s.Unapplied["network"] != "changed" {
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
			r.applied()
			r.end()
			if err := spoil(filepath.Join(r.s.ConfDir, "network")); err != nil {
				t.Fatal(err)
			}
			deleteRoute(t, "198.51.100.0/24", "192.0.2.9")
			r.start()
			viaNow(t, "198.51.100.0/24", "192.0.2.9")
			change := r.apply()
			wantProblem(t, change, "network: "+r.s.ConfDir+"/network", "stays as it was")
			if change.OK() {
				t.Error("the change is ok")
			}
			viaNow(t, "198.51.100.0/24", "192.0.2.9")
			r.restart()
			viaNow(t, "198.51.100.0/24", "192.0.2.9")
		})
	}
}

func TestWrongSectionKeepsItsRoute(t *testing.T) {
	r := running(t, wan+office)
	r.applied()
	wrong := wan + strings.Replace(office, "192.0.2.9", "192.0.2.300", 1)
	r.write("network", wrong)
	wantProblem(t, r.apply(), "network: "+r.s.ConfDir+"/network:10: route 'office'", "192.0.2.300")
	viaNow(t, "198.51.100.0/24", "192.0.2.9")
	r.restart()
	viaNow(t, "198.51.100.0/24", "192.0.2.9")
	if s := r.status(); len(s.Problems) != 1 {
		t.Errorf("problems after the restart: %v, want one", s.Problems)
	}
	// Other sections move on, and revisions with them; the section keeps what it has.
	for i := range 30 {
		r.write("network", wrong+fmt.Sprintf("\nconfig route 'other'\n\toption interface 'wan'\n\toption target '10.%d.0.0/16'\n\toption gateway '192.0.2.9'\n", i))
		r.apply()
	}
	r.end()
	deleteRoute(t, "198.51.100.0/24", "192.0.2.9")
	r.start()
	viaNow(t, "198.51.100.0/24", "192.0.2.9")

	r.write("network", wan+strings.Replace(office, "192.0.2.9", "192.0.2.10", 1))
	r.applied()
	viaNow(t, "198.51.100.0/24", "192.0.2.10")
	r.write("network", wrong)
	r.apply()
	r.write("network", wan)
	r.applied()
	noRoute(t, "198.51.100.0/24")
}

// What only a driver can refuse is refused after a restart, too.
func TestRefusedProcessStaysAsItWas(t *testing.T) {
	r := running(t, wan+office)
	r.write("ucid", sleeper)
	r.applied()
	pid := r.child("sleeper")
	r.write("ucid", sleeper+"\toption user 'nobody-of-that-name'\n")
	wantProblem(t, r.apply(), "process 'sleeper'", "nobody-of-that-name")
	same := func(when string) {
		t.Helper()
		if got := r.child("sleeper"); got != pid {
			t.Errorf("%s: pid %d, want %d", when, got, pid)
		}
		if s := r.status(); len(s.Problems) != 1 {
			t.Errorf("%s: problems %v, want one", when, s.Problems)
		}
	}
	same("after the reload")
	nltest.Down(t, "wan") // new facts
	nltest.Up(t, "wan")
	via(t, "198.51.100.0/24", "192.0.2.9")
	same("after new facts")
	r.restart()
	same("after a restart")
}

// Two sections that ask for one route: the second is wrong, and stays so.
func TestDuplicateRoute(t *testing.T) {
	second := strings.NewReplacer("office", "copy", "192.0.2.9", "192.0.2.8").Replace(office)
	own := strings.Replace(second, "198.51.100.0", "203.0.113.0", 1)
	r := running(t, wan+office+own)
	r.applied()
	viaNow(t, "203.0.113.0/24", "192.0.2.8")
	r.write("network", wan+office+second)
	wantProblem(t, r.apply(), "route 'copy'", "already")
	check := func() {
		t.Helper()
		viaNow(t, "198.51.100.0/24", "192.0.2.9")
		viaNow(t, "203.0.113.0/24", "192.0.2.8")
	}
	check()
	r.restart()
	check()
}

func TestDeviceComesBack(t *testing.T) {
	r := running(t, wan+office)
	r.applied()
	nltest.Delete(t, "wan")
	eventually(t, func() error {
		if got := r.status().Counts; len(got) == 0 {
			return errors.New("no counts")
		}
		return nil
	})
	r.restart()
	nltest.Veth(t, "wan", "far", nil)
	via(t, "198.51.100.0/24", "192.0.2.9")
}

func TestStateThatCannotBeWritten(t *testing.T) {
	r := running(t, wan)
	if err := os.RemoveAll(filepath.Join(r.s.StateDir)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(r.s.StateDir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r.write("network", wan+office)
	change := r.apply()
	if change.OK() {
		t.Errorf("ok, although nothing can be stored: %+v", change)
	}
	t.Logf("%s %s %v", change.Outcome, change.Error, change.Faults)
	os.Remove(r.s.StateDir)
	r.applied()
	viaNow(t, "198.51.100.0/24", "192.0.2.9")
}

func TestRouteProtocolOutlivesABrokenFile(t *testing.T) {
	r := newRouter(t)
	r.write("network", wan+office)
	r.write("ucid", "config globals 'globals'\n\toption route_protocol '118'\n")
	r.start()
	r.applied()
	r.end()
	r.write("ucid", "config '")
	r.start()
	r.write("network", wan)
	r.apply()
	noRoute(t, "198.51.100.0/24")
	r.write("ucid", "config globals 'globals'\n\toption route_protocol '118'\n")
}
