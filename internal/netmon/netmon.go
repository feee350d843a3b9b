// SPDX-License-Identifier: Apache-2.0

// Package netmon tells that something in the kernel's network state may have changed.
//
// It listens to one rtnetlink multicast socket for the whole process and wakes those who
// asked. It carries no data, so nothing is lost when the socket overruns: everybody is
// woken and looks again. Our own changes wake, too: a repair is proved by the look that
// follows it.
package netmon

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"ucid/internal/rtnl"
)

// Topics is a set of kinds of events.
type Topics uint8

const (
	Link  Topics = 1 << iota // a device came, went, or changed its flags
	Addr                     // an address came, went, or changed its flags
	Route                    // a route came or went; IPv4 routes also vanish in silence with a link or an address
	Rule                     // a policy rule came or went

	all = Link | Addr | Route | Rule
)

// bufferSize in bytes holds about 5,000 messages about routes.
const bufferSize = 8 << 20

// A Monitor is the socket and those who listen. Its methods may be called from several
// goroutines.
type Monitor struct {
	file *os.File
	in   []byte

	mu        sync.Mutex
	listeners map[int]listener
	next      int
	overruns  uint64
}

type listener struct {
	topics Topics
	wake   func()
}

// New opens the socket in the network namespace of the calling thread. What changes from
// now on is noticed, once Run runs.
func New() (*Monitor, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("cannot watch the network: %w", err)
	}
	rtnl.GrowReceiveBuffer(fd, bufferSize)
	if err := join(fd); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("cannot watch the network: %w", err)
	}
	return &Monitor{
		file:      os.NewFile(uintptr(fd), "netlink"),
		in:        make([]byte, 64<<10),
		listeners: map[int]listener{},
	}, nil
}

func join(fd int) error {
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	for _, group := range []int{
		unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR,
		unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE,
		unix.RTNLGRP_IPV4_RULE, unix.RTNLGRP_IPV6_RULE,
	} {
		if err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, group); err != nil {
			return err
		}
	}
	return nil
}

// Subscribe calls wake after each event of the topics, until cancel is called, and after
// each overrun. It runs in the goroutine that reads, so it must return at once and not call
// the Monitor: a send to a channel that does not block.
func (m *Monitor) Subscribe(topics Topics, wake func()) (cancel func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	id := m.next
	m.next++
	m.listeners[id] = listener{topics, wake}
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.listeners, id)
	}
}

// Overruns is how often the kernel had to drop messages because they came too fast.
func (m *Monitor) Overruns() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.overruns
}

// Run reads until ctx ends, which is no error. The socket is closed then; a Monitor runs once.
func (m *Monitor) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { m.file.Close() })
	defer stop()
	defer m.file.Close()
	conn, err := m.file.SyscallConn()
	if err != nil {
		return fmt.Errorf("cannot watch the network: %w", err)
	}
	r := reader{monitor: m}
	for {
		err := conn.Read(r.drain)
		if ctx.Err() != nil {
			return nil
		}
		if err == nil {
			err = r.err
		}
		if err != nil {
			return fmt.Errorf("cannot watch the network: %w", err)
		}
	}
}

// A reader empties the socket.
type reader struct {
	monitor *Monitor
	overrun bool // since the socket was last seen empty
	err     error
}

// drain reads until the socket is empty, and then asks to be called when it is not. After
// an overrun the kernel goes on dropping until the socket is empty, so the listeners are
// woken at both ends of it.
func (r *reader) drain(fd uintptr) bool {
	for {
		n, err := unix.Read(int(fd), r.monitor.in)
		switch {
		case err == nil:
			r.monitor.read(r.monitor.in[:n])
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			if r.overrun {
				r.overrun = false
				r.monitor.tell(all)
			}
			return false
		case errors.Is(err, unix.ENOBUFS), errors.Is(err, unix.ENOMEM):
			r.overrun = true
			r.monitor.overran()
		default:
			r.err = err
			return true
		}
	}
}

func (m *Monitor) overran() {
	m.mu.Lock()
	m.overruns++
	m.mu.Unlock()
	m.tell(all)
}

// read tells of each message in one datagram.
func (m *Monitor) read(data []byte) {
	for len(data) >= unix.SizeofNlMsghdr {
		size := int(binary.NativeEndian.Uint32(data))
		if size < unix.SizeofNlMsghdr || size > len(data) {
			return
		}
		m.tell(topicOf(binary.NativeEndian.Uint16(data[4:])))
		data = data[min((size+3)&^3, len(data)):]
	}
}

// tell wakes everybody who listens to one of the topics.
func (m *Monitor) tell(topics Topics) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range m.listeners {
		if l.topics&topics != 0 {
			l.wake()
		}
	}
}

func topicOf(kind uint16) Topics {
	switch kind {
	case unix.RTM_NEWLINK, unix.RTM_DELLINK:
		return Link
	case unix.RTM_NEWADDR, unix.RTM_DELADDR:
		return Addr
	case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
		return Route
	case unix.RTM_NEWRULE, unix.RTM_DELRULE:
		return Rule
	}
	return 0
}

// Watch calls wake after each event of the topics until ctx ends. It is what the Watch of a
// driver does; without a Monitor it runs one of its own.
func Watch(ctx context.Context, m *Monitor, topics Topics, wake func()) error {
	if m != nil {
		defer m.Subscribe(topics, wake)()
		<-ctx.Done()
		return nil
	}
	m, err := New()
	if err != nil {
		return err
	}
	defer m.Subscribe(topics, wake)()
	return m.Run(ctx)
}
