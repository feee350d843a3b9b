// SPDX-License-Identifier: Apache-2.0

package apply_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ucid/internal/control"
)

// takeBack arms what is committed, lets others edit, and goes back.
func (r *router) takeBack(edit func()) {
	r.t.Helper()
	r.armed(time.Hour)
	edit()
	must[control.Change](r, "rollback", nil)
}

func TestEditsOfOthersAreKept(t *testing.T) {
	r := running(t, wan+office("192.0.2.8"))
	r.write("network", wan+office("192.0.2.9"))
	theirs := routeTo("theirs", "203.0.113.0/24", "192.0.2.7")
	r.takeBack(func() { r.write("network", wan+office("192.0.2.9")+theirs) })
	viaNow(t, "192.0.2.8")
	if text := r.read("network"); !strings.Contains(text, "192.0.2.8") || strings.Contains(text, "192.0.2.9") || !strings.Contains(text, "203.0.113.0/24") {
		t.Errorf("the file holds %s", text)
	}
	if strings.Contains(r.events(), "rollback.conflict") {
		t.Errorf("a conflict:\n%s", r.events())
	}
	r.applied()
	if got := ours(t); !strings.Contains(got, "203.0.113.0/24 via 192.0.2.7") {
		t.Errorf("routes %s", got)
	}
}

func TestOverlappingEditIsToldAndStays(t *testing.T) {
	r := running(t, wan+office("192.0.2.8"))
	r.write("network", wan+office("192.0.2.9"))
	r.takeBack(func() { r.write("network", wan+office("192.0.2.10")) })
	viaNow(t, "192.0.2.8")
	if text := r.read("network"); !strings.Contains(text, "192.0.2.10") {
		t.Errorf("the file holds %s", text)
	}
	if e := r.events(); !strings.Contains(e, "rollback.conflict network route 'office' option gateway") {
		t.Errorf("the conflict is not told:\n%s", e)
	}
}

func TestFilesOfTheChange(t *testing.T) {
	r := running(t, wan+office("192.0.2.8"))
	r.write("ucid", sleeper)
	r.write("network", wan+office("192.0.2.9"))
	r.takeBack(func() {})
	if _, err := os.Stat(r.path("ucid")); err == nil {
		t.Error("the file that the change made is still there")
	}
	r.write("ucid", sleeper)
	r.applied()
	os.Remove(r.path("ucid"))
	r.takeBack(func() {})
	if r.read("ucid") != sleeper {
		t.Errorf("the file that the change removed holds %s", r.read("ucid"))
	}
	eventually(t, r.sleeps)
}

func TestFileBrokenInTheWindow(t *testing.T) {
	r := running(t, wan+office("192.0.2.8"))
	r.write("network", wan+office("192.0.2.9"))
	const broken = "config route 'half\n"
	r.takeBack(func() { r.write("network", broken) })
	viaNow(t, "192.0.2.8")
	if r.read("network") != broken {
		t.Errorf("the file holds %s", r.read("network"))
	}
	if e := r.events(); !strings.Contains(e, "cannot be read now") {
		t.Errorf("it is not told:\n%s", e)
	}
	r.restart()
	viaNow(t, "192.0.2.8")
}

// A file that was broken all the time stays as it is.
func TestFileBrokenBefore(t *testing.T) {
	r := running(t, wan+office("192.0.2.8"))
	const broken = "config process 'half\n"
	r.write("ucid", broken)
	r.write("network", wan+office("192.0.2.9"))
	r.takeBack(func() {})
	viaNow(t, "192.0.2.8")
	if r.read("ucid") != broken {
		t.Errorf("the file holds %s", r.read("ucid"))
	}
}

func TestUntouchedFilesAreNotWritten(t *testing.T) {
	r := newRouter(t)
	r.write("network", wan+office("192.0.2.8"))
	r.write("ucid", "# a comment\n"+sleeper)
	r.start()
	r.applied()
	before, err := os.Stat(r.path("ucid"))
	if err != nil {
		t.Fatal(err)
	}
	r.write("network", wan+office("192.0.2.9"))
	r.takeBack(func() {})
	if after, err := os.Stat(r.path("ucid")); err != nil || !os.SameFile(before, after) {
		t.Errorf("it is another file: %v", err)
	}
}

func TestModeAndOwnerAreKept(t *testing.T) {
	r := running(t, wan+office("192.0.2.8"))
	r.write("network", wan+office("192.0.2.9"))
	if err := os.Chmod(r.path("network"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(r.path("network"), 0, 1); err != nil {
		t.Logf("no other group here: %v", err)
	}
	before, _ := os.Stat(r.path("network"))
	r.takeBack(func() {})
	after, err := os.Stat(r.path("network"))
	if err != nil {
		t.Fatal(err)
	}
	if after.Mode() != before.Mode() || after.Sys().(*syscall.Stat_t).Gid != before.Sys().(*syscall.Stat_t).Gid {
		t.Errorf("mode %v, want %v", after.Mode(), before.Mode())
	}
}

// The configuration may be links into another directory.
func TestLinkedFiles(t *testing.T) {
	r := running(t, wan+office("192.0.2.8"))
	elsewhere := filepath.Join(t.TempDir(), "network")
	if err := os.WriteFile(elsewhere, []byte(wan+office("192.0.2.9")), 0o600); err != nil {
		t.Fatal(err)
	}
	os.Remove(r.path("network"))
	if err := os.Symlink(elsewhere, r.path("network")); err != nil {
		t.Fatal(err)
	}
	r.takeBack(func() {})
	text, err := os.ReadFile(elsewhere)
	if info, _ := os.Lstat(r.path("network")); err != nil || string(text) != wan+office("192.0.2.8") || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("%v: %s", err, text)
	}
}

func TestUnnamedSections(t *testing.T) {
	route := func(target, gateway string) string {
		return strings.Replace(routeTo("", target, gateway), "route ''", "route", 1)
	}
	a, b := route("10.1.0.0/16", "192.0.2.8"), route("10.2.0.0/16", "192.0.2.8")
	mine, theirs := route("10.3.0.0/16", "192.0.2.8"), route("10.4.0.0/16", "192.0.2.8")
	r := running(t, wan+a+b)
	r.write("network", wan+b+mine)
	r.takeBack(func() { r.write("network", wan+b+mine+theirs) })
	r.applied()
	want := "10.1.0.0/16 via 192.0.2.8\n10.2.0.0/16 via 192.0.2.8\n10.4.0.0/16 via 192.0.2.8"
	if got := ours(t); got != want {
		t.Errorf("routes\n%s\nwant\n%s\n%s", got, want, r.read("network"))
	}
}

// A restart in the window of a rollback leaves the files alone.
func TestRestartInTheWindowOfARollback(t *testing.T) {
	r := running(t, wan+office("192.0.2.8"))
	r.write("network", wan+office("192.0.2.9"))
	r.applied()
	if c := r.change("rollback", control.Request{Revision: 1, Confirm: time.Hour}); c.Outcome != control.Armed {
		t.Fatalf("%+v", c)
	}
	viaNow(t, "192.0.2.8")
	edited := wan + office("192.0.2.8") + routeTo("theirs", "203.0.113.0/24", "192.0.2.7")
	r.write("network", edited)
	r.restart()
	if r.read("network") != edited {
		t.Errorf("the file holds %s", r.read("network"))
	}
	must[control.Change](r, "rollback", nil)
	viaNow(t, "192.0.2.9")
	if text := r.read("network"); !strings.Contains(text, "192.0.2.9") || !strings.Contains(text, "203.0.113.0/24") {
		t.Errorf("the file holds %s", text)
	}
}
