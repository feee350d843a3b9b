// SPDX-License-Identifier: Apache-2.0

package uci

import (
	"errors"
	"io/fs"
)

// openLocked opens a regular file and locks it. A commit replaces the file, so what was
// waited for may be an old one: then it starts again with the new one. A file that is made
// gets the mode.
func openLocked(path string, flag int, mode fs.FileMode, how int) (*file, identity, error) {
	for {
		f, err := openFile(path, flag, mode)
		if err != nil {
			return nil, identity{}, err
		}
		id, current, err := lockCurrent(f, how)
		if err == nil && current {
			return f, id, nil
		}
		f.Close()
		if err != nil {
			return nil, identity{}, err
		}
	}
}

// openKept is openLocked for a store that keeps packages loaded: it keeps the files open as
// well. While a file is open its inode number is not given to another.
func (st *Store) openKept(path string, flag int, how int) (*file, identity, error) {
	if f := st.kept[path]; f != nil {
		if err := f.Lock(how); err != nil {
			return nil, identity{}, err
		}
		if id, err := stat(path); err == nil && id.same(*f.kept) {
			return f, id, nil
		}
		delete(st.kept, path)
		f.kept = nil
		f.Close()
	}
	f, id, err := openLocked(path, flag, 0, how)
	if err == nil && st.kept != nil {
		f.kept = &id
		st.kept[path] = f
	}
	return f, id, err
}

// lockCurrent locks f and reports whether it is still the file at its path.
func lockCurrent(f *file, how int) (id identity, current bool, err error) {
	if err = f.Lock(how); err != nil {
		return id, false, err
	}
	if id, err = f.Stat(); err != nil {
		return id, false, err
	}
	if !id.isRegular() {
		return id, false, wrap("open", f.path, ErrNotRegular)
	}
	now, err := stat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return id, false, nil
	}
	return id, err == nil && id.same(now), err
}
