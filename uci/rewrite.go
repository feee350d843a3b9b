// SPDX-License-Identifier: Apache-2.0

package uci

import (
	"bytes"
	"path/filepath"
	"syscall"
)

// A delta file is changed in place: other processes may wait for a lock on that very file.
// So that one that dies meanwhile leaves the old lines or the new ones, the new text is put
// beside it first, with what the old file was. Whoever finds that text takes it as the file.

func planPath(dir, pkg string) string {
	path := filepath.Join(dir, pkg)
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".reverting")
}

// rewrite makes text, which is no longer than the file, the content of the delta file.
func rewrite(s *state, save *file, text []byte) error {
	old, err := content(save)
	if err != nil || bytes.Equal(old, text) {
		return err
	}
	if len(text) == 0 {
		return save.Truncate(0)
	}
	path := planPath(s.save.dir, s.name)
	head := numbers(s.save.id.dev, s.save.id.ino, uint64(len(old)), sum(old)) + "\n"
	if err := replaceFile(path, append([]byte(head), text...), &s.save.id); err != nil {
		return err
	}
	if err := overwrite(save, text); err != nil {
		return err
	}
	return unlink(path)
}

// unlink removes a file, which need not be there.
func unlink(path string) error {
	if err := syscall.Unlink(path); err != syscall.ENOENT {
		return wrap("remove", path, err)
	}
	return nil
}

func overwrite(f *file, text []byte) error {
	if err := f.WriteAt(text, 0); err != nil {
		return err
	}
	return f.Truncate(int64(len(text)))
}

func content(f *file) ([]byte, error) {
	if err := f.Rewind(); err != nil {
		return nil, err
	}
	return readAll(f)
}

// planned gives what the delta file holds once a rewrite that was cut short is done; ok says
// whether there is one.
func planned(d *deltaFile, pkg string, delta []byte) (text []byte, ok bool) {
	plan, err := ReadText(planPath(d.dir, pkg))
	if err != nil {
		return nil, false
	}
	return applyPlan(plan, d.id, delta)
}

func applyPlan(plan []byte, id identity, delta []byte) (text []byte, ok bool) {
	head, text, _ := bytes.Cut(plan, []byte("\n"))
	var dev, ino, size, prefix uint64
	if !parseNumbers(string(head), &dev, &ino, &size, &prefix) ||
		dev != id.dev || ino != id.ino || uint64(len(delta)) < size {
		return nil, false
	}
	if sum(delta[:size]) != prefix && !bytes.HasPrefix(delta, text) {
		return nil, false
	}
	return append(text, delta[size:]...), true
}

// finishRewrite does the rest of a rewrite that was cut short.
func finishRewrite(dir, pkg string, f *file) error {
	path := planPath(dir, pkg)
	plan, err := ReadText(path)
	if err != nil {
		return nil // there is none
	}
	delta, err := content(f)
	if err != nil {
		return err
	}
	id, err := f.Stat()
	if err != nil {
		return err
	}
	if text, ok := applyPlan(plan, id, delta); ok {
		if err := overwrite(f, text); err != nil {
			return err
		}
	}
	return unlink(path)
}
