// SPDX-License-Identifier: Apache-2.0

package revision

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func add(t *testing.T, s *Store, text string, frozen ...Frozen) Revision {
	t.Helper()
	r, err := s.Add(Revision{State: Applied, Who: "root", Frozen: frozen}, map[string][]byte{"network": []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func last(t *testing.T, s *Store) (Revision, error) {
	t.Helper()
	r, ok, err := s.Last()
	if !ok {
		t.Fatalf("there is no last revision: %v", err)
	}
	return r, err
}

func content(t *testing.T, s *Store, r Revision) string {
	t.Helper()
	text, err := s.Content(r.Packages["network"])
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestEmptyStore(t *testing.T) {
	s := Open(filepath.Join(t.TempDir(), "not", "there"), 3)
	if _, ok, err := s.Last(); ok || err != nil {
		t.Errorf("%v, %v; want nothing and no error", ok, err)
	}
}

func TestLastIsWhatWasAdded(t *testing.T) {
	dir := t.TempDir()
	for i := 1; i <= 3; i++ {
		if r := add(t, Open(dir, 5), fmt.Sprint("text ", i)); r.ID != i {
			t.Errorf("revision %d, want %d", r.ID, i)
		}
	}
	r, err := last(t, Open(dir, 5))
	if err != nil || r.ID != 3 || r.Who != "root" || content(t, Open(dir, 5), r) != "text 3" {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestOnlyRootReads(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "applied")
	s := Open(dir, 5)
	add(t, s, "option password 'x'")
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if info, _ := d.Info(); info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestSameTextIsStoredOnce(t *testing.T) {
	s := Open(t.TempDir(), 5)
	add(t, s, "same")
	add(t, s, "same")
	if n := blobs(t, s); n != 1 {
		t.Errorf("%d blobs, want 1", n)
	}
}

func blobs(t *testing.T, s *Store) int {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(s.dir, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// A newest revision that cannot be used gives way to the one before it, and is told of.
func TestDamagedNewestFallsBack(t *testing.T) {
	for name, damage := range map[string]func(s *Store, r Revision) error{
		"torn record":   func(s *Store, r Revision) error { return os.Truncate(s.record(r.ID), 20) },
		"empty record":  func(s *Store, r Revision) error { return os.Truncate(s.record(r.ID), 0) },
		"binary record": func(s *Store, r Revision) error { return os.WriteFile(s.record(r.ID), []byte("\x00\xff"), 0o600) },
		"missing blob":  func(s *Store, r Revision) error { return os.Remove(s.blob(r.Packages["network"])) },
		"torn blob":     func(s *Store, r Revision) error { return os.Truncate(s.blob(r.Packages["network"]), 3) },
		"changed blob": func(s *Store, r Revision) error {
			return os.WriteFile(s.blob(r.Packages["network"]), []byte("evil"), 0o600)
		},
		"blob directory": func(s *Store, r Revision) error {
			os.Remove(s.blob(r.Packages["network"]))
			return os.Mkdir(s.blob(r.Packages["network"]), 0o700)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := Open(t.TempDir(), 5)
			add(t, s, "the good one")
			if err := damage(s, add(t, s, "the one that breaks")); err != nil {
				t.Fatal(err)
			}
			r, err := last(t, s)
			if r.ID != 1 || content(t, s, r) != "the good one" {
				t.Errorf("revision %d, want 1", r.ID)
			}
			if err == nil {
				t.Error("nothing is said of the damage")
			}
			if next := add(t, s, "another"); next.ID != 3 {
				t.Errorf("the next is revision %d, want 3", next.ID)
			}
			if r, _ := last(t, s); r.ID != 3 {
				t.Errorf("the last is revision %d, want 3", r.ID)
			}
		})
	}
}

func TestDamagedOldOneDisturbsNothing(t *testing.T) {
	s := Open(t.TempDir(), 3)
	if err := os.Truncate(s.record(add(t, s, "old").ID), 1); err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		r := add(t, s, fmt.Sprint(i))
		if content(t, s, r) != fmt.Sprint(i) {
			t.Errorf("revision %d lost its text", r.ID)
		}
	}
	if ids, _ := s.IDs(); len(ids) != 3 {
		t.Errorf("%v are kept, want 3", ids)
	}
}

func TestPruneKeepsWhatFrozenNeeds(t *testing.T) {
	s := Open(t.TempDir(), 2)
	old := add(t, s, "old and good")
	frozen := Frozen{Sections: []Section{{Package: "network", Type: "route", Name: "office"}}, Packages: old.Packages}
	for i := range 10 {
		add(t, s, fmt.Sprint(i), frozen)
	}
	if ids, _ := s.IDs(); len(ids) != 2 || ids[1] != 11 {
		t.Errorf("%v are kept, want 10 and 11", ids)
	}
	r, err := last(t, s)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := s.Content(r.Frozen[0].Packages["network"]); string(text) != "old and good" {
		t.Errorf("%q, %v", text, err)
	}
	add(t, s, "mended")
	add(t, s, "mended again")
	if n := blobs(t, s); n != 2 {
		t.Errorf("%d blobs are left, want 2", n)
	}
}

// What a crash in the middle of a write leaves is not read, and goes.
func TestLeftoversOfACrash(t *testing.T) {
	s := Open(t.TempDir(), 2)
	add(t, s, "good")
	for _, dir := range []string{"blobs", "revisions"} {
		if err := os.WriteFile(filepath.Join(s.dir, dir, ".new-123"), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"x.json", "-1.json", "0.json", "7", "9.json.bak"} {
		if err := os.WriteFile(filepath.Join(s.dir, "revisions", name), []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := last(t, s); err != nil || r.ID != 1 {
		t.Errorf("revision %d, %v", r.ID, err)
	}
	add(t, s, "2")
	add(t, s, "3")
	if n := blobs(t, s); n != 2 {
		t.Errorf("%d blobs, want 2", n)
	}
}

// The newest applied revision outlives any number of changes that were not confirmed.
func TestRejectedIsNotLast(t *testing.T) {
	s := Open(t.TempDir(), 2)
	good := add(t, s, "good")
	for i := range 5 {
		tried, err := s.Add(Revision{State: Pending}, map[string][]byte{"network": []byte(fmt.Sprint(i))})
		if err == nil {
			err = s.SetState(tried.ID, Rejected)
		}
		if err != nil {
			t.Fatal(err)
		}
		if r, err := last(t, s); err != nil || r.ID != good.ID || content(t, s, r) != "good" {
			t.Errorf("last is %+v, %v; want revision 1", r, err)
		}
	}
}
