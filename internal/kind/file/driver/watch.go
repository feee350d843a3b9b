// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"
)

// look makes Watch look at one more directory; an unread word of the same kind is enough,
// as Watch then looks at all of them anew.
func (d *Driver) look(dir string) {
	select {
	case d.news <- dir:
	default:
	}
}

// watched are the changes in a directory that may concern a file of ours.
const watched = unix.IN_CLOSE_WRITE | unix.IN_ATTRIB | unix.IN_DELETE | unix.IN_DELETE_SELF |
	unix.IN_MOVED_FROM | unix.IN_MOVED_TO | unix.IN_MOVE_SELF | unix.IN_CREATE | unix.IN_ONLYDIR

// Watch wakes when something changes in a directory where a file of ours lies.
func (d *Driver) Watch(ctx context.Context, wake func()) error {
	w, err := newWatch()
	if err != nil {
		return err
	}
	defer w.close()
	d.addDirs(w)
	ended := make(chan error, 1)
	go func() { ended <- w.run(d, wake) }()
	for {
		select {
		case <-ctx.Done():
			w.stop()
			<-ended
			return nil
		case err := <-ended:
			return err
		case <-d.news:
			d.addDirs(w)
			wake()
		}
	}
}

func (d *Driver) addDirs(w *watch) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for path := range d.ledger.entries {
		w.add(filepath.Dir(path))
	}
}

// ours reports whether a name seen in some directory is that of a file of ours.
func (d *Driver) ours(name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for path := range d.ledger.entries {
		if filepath.Base(path) == name {
			return true
		}
	}
	return false
}

// A watch is an inotify instance and an eventfd that ends its loop.
type watch struct {
	fd, bell int
}

func newWatch() (*watch, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("cannot watch files: %w", err)
	}
	bell, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("cannot watch files: %w", err)
	}
	return &watch{fd, bell}, nil
}

// add watches a directory; one that is gone is looked at again with the next file in it.
func (w *watch) add(dir string) { _, _ = unix.InotifyAddWatch(w.fd, dir, watched) }

func (w *watch) stop() { _, _ = unix.Write(w.bell, []byte{1, 0, 0, 0, 0, 0, 0, 0}) }

func (w *watch) close() {
	unix.Close(w.fd)
	unix.Close(w.bell)
}

func (w *watch) run(d *Driver, wake func()) error {
	fds := []unix.PollFd{{Fd: int32(w.fd), Events: unix.POLLIN}, {Fd: int32(w.bell), Events: unix.POLLIN}}
	buf := make([]byte, 16<<10)
	for {
		if _, err := unix.Poll(fds, -1); err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("cannot watch files: %w", err)
		}
		if fds[1].Revents != 0 {
			return nil
		}
		n, err := unix.Read(w.fd, buf)
		if err == nil && concerns(buf[:n], d) {
			wake()
		}
	}
}

// concerns reports whether one of the events is about a file of ours, a whole directory
// or an overflow.
func concerns(events []byte, d *Driver) bool {
	for len(events) >= unix.SizeofInotifyEvent {
		e := (*unix.InotifyEvent)(unsafe.Pointer(&events[0]))
		name := string(events[unix.SizeofInotifyEvent : unix.SizeofInotifyEvent+e.Len])
		events = events[unix.SizeofInotifyEvent+e.Len:]
		for len(name) > 0 && name[len(name)-1] == 0 {
			name = name[:len(name)-1]
		}
		if name == "" || d.ours(name) {
			return true
		}
	}
	return false
}
