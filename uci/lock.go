// SPDX-License-Identifier: Apache-2.0

package uci

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// flock waits for a lock on the file itself, which is how every program that uses UCI locks.
func flock(f *os.File, how int) error {
	for {
		err := syscall.Flock(int(f.Fd()), how)
		if err != syscall.EINTR {
			return wrap("lock", f.Name(), err)
		}
	}
}

// openLocked opens a regular file and locks it. A commit replaces the file, so what was
// waited for may be an old one: then it starts again with the new one.
func openLocked(path string, flag, how int) (*os.File, fs.FileInfo, error) {
	for {
		f, err := openRegular(path, flag)
		if err != nil {
			return nil, nil, err
		}
		info, current, err := lockCurrent(f, path, how)
		if err == nil && current {
			return f, info, nil
		}
		f.Close()
		if err != nil {
			return nil, nil, err
		}
	}
}

// lockCurrent locks f and reports whether it is still the file at path.
func lockCurrent(f *os.File, path string, how int) (info fs.FileInfo, current bool, err error) {
	if err := flock(f, how); err != nil {
		return nil, false, err
	}
	if info, err = f.Stat(); err != nil {
		return nil, false, err
	}
	now, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return info, false, nil
	}
	return info, err == nil && os.SameFile(info, now), err
}

// wrap gives err, which may be nil, its operation and path.
func wrap(op, path string, err error) error {
	if err == nil {
		return nil
	}
	return &os.PathError{Op: op, Path: path, Err: err}
}

// identity tells one state of a file from another.
type identity struct {
	dev, ino     uint64
	size         int64
	mtime, ctime syscall.Timespec
}

func identify(info fs.FileInfo) identity {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return identity{size: info.Size()}
	}
	return identity{uint64(st.Dev), st.Ino, st.Size, st.Mtim, st.Ctim}
}
