// SPDX-License-Identifier: Apache-2.0

package rtnl

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

// A Guard tells whether anybody else has added or changed a route since it was asked last,
// at the cost of one system call. The kernel queues its message before it answers the one
// who changed the route, so there is no delay in which the Guard would be wrong. Removed
// routes and those the kernel makes for addresses do not count: the latter stand behind
// every other one of their place. It belongs to one goroutine.
type Guard struct {
	fd int
	in [64]byte
}

// guardSize is small: one message is enough, and an overrun is one, too.
const guardSize = 4096

// NewGuard opens a Guard against everybody but c, in the network namespace of the calling thread.
func NewGuard(c *Conn) (*Guard, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("cannot watch routes: %w", err)
	}
	if err := listen(fd, c.Port()); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("cannot watch routes: %w", err)
	}
	return &Guard{fd: fd}, nil
}

func listen(fd int, own uint32) error {
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, guardSize); err != nil {
		return err
	}
	filter := ignore(own)
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &program); err != nil {
		return err
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	for _, group := range []int{unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE} {
		if err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, group); err != nil {
			return err
		}
	}
	return nil
}

// ignore is the program that drops what does not count. Loads of a filter are in network
// byte order, netlink is not.
func ignore(own uint32) []unix.SockFilter {
	port := binary.BigEndian.Uint32(native.AppendUint32(nil, own))
	removed := uint32(binary.BigEndian.Uint16(native.AppendUint16(nil, unix.RTM_DELROUTE)))
	const (
		kindAt, portAt = 4, 12                       // in struct nlmsghdr
		protocolAt     = unix.SizeofNlMsghdr + 5     // in struct rtmsg
		whole          = ^uint32(0)                  // keep
		equal          = unix.BPF_JMP | unix.BPF_JEQ // to the constant
	)
	return []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: portAt},
		{Code: equal, K: port, Jt: 5},
		{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_ABS, K: kindAt},
		{Code: equal, K: removed, Jt: 3},
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: protocolAt},
		{Code: equal, K: unix.RTPROT_KERNEL, Jt: 1},
		{Code: unix.BPF_RET, K: whole},
		{Code: unix.BPF_RET, K: 0},
	}
}

// Changed reports whether something was added since the last call. In doubt it was.
func (g *Guard) Changed() bool {
	changed := false
	for {
		_, err := unix.Read(g.fd, g.in[:])
		switch err {
		case unix.EAGAIN:
			return changed
		case nil, unix.ENOBUFS, unix.EINTR:
			changed = true
		default:
			return true
		}
	}
}

// Close ends the Guard, which then takes everything for changed.
func (g *Guard) Close() error { return unix.Close(g.fd) }
