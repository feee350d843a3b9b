// SPDX-License-Identifier: Apache-2.0

package uci

import (
	"os"
	"path/filepath"
	"syscall"
)

// Commit writes the changes that wait for a package into its configuration file. In this
// order: the new file is written and synced, it takes the place of the old, the directory is
// synced, the changes are dropped. Whatever fails or dies on the way leaves the old state or
// the new one; after an error the changes still wait, unless the new file is in place.
// When no change takes effect the file is not touched.
func (st *Store) Commit(pkg string) error {
	for {
		if err := st.commitOnce(pkg); err != errReplaced {
			return err
		}
	}
}

func (st *Store) commitOnce(pkg string) error {
	pl, err := st.place(pkg)
	if err != nil {
		return err
	}
	lk, err := pl.lock(os.O_RDWR, syscall.LOCK_EX)
	if err != nil {
		return err
	}
	defer lk.file.Close()
	return st.withSaved(pl, lk, func(s *state, save *file) error {
		delete(st.cache, pkg)
		switch {
		case s.applied > 0:
			return st.commit(s, lk, save)
		case save != nil:
			return finish(s, save)
		}
		return nil
	})
}

// withSaved reads a package while its delta file is locked as well, and lets do work on them.
// save is nil when there is none.
func (st *Store) withSaved(pl place, lk locked, do func(s *state, save *file) error) error {
	save, err := st.openSaved(pl)
	if err != nil {
		return err
	}
	if save != nil {
		defer save.Close()
	}
	s, err := st.read(pl, lk, save)
	if err != nil {
		return err
	}
	return do(s, save)
}

// openSaved opens and locks the delta file changes are saved in, if there is one.
func (st *Store) openSaved(pl place) (*file, error) {
	if pl.direct {
		return nil, nil
	}
	f, _, err := openLocked(filepath.Join(st.saveDir(), pl.name), os.O_RDWR, 0, syscall.LOCK_EX)
	if err != nil && loadError(err) == ErrNotFound {
		return nil, nil
	}
	return f, err
}

// commit puts the package in place of its file.
func (st *Store) commit(s *state, lk locked, save *file) error {
	data := st.format(s)
	r, err := newReplacement(s.path, data, &s.conf)
	if err != nil {
		return err
	}
	var path string
	if s.save != nil && s.save.size > 0 {
		path = notePath(s.save.dir, s.name)
		n := note{config: r.id, delta: s.save.id, sum: sum(data, s.save.data)}
		err = n.leave(path)
	}
	if err == nil {
		err = r.commit()
	}
	if err != nil {
		r.discard()
		return err
	}
	lk.passOn(data)
	if path == "" {
		return nil
	}
	if err := drop(save, s.save.size); err != nil {
		return err
	}
	return unlink(path)
}

// passOn puts the new text into the old file as well, once nothing leads there any more. A
// process that uses another implementation may be waiting for its lock, and goes on with what
// it holds. Nobody else reads it, so it does not matter if this fails.
func (lk locked) passOn(text []byte) {
	var st syscall.Stat_t
	if syscall.Fstat(lk.file.fd, &st) == nil && st.Nlink == 0 {
		_ = overwrite(lk.file, text)
	}
}

// drop removes the first n bytes of a file. What follows them was written by someone who
// does not lock.
func drop(f *file, n int64) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	rest := make([]byte, max(0, info.size-n))
	if err := f.ReadAt(rest, n); err != nil {
		return err
	}
	if err := f.WriteAt(rest, 0); err != nil {
		return err
	}
	return f.Truncate(int64(len(rest)))
}

// finish does the last step of a commit that was cut short before it.
func finish(s *state, save *file) error {
	path := notePath(s.save.dir, s.name)
	n, ok := readNote(path)
	if !ok {
		return nil
	}
	if done := n.committed(s, s.save, s.save.data); done > 0 {
		if err := drop(save, int64(done)); err != nil {
			return err
		}
	}
	return unlink(path)
}
