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
	"ucid/test/lab"
)

// takeBack arms what is committed, lets others edit, and goes back.
func takeBack(r *lab.Router, edit func()) {
	r.T.Helper()
	r.Armed(time.Hour)
	edit()
	lab.Must[control.Change](r, "rollback", nil)
}

func TestEditsOfOthersAreKept(t *testing.T) {
	r := running(t, wan+office("192.0.2.8"))
	r.Write("network", wan+office("192.0.2.9"))
	theirs := routeTo("theirs", "203.0.113.0/24", "192.0.2.7")
	takeBack(r, func() { r.Write("network", wan+office("192.0.2.9")+theirs) })
	viaNow(t, "192.0.2.8")
	if text := r.Read("network"); !strings.Contains(text, "192.0.2.8") || strings.Contains(text, "192.0.2.9") || !strings.Contains(text, "203.0.113.0/24") {
		t.Errorf("the file holds %s", text)
	}
	if strings.Contains(r.Events(), "rollback.conflict") {
		t.Errorf("a conflict:\n%s", r.Events())
	}
	r.Applied()
	if got := ours(t); !strings.Contains(got, "203.0.113.0/24 via 192.0.2.7") {
		t.Errorf("routes %s", got)
	}
}

func TestOverlappingEditIsToldAndStays(t *testing.T) {
	r := running(t, wan+office("192.0.2.8"))
	r.Write("network", wan+office("192.0.2.9"))
	takeBack(r, func() { r.Write("network", wan+office("192.0.2.10")) })
	viaNow(t, "192.0.2.8")
	if text := r.Read("network"); !strings.Contains(text, "192.0.2.10") {
		t.Errorf("the file holds %s", text)
	}
	if e := r.Events(); !strings.Contains(e, "rollback.conflict network route 'office' option gateway") {
		t.Errorf("the conflict is not told:\n%s", e)
	}
}

func TestFilesOfTheChange(t *testing.T) {
	r := running(t, wan+office("192.0.2.8"))
	r.Write("ucid", sleeper)
	r.Write("network", wan+office("192.0.2.9"))
	takeBack(r, func() {})
	if _, err := os.Stat(r.Path("ucid")); err == nil {
		t.Error("the file that the change made is still there")
	}
	r.Write("ucid", sleeper)
	r.Applied()
	os.Remove(r.Path("ucid"))
	takeBack(r, func() {})
	if r.Read("ucid") != sleeper {
		t.Errorf("the file that the change removed holds %s", r.Read("ucid"))
	}
	lab.Eventually(t, func() error { return sleeps(r) })
}

func TestFileBrokenInTheWindow(t *testing.T) {
	r := running(t, wan+office("192.0.2.8"))
	r.Write("network", wan+office("192.0.2.9"))
	const broken = "config route 'half\n"
	takeBack(r, func() { r.Write("network", broken) })
	viaNow(t, "192.0.2.8")
	if r.Read("network") != broken {
		t.Errorf("the file holds %s", r.Read("network"))
	}
	if e := r.Events(); !strings.Contains(e, "cannot be read now") {
		t.Errorf("it is not told:\n%s", e)
	}
	r.Restart()
	viaNow(t, "192.0.2.8")
}

// A file that was broken all the time stays as it is.
func TestFileBrokenBefore(t *testing.T) {
	r := running(t, wan+office("192.0.2.8"))
	const broken = "config process 'half\n"
	r.Write("ucid", broken)
	r.Write("network", wan+office("192.0.2.9"))
	takeBack(r, func() {})
	viaNow(t, "192.0.2.8")
	if r.Read("ucid") != broken {
		t.Errorf("the file holds %s", r.Read("ucid"))
	}
}

func TestUntouchedFilesAreNotWritten(t *testing.T) {
	r := lab.New(t)
	r.Write("network", wan+office("192.0.2.8"))
	r.Write("ucid", "# a comment\n"+sleeper)
	r.Start()
	r.Applied()
	before, err := os.Stat(r.Path("ucid"))
	if err != nil {
		t.Fatal(err)
	}
	r.Write("network", wan+office("192.0.2.9"))
	takeBack(r, func() {})
	if after, err := os.Stat(r.Path("ucid")); err != nil || !os.SameFile(before, after) {
		t.Errorf("it is another file: %v", err)
	}
}

func TestModeAndOwnerAreKept(t *testing.T) {
	r := running(t, wan+office("192.0.2.8"))
	r.Write("network", wan+office("192.0.2.9"))
	if err := os.Chmod(r.Path("network"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(r.Path("network"), 0, 1); err != nil {
		t.Logf("no other group here: %v", err)
	}
	before, _ := os.Stat(r.Path("network"))
	takeBack(r, func() {})
	after, err := os.Stat(r.Path("network"))
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
	os.Remove(r.Path("network"))
	if err := os.Symlink(elsewhere, r.Path("network")); err != nil {
		t.Fatal(err)
	}
	takeBack(r, func() {})
	text, err := os.ReadFile(elsewhere)
	if info, _ := os.Lstat(r.Path("network")); err != nil || string(text) != wan+office("192.0.2.8") || info.Mode()&os.ModeSymlink == 0 {
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
	r.Write("network", wan+b+mine)
	takeBack(r, func() { r.Write("network", wan+b+mine+theirs) })
	r.Applied()
	want := "10.1.0.0/16 via 192.0.2.8\n10.2.0.0/16 via 192.0.2.8\n10.4.0.0/16 via 192.0.2.8"
	if got := ours(t); got != want {
		t.Errorf("routes\n%s\nwant\n%s\n%s", got, want, r.Read("network"))
	}
}

// A restart in the window of a rollback leaves the files alone.
func TestRestartInTheWindowOfARollback(t *testing.T) {
	r := running(t, wan+office("192.0.2.8"))
	r.Write("network", wan+office("192.0.2.9"))
	r.Applied()
	if c := r.Change("rollback", control.Request{Revision: 1, Confirm: time.Hour}); c.Outcome != control.Armed {
		t.Fatalf("%+v", c)
	}
	viaNow(t, "192.0.2.8")
	edited := wan + office("192.0.2.8") + routeTo("theirs", "203.0.113.0/24", "192.0.2.7")
	r.Write("network", edited)
	r.Restart()
	if r.Read("network") != edited {
		t.Errorf("the file holds %s", r.Read("network"))
	}
	lab.Must[control.Change](r, "rollback", nil)
	viaNow(t, "192.0.2.9")
	if text := r.Read("network"); !strings.Contains(text, "192.0.2.9") || !strings.Contains(text, "203.0.113.0/24") {
		t.Errorf("the file holds %s", text)
	}
}
