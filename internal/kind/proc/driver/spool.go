// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// spoolSize is how many bytes of output a spool holds before it is replaced; the one
// before is kept, so at least as much of the output outlives the daemon.
const spoolSize = 256 << 10

// A spool is the file through which output goes on its way from the FIFO: the kernel moves
// it there, so a daemon that is killed at any moment has lost nothing. It lies in the run
// directory, where it costs memory, not a disk.
type spool struct {
	path string
	fd   int
	end  int64 // of what was moved
}

func openSpool(path string) (*spool, error) {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	end, err := unix.Seek(fd, 0, 2)
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("seek %s: %w", path, err)
	}
	return &spool{path: path, fd: fd, end: end}, nil
}

// kept returns the output that an earlier daemon moved here.
func (s *spool) kept() []byte {
	older, _ := os.ReadFile(s.path + ".1")
	newer, _ := os.ReadFile(s.path)
	return append(older, newer...)
}

// move takes what the FIFO has, at most a buffer full, and returns it; nothing is there
// when n is not above 0.
func (s *spool) move(fifo int, buf []byte) (n int, err error) {
	at := s.end
	moved, err := unix.Splice(fifo, nil, s.fd, &at, len(buf), unix.SPLICE_F_NONBLOCK|unix.SPLICE_F_MOVE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSPC) {
		return unix.Read(fifo, buf) // not by this file system, or full: it is not kept then
	}
	if err != nil || moved <= 0 {
		return 0, err
	}
	if n, err = unix.Pread(s.fd, buf[:moved], s.end); err != nil {
		return 0, err
	}
	s.end += int64(moved)
	return n, nil
}

// endLine keeps an unterminated last line apart from the first of the next run.
func (s *spool) endLine() {
	if n, err := unix.Pwrite(s.fd, []byte("\n"), s.end); err == nil {
		s.end += int64(n)
	}
}

// turn replaces a spool that is full.
func (s *spool) turn() {
	if s.end < spoolSize {
		return
	}
	if err := os.Rename(s.path, s.path+".1"); err != nil {
		return
	}
	if next, err := openSpool(s.path); err == nil {
		unix.Close(s.fd)
		*s = *next
	}
}

func (s *spool) remove() {
	_ = unix.Unlink(s.path)
	_ = unix.Unlink(s.path + ".1")
}
