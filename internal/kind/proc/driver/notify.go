// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"ucid/internal/kind/proc"
)

// notifyName is the address of the socket to which children say that they are ready, as
// sd_notify(3) does. It is abstract, because a child of another user cannot enter the run
// directory, and made from that directory, so that children of an earlier daemon know it.
func notifyName(dir string) string {
	sum := sha256.Sum256([]byte(dir))
	return "@ucid-notify-" + hex.EncodeToString(sum[:8])
}

// notifies reports whether a process may use the socket.
func notifies(p proc.Proc) bool { return p.Ready == readyNotify || p.Watchdog > 0 }

// maxEarly bounds the notes of senders that are not known yet.
const maxEarly = 64

// openNotify makes the socket when the first child needs it. It is called with the lock.
func (d *Driver) openNotify() error {
	if d.notifying {
		return nil
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("cannot make the socket for readiness: %w", err)
	}
	err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSCRED, 1)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrUnix{Name: d.inherit.notify})
	}
	if err == nil {
		err = d.poll.add(fd, func(buf []byte) { d.notified(fd, buf) })
	}
	if err != nil {
		unix.Close(fd)
		return fmt.Errorf("cannot listen on %s for readiness: %w", d.inherit.notify, err)
	}
	d.notifying = true
	return nil
}

// notified reads one message. The kernel says who sent it.
func (d *Driver) notified(fd int, buf []byte) {
	oob := make([]byte, unix.CmsgSpace(unix.SizeofUcred))
	n, oobn, _, _, err := unix.Recvmsg(fd, buf, oob, unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return
	}
	said := strings.Split(string(buf[:n]), "\n")
	ready, lives := slices.Contains(said, "READY=1"), slices.Contains(said, "WATCHDOG=1")
	if !ready && !lives {
		return
	}
	messages, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil {
		return
	}
	for _, m := range messages {
		if cred, err := unix.ParseUnixCredentials(&m); err == nil && cred.Pid > 0 {
			from := senderOf(int(cred.Pid))
			if ready {
				d.isReady(from)
			}
			if lives {
				d.lives(from)
			}
		}
	}
}

// A sender is a process and the session it is in: the session of a child has its number.
type sender struct {
	pid, session int
}

func senderOf(pid int) sender {
	s, _ := readStat(pid) // it may have ended by now
	return sender{pid, s.session}
}

// isReady notes that a child is ready. One that was just forked may not be known yet.
func (d *Driver) isReady(from sender) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p := d.sent(from); p != nil {
		p.saidReady = true
		if p.m.run.Ready == readyNotify {
			p.m.isReady()
		}
		return
	}
	if d.early = append(d.early, from); len(d.early) > maxEarly {
		d.early = d.early[1:]
	}
}

// sent finds the process whose child a message is from.
func (d *Driver) sent(from sender) *process {
	for _, p := range d.procs {
		if p.m.alive && (p.main.pid == from.pid || p.main.pid == from.session) {
			return p
		}
	}
	return nil
}

// lives notes a sign of life.
func (d *Driver) lives(from sender) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p := d.sent(from); p != nil {
		p.care.ping = time.Now()
	}
}

// wasEarly reports whether the child said that it is ready before it was known.
func (d *Driver) wasEarly(pid int) bool {
	n := len(d.early)
	d.early = slices.DeleteFunc(d.early, func(s sender) bool { return s.pid == pid || s.session == pid })
	return len(d.early) < n
}
