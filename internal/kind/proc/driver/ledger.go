// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A record is what the ledger keeps of a process: one file of mode 0600 each, because the
// environment may hold passwords.
type record struct {
	World    world     `json:"world"`
	Tag      text      `json:"tag"`
	Pid      int       `json:"pid,omitempty"`   // of the main process; 0: none
	Start    uint64    `json:"start,omitempty"` // its start time in ticks
	Want     spec      `json:"want"`
	Run      *spec     `json:"run,omitempty"` // with what it runs, where that differs
	State    string    `json:"state"`
	Held     bool      `json:"held,omitempty"` // stopped by hand
	Gone     bool      `json:"gone,omitempty"` // being removed
	Early    int       `json:"early,omitempty"`
	Restarts int       `json:"restarts,omitempty"`
	Exit     Exit      `json:"exit,omitzero"`
	Since    time.Time `json:"since"`
	Files    []text    `json:"digests,omitempty"` // of the files it read
}

// A ledger is a directory of records.
type ledger struct {
	dir string
}

const recordSuffix = ".json"

// stem is the part of file names that stands for a process; no name becomes a path.
func stem(name string) string { return url.PathEscape(name) }

func (l ledger) path(name string) string { return filepath.Join(l.dir, stem(name)+recordSuffix) }

// write replaces the record as a whole: a reader sees the old or the new one. It is not
// synced to disk, as it need not outlive the boot.
func (l ledger) write(r record) error {
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("cannot write the ledger of %s: %w", r.Want.Name, err)
	}
	path := l.path(string(r.Want.Name))
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		return fmt.Errorf("cannot write the ledger: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("cannot write the ledger: %w", err)
	}
	return nil
}

func (l ledger) remove(name string) error {
	if err := unix.Unlink(l.path(name)); err != nil && err != unix.ENOENT {
		return err
	}
	return nil
}

// read returns all records. A torn one is put aside under another name and reported.
func (l ledger) read() (map[string]record, []error) {
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		return nil, []error{err}
	}
	all, errs := map[string]record{}, []error(nil)
	for _, e := range entries {
		if e.IsDir() || !strings.HasSuffix(e.Name(), recordSuffix) {
			continue
		}
		r, err := l.readOne(e)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		all[string(r.Want.Name)] = r
	}
	return maps.Clone(all), errs
}

func (l ledger) readOne(e fs.DirEntry) (record, error) {
	path := filepath.Join(l.dir, e.Name())
	data, err := os.ReadFile(path)
	if err != nil {
		return record{}, err
	}
	var r record
	err = json.Unmarshal(data, &r)
	if err == nil && l.path(string(r.Want.Name)) != path {
		err = fmt.Errorf("it is about %q", string(r.Want.Name))
	}
	if err == nil {
		err = checkName(string(r.Want.Name))
	}
	if err != nil {
		_ = os.Rename(path, path+".bad")
		return record{}, fmt.Errorf("ledger %s is not readable and put aside as %s.bad: %w", path, e.Name(), err)
	}
	return r, nil
}
