// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"ucid/internal/engine"
	"ucid/internal/kind/file"
)

// seen is a regular file as it is.
type seen struct {
	path       string
	dev, inode uint64
	birth      int64
	uid, gid   uint32
	mode       fs.FileMode
	content    string
}

// look reads a regular file; it never follows a link and never waits for a FIFO.
func look(path string) (seen, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return seen{}, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	s, err := stat(fd)
	if err != nil {
		return seen{}, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	data, err := io.ReadAll(f)
	if err != nil {
		return seen{}, err
	}
	s.path, s.content = path, string(data)
	return s, nil
}

// stat tells all but path and content of a regular file.
func stat(fd int) (seen, error) {
	var st unix.Statx_t
	if err := unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_BASIC_STATS|unix.STATX_BTIME, &st); err != nil {
		return seen{}, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return seen{}, errors.New("not a regular file")
	}
	s := seen{
		dev: unix.Mkdev(st.Dev_major, st.Dev_minor), inode: st.Ino, uid: st.Uid, gid: st.Gid,
		mode: fs.FileMode(st.Mode & 0o777),
	}
	if st.Mask&unix.STATX_BTIME != 0 {
		s.birth = st.Btime.Sec*1e9 + int64(st.Btime.Nsec)
	}
	return s, nil
}

// as puts what was seen into the form it was asked for.
func (s seen) as(e entry) file.File {
	if e.Next != nil && e.Next.is(s) {
		e = *e.Next
	}
	f := file.File{Path: s.path, Content: engine.MakeSecret(s.content), Mode: s.mode, Owner: e.Owner, Group: e.Group}
	if s.uid != e.Uid {
		f.Owner = strconv.Itoa(int(s.uid)) + "(changed)"
	}
	if s.gid != e.Gid {
		f.Group = strconv.Itoa(int(s.gid)) + "(changed)"
	}
	return f
}

// owners resolves the owner and the group of a file. What is unknown is refused.
func owners(f file.File) (uid, gid uint32, err error) {
	uid, gid = uint32(os.Geteuid()), uint32(os.Getegid())
	if f.Owner != "" {
		if uid, err = lookup(f.Owner, "user", func(name string) (string, error) {
			u, err := user.Lookup(name)
			if err != nil {
				return "", err
			}
			return u.Uid, nil
		}); err != nil {
			return 0, 0, err
		}
	}
	if f.Group != "" {
		if gid, err = lookup(f.Group, "group", func(name string) (string, error) {
			g, err := user.LookupGroup(name)
			if err != nil {
				return "", err
			}
			return g.Gid, nil
		}); err != nil {
			return 0, 0, err
		}
	}
	return uid, gid, nil
}

func lookup(name, what string, find func(string) (string, error)) (uint32, error) {
	number, err := find(name)
	if err != nil {
		number = name
	}
	n, err := strconv.ParseUint(number, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%s %q is unknown; create it or name another", what, name)
	}
	return uint32(n), nil
}

// Apply writes, replaces and removes files.
func (d *Driver) Apply(_ context.Context, changes []engine.Change[file.File]) []error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var errs []error
	for i, c := range changes {
		if err := d.apply(c); err != nil {
			if errs == nil {
				errs = make([]error, len(changes))
			}
			errs[i] = err
		}
	}
	return errs
}

func (d *Driver) apply(c engine.Change[file.File]) error {
	if c.Op == engine.Remove {
		return d.remove(c.Old.Path)
	}
	f := c.New
	if err := d.Check(f); err != nil {
		return err
	}
	now, err := look(f.Path)
	e, known := d.ledger.entries[f.Path]
	switch {
	case err == nil && !(known && e.owns(now)):
		return fmt.Errorf("file %s: there is a file that ucid did not write; move it away first", f.Path)
	case err == nil && now.as(e) == f:
		return nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("file %s: %w", f.Path, err)
	}
	return d.write(f, e)
}

// write puts a new file in the place in one step. Owner and mode are right before the
// first byte of content is in it.
func (d *Driver) write(f file.File, before entry) error {
	uid, gid, err := owners(f)
	if err != nil {
		return fmt.Errorf("file %s: %w", f.Path, err)
	}
	temp, err := newTemp(f, uid, gid)
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", f.Path, err)
	}
	defer os.Remove(temp.Name()) // it is gone after the rename
	defer temp.Close()
	after, err := d.fill(temp, f, before)
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", f.Path, err)
	}
	if err := os.Rename(temp.Name(), f.Path); err != nil {
		return fmt.Errorf("cannot write %s: %w", f.Path, err)
	}
	d.look(filepath.Dir(f.Path))
	if err := syncDir(filepath.Dir(f.Path)); err != nil {
		return fmt.Errorf("cannot write %s: %w", f.Path, err)
	}
	return d.ledger.set(f.Path, &after)
}

// fill notes the new file in the ledger and then gives it its content.
func (d *Driver) fill(temp *os.File, f file.File, before entry) (entry, error) {
	st, err := stat(int(temp.Fd()))
	if err != nil {
		return entry{}, err
	}
	after := entry{
		Dev: st.dev, Inode: st.inode, Birth: st.birth, Digest: digest(f.Content.Reveal()),
		Owner: f.Owner, Group: f.Group, Uid: st.uid, Gid: st.gid,
	}
	next := after
	next.Temp = temp.Name()
	before.Next = &next
	if err := d.ledger.set(f.Path, &before); err != nil {
		return entry{}, err
	}
	if _, err := temp.WriteString(f.Content.Reveal()); err != nil {
		return entry{}, err
	}
	return after, temp.Sync()
}

// newTemp makes an empty file beside the place, with the final owner and mode.
func newTemp(f file.File, uid, gid uint32) (*os.File, error) {
	temp, err := os.CreateTemp(filepath.Dir(f.Path), "."+filepath.Base(f.Path)+".ucid-*") // mode 0600
	if err != nil {
		return nil, err
	}
	if uid != uint32(os.Geteuid()) || gid != uint32(os.Getegid()) {
		err = temp.Chown(int(uid), int(gid))
	}
	if err == nil {
		err = temp.Chmod(f.Mode.Perm())
	}
	if err != nil {
		temp.Close()
		os.Remove(temp.Name())
		return nil, err
	}
	return temp, nil
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// remove deletes a file that is ours. One that somebody put in its place stays.
func (d *Driver) remove(path string) error {
	e, known := d.ledger.entries[path]
	if !known {
		return nil
	}
	now, err := look(path)
	if err == nil && e.owns(now) {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("cannot remove %s: %w", path, err)
		}
	}
	return d.ledger.set(path, nil)
}
