// SPDX-License-Identifier: Apache-2.0

package uci

import (
	"io"
	"io/fs"
	"os"
	"syscall"
)

// file is an open file. It makes the system calls it is asked for and no others: the os
// package would offer each file to the poller, which a tool that lives for a millisecond
// feels.
type file struct {
	fd   int
	path string
	kept *identity // if not nil, Close only gives up the lock
}

func openFile(path string, flag int, mode fs.FileMode) (*file, error) {
	fd, err := retry(func() (int, error) {
		return syscall.Open(path, flag|syscall.O_CLOEXEC|syscall.O_NONBLOCK|syscall.O_LARGEFILE, uint32(mode))
	})
	if err != nil {
		return nil, wrap("open", path, err)
	}
	return &file{fd: fd, path: path}, nil
}

// retry makes a system call again while signals interrupt it.
func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if err != syscall.EINTR {
			return n, err
		}
	}
}

func (f *file) Read(b []byte) (int, error) {
	n, err := retry(func() (int, error) { return syscall.Read(f.fd, b) })
	if n == 0 && err == nil && len(b) > 0 {
		return 0, io.EOF
	}
	return max(n, 0), wrap("read", f.path, err)
}

// ReadAt reads all of b, from an offset.
func (f *file) ReadAt(b []byte, at int64) error {
	n, err := f.readAt(b, at)
	if err == nil && n < len(b) {
		err = wrap("read", f.path, io.ErrUnexpectedEOF)
	}
	return err
}

// readAt reads up to the end of b, or of the file.
func (f *file) readAt(b []byte, at int64) (read int, err error) {
	for read < len(b) {
		n, err := retry(func() (int, error) { return syscall.Pread(f.fd, b[read:], at+int64(read)) })
		if err != nil {
			return read, wrap("read", f.path, err)
		}
		if n == 0 {
			break
		}
		read += n
	}
	return read, nil
}

// WriteAt writes all of b, from an offset on.
func (f *file) WriteAt(b []byte, at int64) error {
	for len(b) > 0 {
		n, err := retry(func() (int, error) { return syscall.Pwrite(f.fd, b, at) })
		if err != nil {
			return wrap("write", f.path, err)
		}
		b, at = b[n:], at+int64(n)
	}
	return nil
}

func (f *file) Rewind() error {
	_, err := syscall.Seek(f.fd, 0, io.SeekStart)
	return wrap("seek", f.path, err)
}

func (f *file) Truncate(size int64) error {
	_, err := retry(func() (int, error) { return 0, syscall.Ftruncate(f.fd, size) })
	return wrap("truncate", f.path, err)
}

func (f *file) Sync() error {
	_, err := retry(func() (int, error) { return 0, syscall.Fsync(f.fd) })
	return wrap("sync", f.path, err)
}

// Lock waits for a lock on the file itself, which is how every program that uses UCI locks.
func (f *file) Lock(how int) error {
	_, err := retry(func() (int, error) { return 0, syscall.Flock(f.fd, how) })
	return wrap("lock", f.path, err)
}

// Close closes the file, once; one that is kept is unlocked.
func (f *file) Close() error {
	if f.kept != nil {
		return f.Lock(syscall.LOCK_UN)
	}
	if f.fd < 0 {
		return nil
	}
	err := syscall.Close(f.fd)
	f.fd = -1
	return wrap("close", f.path, err)
}

func (f *file) Stat() (identity, error) {
	var st syscall.Stat_t
	if err := syscall.Fstat(f.fd, &st); err != nil {
		return identity{}, wrap("stat", f.path, err)
	}
	return identify(&st), nil
}

// stat looks at what a path leads to.
func stat(path string) (identity, error) {
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		return identity{}, wrap("stat", path, err)
	}
	return identify(&st), nil
}

// identity tells one state of a file from another.
type identity struct {
	dev, ino     uint64
	size         int64
	mtime, ctime syscall.Timespec
	mode         uint32
	uid, gid     uint32
}

func identify(st *syscall.Stat_t) identity {
	return identity{
		dev: uint64(st.Dev), ino: st.Ino, size: st.Size, mtime: st.Mtim, ctime: st.Ctim,
		mode: uint32(st.Mode), uid: st.Uid, gid: st.Gid,
	}
}

// same reports whether both are the same file, perhaps in different states.
func (id identity) same(other identity) bool { return id.dev == other.dev && id.ino == other.ino }

func (id identity) isRegular() bool { return id.mode&syscall.S_IFMT == syscall.S_IFREG }

func (id identity) isDir() bool { return id.mode&syscall.S_IFMT == syscall.S_IFDIR }

// perm is the permission bits, set-id and sticky bits included.
func (id identity) perm() uint32 { return id.mode & 0o7777 }

// wrap gives err, which may be nil, its operation and path.
func wrap(op, path string, err error) error {
	if err == nil {
		return nil
	}
	return &os.PathError{Op: op, Path: path, Err: err}
}
