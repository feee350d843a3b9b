// SPDX-License-Identifier: Apache-2.0

package uci

import (
	"errors"
	"io"
	"os"
	"syscall"
	"unsafe"
)

// MaxFile is the size in bytes above which a file is not read as UCI.
const MaxFile = 1 << 30

// ErrNotRegular is the error for a path that leads to a directory, a FIFO, a device or a
// socket.
var ErrNotRegular = errors.New("not a regular file")

// ReadFile reads the committed content of a package; changes that wait in a save directory
// are left out. It never blocks: anything but a regular file, or a symbolic link to one, is
// refused with [ErrNotRegular]. A syntax error is a *[ParseError], anything else an
// *[os.PathError].
func ReadFile(pkg, path string) (*Package, error) {
	data, err := ReadText(path)
	if err != nil {
		return nil, err
	}
	return parseText(pkg, path, asString(data))
}

// ReadText reads a configuration file as [ReadFile] does, without parsing it.
func ReadText(path string) ([]byte, error) {
	f, err := openRegular(path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f)
}

// openRegular opens a regular file without waiting for anyone, as opening a FIFO would.
func openRegular(path string, flag int) (*file, error) {
	f, err := openFile(path, flag, 0)
	if err != nil {
		return nil, err
	}
	id, err := f.Stat()
	if err == nil && !id.isRegular() {
		err = wrap("open", path, ErrNotRegular)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// readAll reads a file from its current place to the end, in one buffer of its size.
func readAll(f *file) ([]byte, error) {
	id, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return readSized(f, id.size)
}

// readWhole reads a file that is locked, whose size is known, from its start.
func readWhole(f *file, size int64) ([]byte, error) {
	if size == 0 || size > MaxFile { // 0 is what a file that is made while it is read says
		if err := f.Rewind(); err != nil {
			return nil, err
		}
		return readSized(f, size)
	}
	data := make([]byte, size)
	n, err := f.readAt(data, 0)
	return data[:n], err
}

// readSized is readAll for a file whose size is known.
func readSized(f *file, size int64) ([]byte, error) {
	if size > MaxFile {
		return nil, wrap("read", f.path, syscall.EFBIG)
	}
	data := make([]byte, 0, size+1)
	for {
		n, err := f.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if err == io.EOF {
			return data, nil
		}
		if err != nil {
			return nil, err
		}
		if len(data) == cap(data) {
			data = append(data, 0)[:len(data)]
		}
	}
}

// asString gives bytes that nobody changes any more as a string.
func asString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
