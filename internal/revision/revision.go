// SPDX-License-Identifier: Apache-2.0

// Package revision keeps the configurations that were applied: what must survive a restart
// and a reboot. Files are stored by their digest, so an unchanged file is stored once; an
// apply writes one blob for each file that changed, and one record.
package revision

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Sum names a blob: the SHA-256 of its content in hexadecimal.
type Sum string

// Section names a section whose objects come from an older revision.
type Section struct {
	Package   string `json:"package"`
	Type      string `json:"type"`
	Name      string `json:"name"`
	Anonymous bool   `json:"anonymous,omitempty"`
}

// Frozen says that sections were wrong when the revision was applied, so their objects stayed
// as an older configuration made them.
type Frozen struct {
	Sections []Section      `json:"sections"`
	Packages map[string]Sum `json:"packages"` // of the older configuration
}

// A Revision is an applied configuration.
type Revision struct {
	ID       int            `json:"id"` // from 1
	Time     time.Time      `json:"time"`
	Who      string         `json:"who,omitempty"`
	Message  string         `json:"message,omitempty"`
	Packages map[string]Sum `json:"packages"`
	Frozen   []Frozen       `json:"frozen,omitempty"`
}

// A Store is a directory of revisions. One process at a time may write it.
type Store struct {
	dir  string
	keep int
}

// Open returns the store in dir, which need not exist yet. It keeps the last keep revisions.
func Open(dir string, keep int) *Store { return &Store{dir, max(keep, 1)} }

func (s *Store) blob(sum Sum) string { return filepath.Join(s.dir, "blobs", string(sum)) }
func (s *Store) record(id int) string {
	return filepath.Join(s.dir, "revisions", strconv.Itoa(id)+".json")
}

// SumOf is the name of a blob of that content.
func SumOf(content []byte) Sum {
	sum := sha256.Sum256(content)
	return Sum(hex.EncodeToString(sum[:]))
}

// Add stores a revision with the content of its packages and returns it with its ID. It is on
// disk when Add returns.
func (s *Store) Add(r Revision, contents map[string][]byte) (Revision, error) {
	ids, err := s.IDs()
	if err != nil {
		return r, err
	}
	r.ID = 1
	if len(ids) > 0 {
		r.ID = ids[len(ids)-1] + 1
	}
	r.Packages = map[string]Sum{}
	for name, content := range contents {
		sum := SumOf(content)
		r.Packages[name] = sum
		if _, err := os.Stat(s.blob(sum)); errors.Is(err, fs.ErrNotExist) {
			if err := write(s.blob(sum), content); err != nil {
				return r, err
			}
		}
	}
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return r, err
	}
	if err := write(s.record(r.ID), append(text, '\n')); err != nil {
		return r, err
	}
	return r, s.prune(append(ids, r.ID))
}

// write makes a file whole or not at all: 0600 from the first byte, synced, renamed, and the
// directory synced.
func write(path string, content []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	temp, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	_, err = temp.Write(content)
	if err = errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	if err := os.Rename(temp.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// IDs returns the stored revisions, oldest first.
func (s *Store) IDs() ([]int, error) {
	entries, err := os.ReadDir(filepath.Join(s.dir, "revisions"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var ids []int
	for _, e := range entries {
		name, isRecord := strings.CutSuffix(e.Name(), ".json")
		if id, err := strconv.Atoi(name); isRecord && err == nil && id > 0 {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, cmp.Compare)
	return ids, nil
}

// Get reads a revision.
func (s *Store) Get(id int) (Revision, error) {
	var r Revision
	text, err := os.ReadFile(s.record(id))
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("%s: %w", s.record(id), err)
	}
	return r, nil
}

// Last reads the newest revision that can be read; ok is false when there is none.
// The error tells of newer ones that could not be read.
func (s *Store) Last() (r Revision, ok bool, err error) {
	ids, err := s.IDs()
	for _, id := range slices.Backward(ids) {
		r, e := s.Get(id)
		if e == nil && s.whole(r) {
			return r, true, err
		}
		err = errors.Join(err, e)
	}
	return Revision{}, false, err
}

// whole reports whether all blobs of a revision are there.
func (s *Store) whole(r Revision) bool {
	for _, sum := range r.sums() {
		if _, err := os.Stat(s.blob(sum)); err != nil {
			return false
		}
	}
	return true
}

func (r Revision) sums() []Sum {
	var sums []Sum
	for _, sum := range r.Packages {
		sums = append(sums, sum)
	}
	for _, f := range r.Frozen {
		for _, sum := range f.Packages {
			sums = append(sums, sum)
		}
	}
	return sums
}

// Content reads a blob and checks it against its name.
func (s *Store) Content(sum Sum) ([]byte, error) {
	content, err := os.ReadFile(s.blob(sum))
	if err == nil && SumOf(content) != sum {
		err = fmt.Errorf("%s is damaged", s.blob(sum))
	}
	return content, err
}

// prune removes the oldest revisions beyond those kept, and blobs nobody needs.
func (s *Store) prune(ids []int) error {
	if len(ids) <= s.keep {
		return nil
	}
	for _, id := range ids[:len(ids)-s.keep] {
		if err := os.Remove(s.record(id)); err != nil {
			return err
		}
	}
	needed := map[Sum]bool{}
	for _, id := range ids[len(ids)-s.keep:] {
		r, err := s.Get(id)
		if err != nil {
			return err // what it needs is not known, so nothing is removed
		}
		for _, sum := range r.sums() {
			needed[sum] = true
		}
	}
	return s.sweep(needed)
}

func (s *Store) sweep(needed map[Sum]bool) error {
	entries, err := os.ReadDir(filepath.Join(s.dir, "blobs"))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !needed[Sum(e.Name())] {
			err = errors.Join(err, os.Remove(filepath.Join(s.dir, "blobs", e.Name())))
		}
	}
	return err
}
