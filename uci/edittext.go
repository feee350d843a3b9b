// SPDX-License-Identifier: Apache-2.0

package uci

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// EditText replaces the text of a configuration file by what edit makes of it, whole or not
// at all, under the lock every user of UCI takes. edit gets nil for a file that is not there;
// when it returns nil the file is removed, and when it fails nothing is changed.
func EditText(path string, edit func(text []byte) ([]byte, error)) error {
	f, id, err := openLocked(path, os.O_RDWR, 0, syscall.LOCK_EX)
	if errors.Is(err, fs.ErrNotExist) {
		return writeText(path, nil, nil, edit)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := readAll(f)
	if err != nil {
		return err
	}
	return writeText(path, &id, text, edit)
}

func writeText(path string, id *identity, old []byte, edit func([]byte) ([]byte, error)) error {
	text, err := edit(old)
	switch {
	case err != nil:
		return err
	case text != nil:
		return replaceFile(path, text, id)
	case id != nil:
		if err := os.Remove(path); err != nil {
			return err
		}
		return syncDir(filepath.Dir(path))
	}
	return nil
}
