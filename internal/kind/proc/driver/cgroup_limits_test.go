// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ucid/internal/engine"
	"ucid/internal/kind/proc"
)

func TestOwnGroup(t *testing.T) {
	const unified = "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n"
	const hybrid = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n"
	for _, test := range []struct{ mounts, own, want string }{
		{unified, "0::/system.slice/ucid.service\n", "/sys/fs/cgroup/system.slice/ucid.service"},
		{unified, "0::/system.slice/ucid.service/ucid-self\n", "/sys/fs/cgroup/system.slice/ucid.service"},
		{unified, "0::/\n", "/sys/fs/cgroup"},
		{hybrid, "4:memory:/x\n0::/a\n", "/sys/fs/cgroup/unified/a"},
		{"tmpfs / tmpfs rw 0 0\n", "0::/\n", ""},
		{unified, "4:memory:/\n", ""},
	} {
		got, err := ownGroup(test.mounts, test.own)
		if got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%q %q: %q, %v", test.mounts, test.own, got, err)
		}
	}
}

// A directory that looks like a group.
func fakeGroup(t *testing.T, dir, controllers string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"cgroup.controllers": controllers, "cgroup.subtree_control": "", "cgroup.procs": ""} {
		write(t, filepath.Join(dir, name), text)
	}
}

func TestPrepareGroup(t *testing.T) {
	base := t.TempDir()
	fakeGroup(t, base, "cpuset cpu pids\n")
	fakeGroup(t, filepath.Join(base, "ucid"), "cpu pids\n")
	dir, err := prepareGroup(base, "ucid", 4711)
	if err != nil || dir != filepath.Join(base, "ucid") {
		t.Fatal(dir, err)
	}
	if data, _ := os.ReadFile(filepath.Join(dir, "cgroup.subtree_control")); string(data) != "+cpu" && string(data) != "+pids" {
		t.Errorf("handed down: %q", data)
	}
	if _, err := prepareGroup(t.TempDir(), "ucid", 4711); err == nil || !strings.Contains(err.Error(), "no controllers") {
		t.Error(err)
	}
}

func TestCgroupLimits(t *testing.T) {
	dir := t.TempDir()
	fakeGroup(t, dir, "memory cpu\n")
	c := cgroups(dir)
	fakeGroup(t, c.dir("web/1"), "")
	for name, text := range map[string]string{"memory.max": "max\n", "cpu.weight": "100\n"} {
		write(t, filepath.Join(c.dir("web/1"), name), text)
	}
	limits := engine.MakeMap(map[string]string{"memory.max": "4096"})
	if err := c.limit("web/1", limits); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"memory.max": "4096", "cpu.weight": "100\n"} {
		if data, _ := os.ReadFile(filepath.Join(c.dir("web/1"), name)); string(data) != want {
			t.Errorf("%s is %q, want %q", name, data, want)
		}
	}
	if err := c.limit("web/1", engine.Map{}); err != nil {
		t.Fatal(err)
	}
	if data, _ := os.ReadFile(filepath.Join(c.dir("web/1"), "memory.max")); string(data) != "max" {
		t.Errorf("the limit is not lifted: %q", data)
	}
	p := sleeper("web")
	p.Cgroup = limits
	if err := c.check(p, nil); err != nil {
		t.Error(err)
	}
	p.Cgroup = engine.MakeMap(map[string]string{"pids.max": "5"})
	for want, err := range map[string]error{
		`no controller "pids"`: c.check(p, nil),
		"that ucid may use":    cgroups("").check(p, nil),
		"for a reason":         cgroups("").check(p, errors.New("for a reason")),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
}

// A fork bomb under pids.max ends with its process, and nothing of it is left. Where there
// is no pids controller the limit is refused, so that nobody believes to be safe.
func TestForkBomb(t *testing.T) {
	dir, err := FindCgroup(t.TempDir())
	d, newErr := New(Options{RunDir: t.TempDir(), Cgroup: dir, NoCgroup: err})
	if newErr != nil {
		t.Fatal(newErr)
	}
	t.Cleanup(func() { clear2(t, d) })
	p := sh(own("bomb"), `echo up; f() { f | f & }; f 2>/dev/null; while :; do sleep 1; done`)
	p.TermAfter = 100 * time.Millisecond
	p.Cgroup = engine.MakeMap(map[string]string{"pids.max": "50"})
	if checked := d.Check(p); err != nil || checked != nil {
		if checked == nil || !strings.Contains(checked.Error(), "cannot be limited here") {
			t.Errorf("a limit that cannot be set is accepted: %v", checked)
		}
		return
	}
	create(t, d, p)
	output(t, d, p.Name, "up")
	eventually(t, "the bomb has gone off", func() bool { return len(d.cgroups.members(p.Name)) > 20 })
	if n := len(d.cgroups.members(p.Name)); n > 50 {
		t.Errorf("%d processes", n)
	}
	apply(t, d, engine.Remove, p, proc.Proc{})
	eventually(t, "nothing is left", func() bool { return len(d.List()) == 0 })
	if n := grandchildren(p.Name); n > 0 {
		t.Errorf("%d survive", n)
	}
}
