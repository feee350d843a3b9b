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
	"ucid/test/lab"
)

// onSmallDisk puts the state directory on a disk of its own.
func onSmallDisk(r *lab.Router, pages int) {
	r.T.Helper()
	if err := os.MkdirAll(r.Settings.StateDir, 0o755); err != nil {
		r.T.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", r.Settings.StateDir, "tmpfs", 0, fmt.Sprintf("size=%d", pages*os.Getpagesize())); err != nil {
		r.T.Fatal(err)
	}
	r.T.Cleanup(func() { syscall.Unmount(r.Settings.StateDir, syscall.MNT_DETACH) })
}

// However full the disk of the state directory is, a change is made and stored, or nothing is
// changed and the reason is told.
func TestFullDisk(t *testing.T) {
	for pages := 1; pages <= 6; pages++ {
		for _, window := range []time.Duration{0, time.Hour} {
			t.Run(fmt.Sprintf("%d pages, window %s", pages, window), func(t *testing.T) {
				r := lab.New(t)
				onSmallDisk(r, pages)
				r.Write("network", wan+office("192.0.2.9"))
				r.Start()
				c := r.Change("apply", control.Request{Confirm: window})
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
				r.Restart()
				if got := ours(t); got != kernel {
					t.Errorf("the restart made %q of %q", got, kernel)
				}
			})
		}
	}
}

func TestDiskFillsUpInTheWindow(t *testing.T) {
	r := lab.New(t)
	onSmallDisk(r, 16)
	r.Write("network", wan+office("192.0.2.8"))
	r.Start()
	r.Applied()
	r.Write("network", wan+office("192.0.2.9"))
	r.Armed(time.Hour)
	fill := filepath.Join(r.Settings.StateDir, "fill")
	os.WriteFile(fill, make([]byte, 1<<20), 0o600) // as much as there is room for
	_, err := lab.Ask[control.Change](r, "rollback", nil)
	t.Logf("rollback: %v", err)
	viaNow(t, "192.0.2.8")
	if r.Read("network") != wan+office("192.0.2.8") {
		t.Errorf("the file holds %s", r.Read("network"))
	}
	r.Restart()
	viaNow(t, "192.0.2.8")
	if err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("that the history could not be written is not told: %v", err)
	}
}

func TestReadOnlyState(t *testing.T) {
	r := running(t, wan+office("192.0.2.8"))
	if err := syscall.Mount(r.Settings.StateDir, r.Settings.StateDir, "", syscall.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	defer syscall.Unmount(r.Settings.StateDir, syscall.MNT_DETACH)
	if err := syscall.Mount("", r.Settings.StateDir, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	r.Write("network", wan+office("192.0.2.9"))
	for _, request := range []control.Request{{}, {Confirm: time.Hour}} {
		c := r.Change("apply", request)
		if c.Outcome != control.Refused || !strings.Contains(c.Error, "nothing was touched") || !strings.Contains(c.Error, "read-only") {
			t.Errorf("%s: %s", c.Outcome, c.Error)
		}
	}
	if c := r.Change("rollback", control.Request{Revision: 1}); c.Outcome != control.Refused || r.Read("network") != wan+office("192.0.2.9") {
		t.Errorf("%s: %s; the file holds %s", c.Outcome, c.Error, r.Read("network"))
	}
	viaNow(t, "192.0.2.8")
	r.Restart()
	viaNow(t, "192.0.2.8")
}

// A configuration that cannot be written makes a rollback fail as a whole.
func TestReadOnlyConfiguration(t *testing.T) {
	r := running(t, wan+office("192.0.2.8"))
	r.Write("network", wan+office("192.0.2.9"))
	r.Applied()
	if err := syscall.Mount(r.Settings.ConfDir, r.Settings.ConfDir, "", syscall.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	defer syscall.Unmount(r.Settings.ConfDir, syscall.MNT_DETACH)
	if err := syscall.Mount("", r.Settings.ConfDir, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	c := r.Change("rollback", control.Request{Revision: 1})
	if c.OK() || !strings.Contains(c.Error, "read-only") {
		t.Errorf("%s: %s", c.Outcome, c.Error)
	}
	viaNow(t, "192.0.2.9")
	r.Restart()
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
			r.Write("network", wan+office("192.0.2.9"))
			r.Armed(time.Hour)
			r.Stop()
			files, _ := filepath.Glob(filepath.Join(r.Settings.StateDir, c.spoil))
			if len(files) == 0 {
				t.Fatalf("there is no %s", c.spoil)
			}
			for _, f := range files {
				if err := os.WriteFile(f, []byte(c.text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			r.Start()
			if c.via != "" {
				viaNow(t, c.via)
				if got := r.Read("network"); got != wan+office(c.via) {
					t.Errorf("the file holds %s", got)
				}
			}
			if c.via == "192.0.2.8" && r.States() != "rejected applied" {
				t.Errorf("history: %s", r.States())
			}
			if !strings.Contains(r.Log.String(), c.log) {
				t.Errorf("%q is not in the log", c.log)
			}
			if w := r.Status().Window; w != nil {
				lab.Must[control.Window](r, "confirm", nil)
			}
			r.Write("network", wan+office("192.0.2.10"))
			r.Applied()
			viaNow(t, "192.0.2.10")
			r.Restart()
			viaNow(t, "192.0.2.10")
		})
	}
}
