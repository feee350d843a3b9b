// SPDX-License-Identifier: Apache-2.0

package rtnl

import (
	"fmt"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// writes counts the requests sent by all Conns of this process that change something.
var writes atomic.Uint64

// Writes is how many requests that change something this process has sent so far. A test
// proves with it that a reload without a change writes nothing.
func Writes() uint64 { return writes.Load() }

// Sizes in bytes. The kernel puts at most 32 KiB of a dump into one datagram; a batch stays
// well below the default send buffer; the errors of a whole batch fit into the receive buffer.
const (
	receiveSize = 64 << 10
	batchSize   = 64 << 10
	bufferSize  = 1 << 20
)

// answerSeconds is how long the kernel may take for one datagram. It answers at once, so
// only an answer that was lost reaches this.
const answerSeconds = 10

// A Conn is a socket for requests. Its methods may be called from several goroutines; they
// take turns.
type Conn struct {
	mu   sync.Mutex
	fd   int
	port uint32
	seq  uint32
	msg  Message
	in   []byte
}

// Dial opens a socket in the network namespace of the calling thread.
func Dial() (*Conn, error) {
	c := &Conn{fd: -1, in: make([]byte, receiveSize)}
	if err := c.open(); err != nil {
		return nil, fmt.Errorf("cannot open a netlink socket: %w", err)
	}
	return c, nil
}

func (c *Conn) open() error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	if err := setUp(fd); err != nil {
		unix.Close(fd)
		return err
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		unix.Close(fd)
		return err
	}
	c.fd, c.port = fd, name.(*unix.SockaddrNetlink).Pid
	return nil
}

func setUp(fd int) error {
	// Kernels before 4.20 have no strict check: they send more, and the caller looks again.
	for _, option := range []int{unix.NETLINK_EXT_ACK, unix.NETLINK_CAP_ACK, unix.NETLINK_GET_STRICT_CHK} {
		_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, option, 1)
	}
	GrowReceiveBuffer(fd, bufferSize)
	limit := unix.Timeval{Sec: answerSeconds}
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit); err != nil {
		return err
	}
	return unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
}

// GrowReceiveBuffer makes the buffer of a socket at least size bytes, or as large as an
// ordinary user may have it (net.core.rmem_max).
func GrowReceiveBuffer(fd, size int) {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, size) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, size)
	}
}

// Port is the number the kernel puts into the messages that tell of our own changes.
func (c *Conn) Port() uint32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.port
}

// Close ends the socket. Later calls fail.
func (c *Conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fd < 0 {
		return nil
	}
	err := unix.Close(c.fd)
	c.fd = -1
	return err
}

func (c *Conn) send() error {
	if c.fd < 0 {
		return unix.EBADF
	}
	for {
		err := unix.Sendto(c.fd, c.msg.buf, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
		if err != unix.EINTR {
			return err
		}
	}
}

// receive returns the next datagram, valid until the next call.
func (c *Conn) receive() ([]byte, error) {
	for {
		n, err := unix.Read(c.fd, c.in) // Recvfrom allocates the sender
		switch err {
		case nil:
			return c.in[:n], nil
		case unix.EINTR:
		case unix.EAGAIN:
			return nil, fmt.Errorf("the kernel did not answer for %d seconds", answerSeconds)
		default:
			return nil, err
		}
	}
}

// A frame is one netlink message inside a datagram.
type frame struct {
	kind, flags uint16
	seq         uint32
	body        []byte
}

// cut takes the first frame off data.
func cut(data []byte) (f frame, rest []byte, ok bool) {
	if len(data) < unix.SizeofNlMsghdr {
		return frame{}, nil, false
	}
	size := int(native.Uint32(data))
	if size < unix.SizeofNlMsghdr || size > len(data) {
		return frame{}, nil, false
	}
	f = frame{
		kind:  native.Uint16(data[4:]),
		flags: native.Uint16(data[6:]),
		seq:   native.Uint32(data[8:]),
		body:  data[unix.SizeofNlMsghdr:size],
	}
	return f, data[min(align(size), len(data)):], true
}
