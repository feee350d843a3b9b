// SPDX-License-Identifier: Apache-2.0

package txn

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"ucid/internal/revision"
)

func TestJournal(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "txn")
	j := In(dir)
	if _, open, err := j.Read(); open || err != nil {
		t.Fatalf("an empty journal: open %v, %v", open, err)
	}
	if err := j.End(); err != nil {
		t.Errorf("to end what never began: %v", err)
	}
	w, err := Open(time.Minute, []string{"ping:192.0.2.1"})
	if err != nil {
		t.Fatal(err)
	}
	want := Txn{ID: "c1", State: Armed, Who: "root", Started: time.Now().UTC().Round(0), Before: 3, After: 4, Saved: 2,
		Packages: map[string]revision.Sum{"network": "abc"}, Files: true, Confirm: w,
		Frozen: []revision.Frozen{{Sections: []revision.Section{{Package: "network", Type: "route", Name: "x"}}}}}
	if err := j.Write(want); err != nil {
		t.Fatal(err)
	}
	got, open, err := j.Read()
	if !open || err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("open %v, %v\n%+v\n%+v", open, err, got, want)
	}
	info, err := os.Stat(filepath.Join(dir, "txn.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	if err := j.End(); err != nil {
		t.Fatal(err)
	}
	if _, open, err := j.Read(); open || err != nil {
		t.Errorf("after the end: open %v, %v", open, err)
	}
}

func TestDamagedJournal(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"empty": "", "cut": `{"id": "c1", "sta`, "zeros": "\x00\x00\x00", "other": "[1]"} {
		if err := os.WriteFile(filepath.Join(dir, "txn.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, open, err := In(dir).Read(); open || err == nil {
			t.Errorf("%s: open %v, %v; want an error", name, open, err)
		}
	}
}

func TestWindow(t *testing.T) {
	w, err := Open(time.Hour, nil)
	if err != nil {
		t.Fatal(err)
	}
	if left := w.Left(); left <= 59*time.Minute || left > time.Hour {
		t.Errorf("%s left of an hour", left)
	}
	other := *w
	other.Boot = "another boot"
	if left := other.Left(); left != 0 {
		t.Errorf("%s left after the machine was started again", left)
	}
	past := *w
	past.Deadline -= 2 * time.Hour
	if left := past.Left(); left != 0 {
		t.Errorf("%s left after the deadline", left)
	}
}
