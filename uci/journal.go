// SPDX-License-Identifier: Apache-2.0

package uci

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A commit takes two steps that no file system makes one: the new configuration takes the
// place of the old, and the delta file is emptied. A process that dies in between would have
// its changes applied twice. So before the first step it leaves a note in the save directory,
// which says: when the configuration is this file with this content, then that many bytes of
// that delta file are in it already. The note is a symbolic link that leads nowhere: making
// one is a single step, and it needs no sync of its own.
//
// The text stays below 60 bytes, which common file systems keep in the inode.
type note struct {
	config identity // device, inode and size of the new file
	delta  identity // device, inode and size of the delta file
	sum    uint64   // of the content of both
}

func notePath(dir, pkg string) string {
	path := filepath.Join(dir, pkg)
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".committing")
}

// sum is the FNV-1a hash of all parts.
func sum(parts ...[]byte) uint64 {
	h := uint64(14695981039346656037)
	for _, data := range parts {
		for _, b := range data {
			h = (h ^ uint64(b)) * 1099511628211
		}
	}
	return h
}

// numbers writes whole numbers with spaces between; parseNumbers reads them.
func numbers(n ...uint64) string {
	var b []byte
	for i, v := range n {
		if i > 0 {
			b = append(b, ' ')
		}
		b = strconv.AppendUint(b, v, 36)
	}
	return string(b)
}

func parseNumbers(s string, into ...*uint64) bool {
	fields := strings.Fields(s)
	if len(fields) != len(into) {
		return false
	}
	for i, f := range fields {
		v, err := strconv.ParseUint(f, 36, 64)
		if err != nil {
			return false
		}
		*into[i] = v
	}
	return true
}

func (n note) String() string {
	return numbers(n.config.dev, n.config.ino, uint64(n.config.size),
		n.delta.dev, n.delta.ino, uint64(n.delta.size), n.sum)
}

// leave writes the note.
func (n note) leave(path string) error {
	err := os.Symlink(n.String(), path)
	if errors.Is(err, fs.ErrExist) {
		if err := unlink(path); err != nil {
			return err
		}
		return os.Symlink(n.String(), path)
	}
	return err
}

func readNote(path string) (n note, ok bool) {
	text, err := os.Readlink(path)
	if err != nil {
		return n, false
	}
	var config, delta uint64
	ok = parseNumbers(text, &n.config.dev, &n.config.ino, &config,
		&n.delta.dev, &n.delta.ino, &delta, &n.sum)
	n.config.size, n.delta.size = int64(config), int64(delta)
	return n, ok
}

// committed gives how many bytes at the start of a delta file are in the configuration
// already, because a commit was cut short.
func (n note) committed(s *state, d *deltaFile, delta []byte) int {
	size := n.delta.size
	switch {
	case n.config.dev != s.conf.dev || n.config.ino != s.conf.ino || n.config.size != s.conf.size:
	case n.delta.dev != d.id.dev || n.delta.ino != d.id.ino || size > int64(len(delta)):
	case sum(s.data, delta[:size]) != n.sum:
	default:
		return int(size)
	}
	return 0
}

// pending gives the part of a delta file that is not in the configuration yet.
func pending(d *deltaFile, s *state, delta []byte) []byte {
	if !d.locked {
		if text, ok := planned(d, s.name, delta); ok {
			delta = text
		}
	}
	n, ok := readNote(notePath(d.dir, s.name))
	if !ok {
		return delta
	}
	return delta[n.committed(s, d, delta):]
}
