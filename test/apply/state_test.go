// SPDX-License-Identifier: Apache-2.0

package apply_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ucid/internal/control"
)

// onSmallDisk puts the state directory on a disk of its own.
func (r *router) onSmallDisk(pages int) {
	r.t.Helper()
	if err := os.MkdirAll(r.s.StateDir, 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", r.s.StateDir, "tmpfs", 0, fmt.Sprintf("size=%d", pages*os.Getpagesize())); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { syscall.Unmount(r.s.StateDir, syscall.MNT_DETACH) })
}

// However full the disk of the state directory is, a change is made and stored, or nothing is
// changed and the reason is told.
func TestFullDisk(t *testing.T) {
	for pages := 1; pages <= 6; pages++ {
		for _, window := range []time.Duration{0, time.Hour} {
			t.Run(fmt.Sprintf("%d pages, window %s", pages, window), func(t *testing.T) {
				r := newRouter(t)
				r.onSmallDisk(pages)
				r.write("network", wan+office("192.0.2.9"))
				r.start()
				c := r.change("apply", control.Request{Confirm: window})
				switch c.Outcome {
				case control.Applied, control.Armed:
					viaNow(t, "192.0.2.9")
				case control.Refused, control.Undone:
					viaNow(t, "")
					if !strings.Contains(c.Error, "no space left") {
						t.Errorf("%s: %q does not say why", c.Outcome, c.Error)
					}
				default:
					t.Errorf("%s", c.Outcome)
				}
				t.Logf("%s: %s", c.Outcome, c.Error)
				kernel := ours(t)
				r.restart()
				if got := ours(t); got != kernel {
					t.Errorf("the restart made %q of %q", got, kernel)
				}
			})
		}
	}
}

func TestDiskFillsUpInTheWindow(t *testing.T) {
	r := newRouter(t)
	r.onSmallDisk(16)
	r.write("network", wan+office("192.0.2.8"))
	r.start()
	r.applied()
	r.write("network", wan+office("192.0.2.9"))
	r.armed(time.Hour)
	fill := filepath.Join(r.s.StateDir, "fill")
	os.WriteFile(fill, make([]byte, 1<<20), 0o600) // as much as there is room for
	_, err := ask[control.Change](r, "rollback", nil)
	t.Logf("rollback: %v", err)
	viaNow(t, "192.0.2.8")
	if r.read("network") != wan+office("192.0.2.8") {
		t.Errorf("the file holds %s", r.read("network"))
	}
	r.restart()
	viaNow(t, "192.0.2.8")
	if err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("that the history could not be written is not told: %v", err)
	}
}

func TestReadOnlyState(t *testing.T) {
	r := running(t, wan+office("192.0.2.8"))
	if err := syscall.Mount(r.s.StateDir, r.s.StateDir, "", syscall.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	defer syscall.Unmount(r.s.StateDir, syscall.MNT_DETACH)
	if err := syscall.Mount("", r.s.StateDir, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	r.write("network", wan+office("192.0.2.9"))
	for _, request := range []control.Request{{}, {Confirm: time.Hour}} {
		c := r.change("apply", request)
		if c.Outcome != control.Refused || !strings.Contains(c.Error, "nothing was touched") || !strings.Contains(c.Error, "read-only") {
			t.Errorf("%s: %s", c.Outcome, c.Error)
		}
	}
	if c := r.change("rollback", control.Request{Revision: 1}); c.Outcome != control.Refused || r.read("network") != wan+office("192.0.2.9") {
		t.Errorf("%s: %s; the file holds %s", c.Outcome, c.Error, r.read("network"))
	}
	viaNow(t, "192.0.2.8")
	r.restart()
	viaNow(t, "192.0.2.8")
}

// A configuration that cannot be written makes a rollback fail as a whole.
func TestReadOnlyConfiguration(t *testing.T) {
	r := running(t, wan+office("192.0.2.8"))
	r.write("network", wan+office("192.0.2.9"))
	r.applied()
	if err := syscall.Mount(r.s.ConfDir, r.s.ConfDir, "", syscall.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	defer syscall.Unmount(r.s.ConfDir, syscall.MNT_DETACH)
	if err := syscall.Mount("", r.s.ConfDir, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	c := r.change("rollback", control.Request{Revision: 1})
	if c.OK() || !strings.Contains(c.Error, "read-only") {
		t.Errorf("%s: %s", c.Outcome, c.Error)
	}
	viaNow(t, "192.0.2.9")
	r.restart()
	viaNow(t, "192.0.2.9")
}

// What was stored and is damaged is told and gives way; the daemon runs in any case.
func TestDamagedState(t *testing.T) {
	for name, c := range map[string]struct {
		spoil string // files of the state directory
		text  string
		via   string
		log   string
	}{
		"journal":       {"txn/txn.json", "{", "192.0.2.8", "damaged"},
		"empty journal": {"txn/txn.json", "", "192.0.2.8", "damaged"},
		"record":        {"applied/revisions/2.json", "{", "192.0.2.9", ""},
		"first record":  {"applied/revisions/1.json", "{", "", "revision"},
		"all blobs":     {"applied/blobs/*", "?", "", "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			r := running(t, wan+office("192.0.2.8"))
			r.write("network", wan+office("192.0.2.9"))
			r.armed(time.Hour)
			r.end()
			files, _ := filepath.Glob(filepath.Join(r.s.StateDir, c.spoil))
			if len(files) == 0 {
				t.Fatalf("there is no %s", c.spoil)
			}
			for _, f := range files {
				if err := os.WriteFile(f, []byte(c.text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			r.start()
			if c.via != "" {
				viaNow(t, c.via)
				if got := r.read("network"); got != wan+office(c.via) {
					t.Errorf("the file holds %s", got)
				}
			}
			if c.via == "192.0.2.8" && r.states() != "rejected applied" {
				t.Errorf("history: %s", r.states())
			}
			if !strings.Contains(r.log.String(), c.log) {
				t.Errorf("%q is not in the log", c.log)
			}
			if w := r.status().Window; w != nil {
				must[control.Window](r, "confirm", nil)
			}
			r.write("network", wan+office("192.0.2.10"))
			r.applied()
			viaNow(t, "192.0.2.10")
			r.restart()
			viaNow(t, "192.0.2.10")
		})
	}
}
