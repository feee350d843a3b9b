// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"bytes"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// A logFile is a file that output is added to. It is opened for each batch, so others may
// move it away or remove it at any time.
type logFile struct {
	path string
	size int64 // bytes at which it is turned; 0: never
	keep int   // older files
}

const logFileTime = "2006-01-02T15:04:05.000Z07:00"

// send returns how many lines were not written.
func (f logFile) send(lines []Line) (lost int, err error) {
	var text bytes.Buffer
	for _, l := range lines {
		text.Write(l.Time.AppendFormat(text.AvailableBuffer(), logFileTime))
		text.WriteByte(' ')
		text.WriteString(l.Text)
		text.WriteByte('\n')
	}
	if err := f.write(text.Bytes()); err != nil {
		return len(lines), err
	}
	return 0, nil
}

func (f logFile) write(text []byte) error {
	for len(text) > 0 {
		part, err := f.fit(text)
		if err != nil {
			return err
		}
		text = text[len(part):]
	}
	return nil
}

// fit writes as many whole lines as the file has room for, at least one, and returns them.
func (f logFile) fit(text []byte) ([]byte, error) {
	file, err := f.open()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if room := f.size - st.Size(); f.size > 0 && int64(len(text)) > room {
		end := bytes.LastIndexByte(text[:max(room, 0)], '\n') + 1
		if end == 0 && st.Size() > 0 {
			return nil, f.turn()
		}
		if end == 0 { // one line that is longer than the file may be
			end = bytes.IndexByte(text, '\n') + 1
		}
		text = text[:end]
	}
	_, err = file.Write(text)
	return text, err
}

// open never follows a link in the last part of the path, as the directory may be the child's.
func (f logFile) open() (*os.File, error) {
	file, err := os.OpenFile(f.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o640)
	if err != nil {
		return nil, fmt.Errorf("cannot open the log file: %w", err)
	}
	if st, err := file.Stat(); err != nil || !st.Mode().IsRegular() {
		file.Close()
		return nil, fmt.Errorf("%s is no plain file", f.path)
	}
	return file, nil
}

// turn makes room: FILE becomes FILE.1, that FILE.2 and so on.
func (f logFile) turn() error {
	if f.keep == 0 {
		return os.Remove(f.path)
	}
	for i := f.keep; i > 0; i-- {
		older, newer := fmt.Sprintf("%s.%d", f.path, i), fmt.Sprintf("%s.%d", f.path, i-1)
		if i == 1 {
			newer = f.path
		}
		if err := os.Rename(newer, older); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return nil
}
