// SPDX-License-Identifier: Apache-2.0

package uci

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
)

// tempMark is in the name of every file that is being written.
const tempMark = ".ucid-"

// replacement is a new version of a file, written beside it.
type replacement struct {
	target string // what the path leads to, symbolic links followed
	temp   *file
	id     identity // of the new file
	placed bool     // it is the file now
	old    *identity
}

// newReplacement writes the new version of a file. It keeps the mode and owner of the old one,
// which is locked; old is nil when there is none.
func newReplacement(path string, data []byte, old *identity) (*replacement, error) {
	target, err := followLink(path)
	if err != nil {
		return nil, err
	}
	r := &replacement{target: target, old: old}
	if r.temp, err = createTemp(target, old != nil); err != nil {
		return nil, err
	}
	if err := r.fill(data, old); err != nil {
		r.discard()
		return nil, err
	}
	return r, nil
}

// errReplaced is the error when another implementation, which had waited for the lock of a
// file that is no longer there, has replaced the one that is locked.
var errReplaced = errors.New("someone else has replaced the file meanwhile")

// followLink gives the file a path leads to, which need not be there.
func followLink(path string) (string, error) {
	var st syscall.Stat_t
	err := syscall.Lstat(path, &st)
	switch {
	case err == syscall.ENOENT:
		return path, nil
	case err != nil:
		return "", wrap("stat", path, err)
	case st.Mode&syscall.S_IFMT == syscall.S_IFLNK:
		target, err := filepath.EvalSymlinks(path)
		if errors.Is(err, fs.ErrNotExist) { // it leads nowhere
			return path, nil
		}
		return target, err
	}
	return path, nil
}

func (r *replacement) fill(data []byte, old *identity) (err error) {
	if err = r.temp.WriteAt(data, 0); err != nil {
		return err
	}
	if r.id, err = r.temp.Stat(); err != nil || old == nil {
		return err
	}
	return inherit(r.temp, r.id, *old)
}

// inherit gives f the owner and mode of another file. A user who may not give files away
// becomes the owner, as with any editor.
func inherit(f *file, id, old identity) error {
	if id.uid != old.uid || id.gid != old.gid {
		if err := syscall.Fchown(f.fd, int(old.uid), int(old.gid)); err != nil && err != syscall.EPERM {
			return wrap("chown", f.path, err)
		}
	}
	return wrap("chmod", f.path, syscall.Fchmod(f.fd, old.perm()))
}

// commit makes the new version the file: from the rename on it is there, also after a
// power cut once the directory is synced.
func (r *replacement) commit() error {
	if err := r.temp.Sync(); err != nil {
		return err
	}
	if err := r.temp.Close(); err != nil {
		return err
	}
	if id, err := stat(r.target); err == nil && r.old != nil && !id.same(*r.old) {
		return errReplaced
	}
	if err := syscall.Rename(r.temp.path, r.target); err != nil {
		return &os.LinkError{Op: "rename", Old: r.temp.path, New: r.target, Err: err}
	}
	r.placed = true
	return syncDir(filepath.Dir(r.target))
}

// discard removes the new version when it did not become the file.
func (r *replacement) discard() {
	r.temp.Close()
	if !r.placed { // else another writer may use the name already
		unlink(r.temp.path)
	}
}

// replaceFile replaces the content of a locked file, or makes one: then old is nil.
func replaceFile(path string, data []byte, old *identity) error {
	r, err := newReplacement(path, data, old)
	if err != nil {
		return err
	}
	if err := r.commit(); err != nil {
		r.discard()
		return err
	}
	return nil
}

// createTemp makes the file for a new version. Only the holder of the old one's lock uses its
// name: what is found there was left by a writer that died.
func createTemp(target string, locked bool) (*file, error) {
	path := filepath.Join(filepath.Dir(target), "."+filepath.Base(target)+tempMark)
	if locked {
		path += "new"
	} else {
		path += randomName()
	}
	const flags = os.O_RDWR | os.O_CREATE | os.O_EXCL
	f, err := openFile(path, flags, 0o600)
	if errors.Is(err, fs.ErrExist) {
		if err := unlink(path); err != nil {
			return nil, err
		}
		f, err = openFile(path, flags, 0o600)
	}
	return f, err
}

func randomName() string {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	b := make([]byte, 6)
	for i := range b {
		b[i] = letters[rand.IntN(len(letters))]
	}
	return string(b)
}

// syncDir makes a rename in a directory last. Not every file system can.
func syncDir(dir string) error {
	d, err := openFile(dir, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}
