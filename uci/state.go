// SPDX-License-Identifier: Apache-2.0

package uci

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// state is a package as it was read: the file and the changes that wait, applied to it.
type state struct {
	place
	pkg     *Package
	data    []byte // the file
	conf    identity
	deltas  []*deltaFile // of those directories that have one
	applied int          // how many changes took effect
	errors  []*ParseError
	save    *deltaFile // the one changes are saved in; nil when there is none yet
}

// deltaFile is one file of changes as it was read.
type deltaFile struct {
	path  string
	dir   string
	id    identity
	lines []deltaLine
	size  int64
	torn  int64 // where a line that never ended starts; -1
	open  bool  // the last line has no newline
	holes bool  // it has NUL bytes
	data  []byte
	// locked is set when it is held for writing: nobody's rewrite is half done.
	locked bool
}

// locked is a configuration file held by a lock while work goes on.
type locked struct {
	file *file
	id   identity
}

// lockShared locks the file of a package for reading.
func (st *Store) lockShared(pl place) (locked, error) {
	f, id, err := st.openKept(pl.path, os.O_RDONLY, syscall.LOCK_SH)
	if err != nil {
		return locked{}, loadError(err)
	}
	return locked{f, id}, nil
}

// lock opens and locks the file of a package.
func (pl place) lock(flag, how int) (locked, error) {
	f, id, err := openLocked(pl.path, flag, 0, how)
	if err != nil {
		return locked{}, loadError(err)
	}
	return locked{f, id}, nil
}

// loadError gives what is not there, or is no file, its common name.
func loadError(err error) error {
	for _, absent := range []error{fs.ErrNotExist, ErrNotRegular, syscall.ENOTDIR, syscall.EISDIR, syscall.ELOOP, syscall.ENAMETOOLONG} {
		if errors.Is(err, absent) {
			return ErrNotFound
		}
	}
	return err
}

// read reads a package from its locked file, and the changes that wait for it. save is the
// file of the last directory when the caller has it open and locked, else nil.
func (st *Store) read(pl place, lk locked, save *file) (*state, error) {
	data, err := readWhole(lk.file, lk.id.size)
	if err != nil {
		return nil, err
	}
	s := &state{place: pl, data: data, conf: lk.id}
	if err := st.parse(s); err != nil {
		return nil, err
	}
	if pl.direct {
		return s, nil
	}
	last := len(st.DeltaDirs) - 1
	for _, dir := range st.DeltaDirs[:last] {
		if d, err := readDelta(dir, s); err == nil { // not there, or not to be read: no changes
			st.replay(s, d)
		}
	}
	d, err := readSaved(st.DeltaDirs[last], s, save)
	switch {
	case err == nil:
		s.save = d
		st.replay(s, d)
	case save != nil:
		return nil, err
	}
	if pl.want != nil && s.changed() { // who knows which section is meant then
		pl.want = nil
		return st.read(pl, lk, save)
	}
	s.pkg.settle()
	return s, nil
}

// changed reports whether any change waits.
func (s *state) changed() bool {
	for _, d := range s.deltas {
		if len(d.lines) > 0 {
			return true
		}
	}
	return false
}

func (st *Store) parse(s *state) error {
	ps := newParser(asString(s.data))
	ps.want = s.want
	ps.pkg = NewPackage(s.name, s.path)
	if st.Lenient != nil {
		ps.lenient = func(e *ParseError) {
			s.errors = append(s.errors, e)
			st.Lenient(e)
		}
	}
	err := ps.run()
	s.pkg = ps.pkg
	return err
}

// replay applies the changes of a delta file.
func (st *Store) replay(s *state, d *deltaFile) {
	s.deltas = append(s.deltas, d)
	added := make(map[string]bool)
	for i := range d.lines {
		l := &d.lines[i]
		if l.err != nil {
			if st.Warn != nil && l.err != errBlank {
				st.Warn(l.problem(s.name, d.path))
			}
			continue
		}
		apply := s.pkg.apply
		if l.Op == OpAdd && l.Option == "" {
			apply = func(c Change) error { return s.pkg.aliasAdd(c, added) }
		}
		if apply(l.Change) == nil {
			s.applied++
		}
	}
}

func (l *deltaLine) problem(pkg, path string) Problem {
	return Problem{
		Package: pkg, File: path, Line: l.line, Warning: true,
		Text: "not a change, ignored: " + l.err.Error(),
	}
}

// readSaved reads the delta file changes are saved in, which may be open already.
func readSaved(dir string, s *state, f *file) (*deltaFile, error) {
	if f == nil {
		return readDelta(dir, s)
	}
	if err := finishRewrite(dir, s.name, f); err != nil {
		return nil, err
	}
	id, err := f.Stat()
	if err != nil {
		return nil, err
	}
	d := &deltaFile{path: f.path, dir: dir, id: id, torn: -1, locked: true}
	return d, d.read(f, s)
}

// readDelta reads a delta file under a shared lock.
func readDelta(dir string, s *state) (*deltaFile, error) {
	path := filepath.Join(dir, s.name)
	f, id, err := openLocked(path, os.O_RDONLY, 0, syscall.LOCK_SH)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	d := &deltaFile{path: path, dir: dir, id: id, torn: -1}
	return d, d.read(f, s)
}

// read reads the open file.
func (d *deltaFile) read(f *file, s *state) error {
	data := make([]byte, d.id.size)
	if err := f.ReadAt(data, 0); err != nil {
		return err
	}
	d.data, d.size = data, d.id.size
	if len(data) > 0 {
		data = pending(d, s, data)
	}
	d.lines = parseDelta(s.name, asString(data))
	d.holes = bytes.IndexByte(data, 0) >= 0
	if n := len(d.lines); n > 0 {
		last := d.lines[n-1].text
		d.open = !strings.HasSuffix(last, "\n")
		if d.lines[n-1].torn {
			d.torn = d.size - int64(len(last))
		}
	}
	return nil
}
