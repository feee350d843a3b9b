// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	maxLine  = 64 << 10 // bytes of a line that are kept
	readSize = 64 << 10 // what a pipe holds
)

// A stream is captured output: a named FIFO that outlives the daemon.
//
// Both ends are opened for reading and writing. So the child has a reader, itself, also
// while no daemon runs, and gets no SIGPIPE; what it writes waits in the FIFO.
type stream struct {
	name string // "stdout", "stderr"
	path string
	ring *ring

	mu      sync.Mutex // more than the loop reads: whoever proves that nothing writes any more
	fd      int        // -1: closed
	spool   *spool
	partial []byte // a line without its end
	cut     bool   // partial is full, the rest of its line is skipped
	batch   []Line
	muted   bool // what comes is dropped
	outlets []*outlet
}

// openStream makes the FIFO if it is not there and opens the daemon's end.
func openStream(name, path string, r *ring) (*stream, error) {
	if err := makeFIFO(path); err != nil {
		return nil, fmt.Errorf("cannot capture %s: %w", name, err)
	}
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot capture %s: open %s: %w", name, path, err)
	}
	spool, err := openSpool(path + spoolSuffix)
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("cannot capture %s: %w", name, err)
	}
	s := &stream{name: name, path: path, ring: r, fd: fd, spool: spool}
	s.restore()
	return s, nil
}

const spoolSuffix = ".log"

// restore takes the lines that an earlier daemon saw; when they came is known roughly.
func (s *stream) restore() {
	if data := s.spool.kept(); len(data) > 0 {
		when := time.Now()
		if st, err := os.Stat(s.spool.path); err == nil {
			when = st.ModTime()
		}
		s.split(data, when)
		s.flush()
	}
}

func makeFIFO(path string) error {
	st, err := os.Lstat(path)
	if err == nil && st.Mode().Type() == os.ModeNamedPipe {
		return nil
	}
	if err == nil {
		_ = os.Remove(path)
	}
	if err := unix.Mkfifo(path, 0o600); err != nil {
		return &os.PathError{Op: "mkfifo", Path: path, Err: err}
	}
	return nil
}

// childEnd opens the end that the child writes to. The FIFO belongs to the child's user,
// so that the program can open /dev/stdout.
func (s *stream) childEnd(a account) (int, error) {
	if os.Geteuid() == 0 {
		if err := os.Lchown(s.path, a.uid, a.gid); err != nil {
			return -1, err
		}
	}
	return unix.Open(s.path, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
}

// drain reads what is there. A flood is left to the next call, so that one child cannot
// hold the loop.
func (s *stream) drain(buf []byte, most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for most > 0 && s.fd >= 0 {
		n, err := s.spool.move(s.fd, buf)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if n <= 0 {
			break
		}
		most -= n
		s.split(buf[:n], time.Now())
		s.spool.turn()
	}
	s.flush()
}

// finish reads the rest when nothing writes any more, the unterminated last line included.
func (s *stream) finish() {
	s.drain(make([]byte, readSize), 16*readSize)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.partial) > 0 {
		s.line(nil, time.Now())
		s.spool.endLine()
	}
	s.flush()
}

func (s *stream) split(data []byte, now time.Time) {
	for {
		i := bytes.IndexByte(data, '\n')
		if i < 0 {
			s.hold(data)
			return
		}
		s.line(data[:i], now)
		data = data[i+1:]
	}
}

// hold keeps the start of a line whose end has not come.
func (s *stream) hold(data []byte) {
	if room := maxLine - len(s.partial); len(data) > room {
		data, s.cut = data[:room], true
	}
	s.partial = append(s.partial, data...)
}

func (s *stream) line(end []byte, now time.Time) {
	l := Line{Time: now, Stream: s.name}
	if len(s.partial) == 0 && len(end) <= maxLine {
		l.Text = string(end)
	} else {
		s.hold(end)
		l.Text, l.Truncated = string(s.partial), s.cut
		s.partial, s.cut = nil, false
	}
	s.batch = append(s.batch, l)
}

// leadTo sets where the lines go that come from now on, beside the ring.
func (s *stream) leadTo(outlets []*outlet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.muted, s.outlets = false, outlets
}

// mute makes the lines that come from now on be dropped.
func (s *stream) mute() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.muted = true
}

func (s *stream) flush() {
	if len(s.batch) > 0 {
		if !s.muted {
			s.ring.add(s.batch)
			for _, o := range s.outlets {
				o.offer(s.batch)
			}
		}
		clear(s.batch)
		s.batch = s.batch[:0]
	}
}

func (s *stream) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fd >= 0 {
		unix.Close(s.fd)
		unix.Close(s.spool.fd)
		s.fd = -1
	}
}
