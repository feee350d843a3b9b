// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

// A poller is the one loop that waits for all children and their output.
type poller struct {
	epoll, bell int // bell is an eventfd that ends the loop
	ended       chan struct{}

	mu    sync.Mutex
	ready map[int]func(buf []byte)
}

func newPoller() (*poller, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("cannot make an epoll: %w", err)
	}
	bell, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		unix.Close(epoll)
		return nil, fmt.Errorf("cannot make an eventfd: %w", err)
	}
	p := &poller{epoll: epoll, bell: bell, ended: make(chan struct{}), ready: map[int]func([]byte){}}
	if err := p.add(bell, nil); err != nil {
		unix.Close(epoll)
		unix.Close(bell)
		return nil, err
	}
	go p.run()
	return p, nil
}

// add makes the loop call ready, with a buffer to use, whenever fd can be read.
func (p *poller) add(fd int, ready func(buf []byte)) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}
	if err := unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, fd, &e); err != nil {
		return fmt.Errorf("cannot wait for a file descriptor: %w", err)
	}
	p.ready[fd] = ready
	return nil
}

// listen changes what is waited for at fd; that it hangs up always is.
func (p *poller) listen(fd int, events uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, known := p.ready[fd]; known {
		_ = unix.EpollCtl(p.epoll, unix.EPOLL_CTL_MOD, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)})
	}
}

// remove ends that and closes fd.
func (p *poller) remove(fd int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.ready, fd)
	_ = unix.EpollCtl(p.epoll, unix.EPOLL_CTL_DEL, fd, nil)
	unix.Close(fd)
}

// forget ends that for a stream and closes it.
func (p *poller) forget(s *stream) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.ready, s.fd)
	s.close() // which takes it out of the epoll, as nobody else has this end
}

// run calls what is ready. A call may be for a descriptor that was replaced meanwhile
// under the same number, so each has to bear being called without reason.
func (p *poller) run() {
	defer close(p.ended)
	events := make([]unix.EpollEvent, 128)
	buf := make([]byte, readSize)
	for {
		n, err := unix.EpollWait(p.epoll, events, -1)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return
		}
		for _, e := range events[:n] {
			if int(e.Fd) == p.bell {
				return
			}
			if ready := p.of(int(e.Fd)); ready != nil {
				ready(buf)
			}
		}
	}
}

func (p *poller) of(fd int) func([]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ready[fd]
}

// close ends the loop, waits for it and closes everything it waited for.
func (p *poller) close() {
	_, _ = unix.Write(p.bell, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	<-p.ended
	p.mu.Lock()
	defer p.mu.Unlock()
	for fd := range p.ready {
		unix.Close(fd)
	}
	clear(p.ready)
	unix.Close(p.epoll)
}
