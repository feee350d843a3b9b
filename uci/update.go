// SPDX-License-Identifier: Apache-2.0

package uci

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// an editor makes changes in a package and gives what a delta file has to hold for them.
type editor func(*Package) ([]Change, error)

// update lets edit change a package and saves the changes. The configuration is locked all
// the while, the delta file from the look at it to the last byte: two processes that add a
// section at once get two names.
func (st *Store) update(pkg string, edit editor) error {
	pl, err := st.place(pkg)
	if err != nil {
		return err
	}
	if pl.direct {
		return st.updateDirect(pl, edit)
	}
	lk, err := st.lockShared(pl)
	if err != nil {
		return err
	}
	defer lk.file.Close()
	s, changes, err := st.edit(pkg, pl, lk, edit)
	if err == nil && len(changes) > 0 {
		err = st.save(pkg, s, lk, changes, edit)
	}
	if err != nil {
		delete(st.cache, pkg)
	}
	return err
}

// edit reads a package and changes it in memory.
func (st *Store) edit(pkg string, pl place, lk locked, edit editor) (*state, []Change, error) {
	if s := st.assumed(pkg, lk); s != nil {
		if changes, err := edit(s.pkg); err == nil && len(changes) > 0 {
			return s, changes, nil
		}
		delete(st.cache, pkg) // it may be half changed
	}
	s, err := st.readCached(pkg, pl, lk)
	if err != nil {
		return nil, nil, err
	}
	changes, err := edit(s.pkg)
	return s, changes, err
}

// save appends changes to the delta file. When that is no longer what it was when it was
// read, everything is read and edited again first.
func (st *Store) save(pkg string, s *state, lk locked, changes []Change, edit editor) error {
	f, info, err := st.openSave(s)
	if err != nil {
		return err
	}
	defer f.Close()
	if !s.saveIs(info) {
		if s, err = st.read(s.place, lk, f); err != nil {
			return err
		}
		if changes, err = edit(s.pkg); err != nil || len(changes) == 0 {
			return err
		}
		if st.cache != nil {
			st.cache[pkg] = s
		}
	}
	return s.append(f, st.saveDir(), changes)
}

// saveIs reports whether the delta file is what was read.
func (s *state) saveIs(info identity) bool {
	if s.save == nil {
		return info.size == 0
	}
	return info == s.save.id
}

// openSave opens and locks the delta file changes are saved in; it makes the file, and its
// directory, with the modes of what they belong to.
func (st *Store) openSave(s *state) (*file, identity, error) {
	path := filepath.Join(st.saveDir(), s.name)
	f, id, err := st.openKept(path, os.O_RDWR, syscall.LOCK_EX)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, id, err
	}
	if err := st.makeSaveDir(); err != nil {
		return nil, identity{}, err
	}
	mode := fs.FileMode(0o600)
	if id, err := stat(filepath.Join(st.ConfDir, s.name)); err == nil {
		mode = fs.FileMode(id.perm())
	}
	return openLocked(path, os.O_RDWR|os.O_CREATE, mode, syscall.LOCK_EX)
}

func (st *Store) makeSaveDir() error {
	dir := st.saveDir()
	id, err := stat(dir)
	switch {
	case err == nil && id.isDir():
		return nil
	case err == nil:
		return wrap("mkdir", dir, syscall.ENOTDIR)
	}
	mode := fs.FileMode(0o700)
	if id, err := stat(st.ConfDir); err == nil {
		mode = fs.FileMode(id.mode & 0o777)
	}
	if err := os.Mkdir(dir, mode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// append writes the lines in one piece behind what is there. A line that was cut off before
// its end, by a full disk or a crash, would swallow them: it is dropped.
func (s *state) append(f *file, dir string, changes []Change) error {
	d := s.save
	if d == nil {
		d = &deltaFile{path: f.path, dir: dir, torn: -1}
	}
	var text []byte
	at := d.size
	switch {
	case d.torn >= 0:
		at = d.torn
		d.lines = d.lines[:len(d.lines)-1]
	case d.open:
		text = append(text, '\n')
	}
	for _, c := range changes {
		text, _ = c.AppendText(text)
	}
	if err := writeTail(f, text, at, d.size); err != nil {
		return err
	}
	id, err := f.Stat()
	if err != nil {
		return err
	}
	d.id, d.size, d.torn, d.open = id, id.size, -1, false
	for _, c := range changes {
		d.lines = append(d.lines, deltaLine{Change: c})
	}
	if s.save == nil {
		s.save = d
		s.deltas = append(s.deltas, d)
	}
	s.applied += len(changes)
	return nil
}

// writeTail makes text the end of a file, from byte at on. When it cannot be written the
// file stays as it was.
func writeTail(f *file, text []byte, at, size int64) error {
	if at < size {
		if err := f.Truncate(at); err != nil {
			return err
		}
	}
	if err := f.WriteAt(text, at); err != nil {
		return errors.Join(err, f.Truncate(at))
	}
	return nil
}

// updateDirect changes a package given by path: its file is replaced at once.
func (st *Store) updateDirect(pl place, edit editor) error {
	lk, err := pl.lock(os.O_RDWR, syscall.LOCK_EX)
	if err != nil {
		return err
	}
	defer lk.file.Close()
	s, err := st.read(pl, lk, nil)
	if err != nil {
		return err
	}
	changes, err := edit(s.pkg)
	if err != nil || len(changes) == 0 {
		return err
	}
	return replaceFile(pl.path, st.format(s), &s.conf)
}

// format gives the text of a package as it is to be written.
func (st *Store) format(s *state) []byte {
	if st.KeepComments {
		return Format{Names: st.Names}.Rewrite(s.data, s.pkg)
	}
	return Format{Names: st.Names}.Append(make([]byte, 0, len(s.data)+len(s.data)/8+64), s.pkg)
}
