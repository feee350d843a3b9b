// SPDX-License-Identifier: Apache-2.0

package uci

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// tempMark is in the name of every file that is being written. The configuration is locked
// meanwhile, so one that is found under that lock was left by a process that died.
const tempMark = ".ucid-"

// replacement is a new version of a file, written beside it.
type replacement struct {
	target string // what the path leads to, symbolic links followed
	temp   *file
	id     identity // of the new file
}

// newReplacement writes and syncs the new version. It keeps the mode and owner of the old
// one, if there is one.
func newReplacement(path string, data []byte) (*replacement, error) {
	target, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		target, err = path, nil
	}
	if err != nil {
		return nil, err
	}
	removeStale(target)
	r := &replacement{target: target}
	if r.temp, err = createTemp(target); err != nil {
		return nil, err
	}
	if err := r.fill(data); err != nil {
		r.discard()
		return nil, err
	}
	return r, nil
}

func (r *replacement) fill(data []byte) error {
	if old, err := stat(r.target); err == nil {
		if err := inherit(r.temp, old); err != nil {
			return err
		}
	}
	if err := r.temp.WriteAt(data, 0); err != nil {
		return err
	}
	var err error
	r.id, err = r.temp.Stat()
	return err
}

// inherit gives f the owner and mode of another file. A user who may not give files away
// becomes the owner, as with any editor.
func inherit(f *file, old identity) error {
	if int(old.uid) != os.Geteuid() || int(old.gid) != os.Getegid() {
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
	if err := os.Rename(r.temp.path, r.target); err != nil {
		return err
	}
	return syncDir(filepath.Dir(r.target))
}

// discard removes the new version when it did not become the file.
func (r *replacement) discard() {
	r.temp.Close()
	unlink(r.temp.path)
}

// replaceFile replaces the content of a file, or makes it.
func replaceFile(path string, data []byte) error {
	r, err := newReplacement(path, data)
	if err != nil {
		return err
	}
	if err := r.commit(); err != nil {
		r.discard()
		return err
	}
	return nil
}

func createTemp(target string) (*file, error) {
	prefix := filepath.Join(filepath.Dir(target), "."+filepath.Base(target)+tempMark)
	for range 100 {
		f, err := openFile(prefix+randomName(), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
	return nil, wrap("create", prefix, fs.ErrExist)
}

func randomName() string {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	b := make([]byte, 6)
	for i := range b {
		b[i] = letters[rand.IntN(len(letters))]
	}
	return string(b)
}

// removeStale removes what writers of the file at target left behind.
func removeStale(target string) {
	dir, prefix := filepath.Dir(target), "."+filepath.Base(target)+tempMark
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) {
			unlink(filepath.Join(dir, e.Name()))
		}
	}
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
