// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ucid/internal/engine"
	"ucid/internal/kind/proc"
)

// hierarchy returns a new directory in a cgroup v2 hierarchy, or "" where none can be made.
func hierarchy(t *testing.T) string {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		fields := strings.Fields(line)
		if fields[2] != "cgroup2" {
			continue
		}
		dir := filepath.Join(fields[1], own("ucid-test"))
		if os.Mkdir(dir, 0o755) == nil {
			t.Cleanup(func() { os.Remove(dir) })
			return dir
		}
	}
	return ""
}

// With a cgroup also a descendant that hid before the main process died is found. Where no
// cgroup can be made, asking for one has to be an error.
func TestCgroup(t *testing.T) {
	dir := hierarchy(t)
	if dir == "" {
		if _, err := New(Options{RunDir: t.TempDir(), Cgroup: t.TempDir()}); err == nil {
			t.Error("a directory that is no cgroup was accepted")
		}
		return
	}
	d, err := New(Options{RunDir: t.TempDir(), Cgroup: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { clear2(t, d) })
	for name, limits := range map[string]engine.Map{"plain": {}, "stub/one": engine.MakeMap(map[string]string{"core": "0"})} {
		p := sh(name, `env -i setsid sh -c 'trap "" TERM; echo pid $$; while :; do sleep 0.1; done' & wait`)
		p.Limits, p.TermAfter = limits, 100*time.Millisecond
		create(t, d, p)
		pid := number(t, output(t, d, name, "pid "))
		kill9(waitState(t, d, name, running).Pid)
		waitState(t, d, name, idle)
		if alive(pid) {
			t.Errorf("%s: the hidden descendant survives", name)
		}
	}
	removeAll(t, d)
	if left, _ := filepath.Glob(dir + "/*/cgroup.procs"); len(left) > 0 {
		t.Errorf("groups are left: %v", left)
	}
}

// A renamed section: the new instance waits for the old one of the same program.
func TestSameProgramWaits(t *testing.T) {
	d, _ := open(t, t.TempDir())
	lock := filepath.Join(t.TempDir(), "lock")
	script := fmt.Sprintf(`mkdir %s || { echo taken; exit 1; }; trap 'sleep 0.2; rmdir %s; exit 0' TERM; echo up; while :; do sleep 0.01; done`, lock, lock)
	create(t, d, sh("old", script))
	output(t, d, "old", "up")
	apply(t, d, engine.Remove, sh("old", script), proc.Proc{})
	create(t, d, sh("new", script))
	create(t, d, sh("unwanted", script))
	apply(t, d, engine.Remove, sh("unwanted", script), proc.Proc{})
	output(t, d, "new", "up")
	waitState(t, d, "new", running)
	if len(d.List()) != 1 {
		t.Errorf("%v", d.List())
	}
	if unix.Access(lock, unix.F_OK) != nil {
		t.Error("the new one has not got the lock")
	}
}
