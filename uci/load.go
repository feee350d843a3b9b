// SPDX-License-Identifier: Apache-2.0

package uci

import (
	"errors"
	"path/filepath"
)

// load reads a package under a shared lock, or takes it from the cache when neither the
// file nor the changes are others than before.
func (st *Store) load(pkg string) (*state, error) {
	pl, err := st.place(pkg)
	if err != nil {
		return nil, err
	}
	return st.loadAt(pkg, pl)
}

func (st *Store) loadAt(pkg string, pl place) (*state, error) {
	for {
		s, err := st.loadOnce(pkg, pl)
		if err != nil || s.current() {
			return s, err
		}
	}
}

func (st *Store) loadOnce(pkg string, pl place) (*state, error) {
	lk, err := st.lockShared(pl)
	if err != nil {
		return nil, err
	}
	defer lk.file.Close()
	return st.readCached(pkg, pl, lk)
}

// current reports whether the file is still the one that was read. Another implementation
// empties the delta file first and puts the new configuration in place afterwards, when it
// has given up its lock: what was read in between lacks the changes.
func (s *state) current() bool {
	id, err := stat(s.path)
	return err != nil || id.same(s.conf)
}

func (st *Store) readCached(pkg string, pl place, lk locked) (*state, error) {
	if s := st.cache[pkg]; s != nil && s.fresh(lk, st.DeltaDirs, s.deltas) {
		return s.again(st), nil
	}
	s, err := st.read(pl, lk, nil)
	if st.cache != nil {
		st.cache[pkg] = s
		if err != nil {
			delete(st.cache, pkg)
		}
	}
	return s, err
}

// again reports once more what was wrong when the state was read.
func (s *state) again(st *Store) *state {
	for _, e := range s.errors {
		st.Lenient(e)
	}
	return s
}

// assumed is the cached state when it is what the files say, but for the one changes are saved
// in: whoever saves one looks at that when it is locked.
func (st *Store) assumed(pkg string, lk locked) *state {
	s := st.cache[pkg]
	if s == nil || s.save == nil {
		return nil
	}
	last := len(st.DeltaDirs) - 1
	if !s.fresh(lk, st.DeltaDirs[:last], s.deltas[:len(s.deltas)-1]) {
		return nil
	}
	return s.again(st)
}

// fresh reports whether the state is still what the files say: the configuration, and in
// these directories the known delta files.
func (s *state) fresh(lk locked, dirs []string, known []*deltaFile) bool {
	if lk.id != s.conf {
		return false
	}
	if s.direct {
		return true
	}
	for _, dir := range dirs {
		path := filepath.Join(dir, s.name)
		id, err := stat(path)
		switch {
		case err != nil:
			if len(known) > 0 && known[0].path == path {
				return false
			}
		case len(known) == 0 || known[0].path != path || known[0].id != id:
			return false
		default:
			known = known[1:]
		}
	}
	return len(known) == 0
}

// Package reads a package with the changes that wait for it. An error is [ErrNotFound], a
// *[ParseError] or an *[os.PathError].
func (st *Store) Package(pkg string) (*Package, error) {
	s, err := st.load(pkg)
	if err != nil {
		return nil, err
	}
	return s.pkg, nil
}

// KeepLoaded makes the store keep packages in memory between operations, for as long as
// their files stay the same. A package it gave before may then change with the operations
// that follow.
func (st *Store) KeepLoaded() {
	st.cache, st.kept = make(map[string]*state), make(map[string]*file)
}

// Close closes the files of a store that keeps packages loaded. The store can be used on,
// but keeps nothing any more.
func (st *Store) Close() error {
	var errs []error
	for _, f := range st.kept {
		f.kept = nil
		errs = append(errs, f.Close())
	}
	st.cache, st.kept = nil, nil
	return errors.Join(errs...)
}
