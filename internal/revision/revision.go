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

	"ucid/internal/durable"
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

// State says what became of a revision.
type State string

const (
	Applied  State = "applied"
	Pending  State = "pending"  // applied, and taken back unless it is confirmed
	Rejected State = "rejected" // taken back; never applied again but by hand
	Saved    State = "saved"    // never applied: files that a rollback was about to replace
)

// A Revision is a configuration.
type Revision struct {
	ID       int            `json:"id"` // from 1
	State    State          `json:"state"`
	Change   string         `json:"change,omitempty"` // that brought it
	Time     time.Time      `json:"time"`
	Who      string         `json:"who,omitempty"`
	Message  string         `json:"message,omitempty"`
	Packages map[string]Sum `json:"packages"`
	Frozen   []Frozen       `json:"frozen,omitempty"`
	Plan     []string       `json:"plan,omitempty"` // what it did to the system, the first operations
}

// A Store is a directory of revisions. One process at a time may write it.
type Store struct {
	dir  string
	keep int
}

// Open returns the store in dir, which need not exist yet. It keeps the last keep revisions.
func Open(dir string, keep int) *Store { return &Store{dir, max(keep, 1)} }

// Keep changes how many revisions are kept; it counts from the next one on.
func (s *Store) Keep(n int) {
	if n > 0 {
		s.keep = n
	}
}

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
	if r.Packages, err = s.PutBlobs(contents); err != nil {
		return r, err
	}
	if err := s.put(r); err != nil {
		return r, err
	}
	return r, s.prune(append(ids, r.ID))
}

// PutBlobs stores contents by their digests, which it returns.
func (s *Store) PutBlobs(contents map[string][]byte) (map[string]Sum, error) {
	sums := make(map[string]Sum, len(contents))
	for name, content := range contents {
		sum := SumOf(content)
		sums[name] = sum
		if _, err := os.Stat(s.blob(sum)); errors.Is(err, fs.ErrNotExist) {
			if err := durable.WriteFile(s.blob(sum), content); err != nil {
				return nil, err
			}
		}
	}
	return sums, nil
}

func (s *Store) put(r Revision) error {
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	return durable.WriteFile(s.record(r.ID), append(text, '\n'))
}

// SetState notes what became of a revision.
func (s *Store) SetState(id int, state State) error {
	r, err := s.Get(id)
	if err != nil {
		return err
	}
	r.State = state
	return s.put(r)
}

// All returns the revisions that can be read, newest first. The error tells of the others.
func (s *Store) All() ([]Revision, error) {
	ids, err := s.IDs()
	var all []Revision
	for _, id := range slices.Backward(ids) {
		r, e := s.Get(id)
		if err = errors.Join(err, e); e == nil {
			all = append(all, r)
		}
	}
	return all, err
}

// Purge removes all revisions but those of the given numbers, and what only they needed.
func (s *Store) Purge(keep ...int) error {
	ids, err := s.IDs()
	if err != nil {
		return err
	}
	kept := slices.DeleteFunc(slices.Clone(ids), func(id int) bool { return !slices.Contains(keep, id) })
	return s.retain(ids, kept)
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

// Last reads the newest applied revision that can be read; ok is false when there is none.
// The error tells of newer ones that could not be read.
func (s *Store) Last() (r Revision, ok bool, err error) {
	ids, err := s.IDs()
	for _, id := range slices.Backward(ids) {
		r, e := s.Get(id)
		if e == nil && r.State != Applied {
			continue
		}
		if e == nil {
			e = s.whole(r)
		}
		if e == nil {
			return r, true, err
		}
		err = errors.Join(err, e)
	}
	return Revision{}, false, err
}

// whole says which blob of a revision is missing or damaged.
func (s *Store) whole(r Revision) error {
	for _, sum := range r.sums() {
		if _, err := s.Content(sum); err != nil {
			return err
		}
	}
	return nil
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

// prune removes the oldest revisions beyond those kept, but never the newest applied one, and
// blobs nobody needs.
func (s *Store) prune(ids []int) error {
	if len(ids) <= s.keep {
		return nil
	}
	kept := ids[len(ids)-s.keep:]
	if last, ok, _ := s.Last(); ok && !slices.Contains(kept, last.ID) {
		kept = append([]int{last.ID}, kept...)
	}
	return s.retain(ids, kept)
}

// retain removes the revisions that are not kept.
func (s *Store) retain(ids, kept []int) error {
	needed := map[Sum]bool{}
	for _, id := range kept {
		r, err := s.Get(id)
		if err != nil {
			return nil // what it needs is not known, so nothing is removed while it is kept
		}
		for _, sum := range r.sums() {
			needed[sum] = true
		}
	}
	for _, id := range ids {
		if !slices.Contains(kept, id) {
			if err := os.Remove(s.record(id)); err != nil {
				return err
			}
		}
	}
	return s.sweep(needed)
}

func (s *Store) sweep(needed map[Sum]bool) error {
	entries, err := os.ReadDir(filepath.Join(s.dir, "blobs"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if !needed[Sum(e.Name())] {
			err = errors.Join(err, os.Remove(filepath.Join(s.dir, "blobs", e.Name())))
		}
	}
	return err
}
