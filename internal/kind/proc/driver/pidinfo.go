// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A pidInfo is struct pidfd_info of linux/pidfd.h in its first version.
type pidInfo struct {
	mask, cgroup             uint64
	pid, tgid, ppid          uint32
	ruid, rgid, euid, egid   uint32
	suid, sgid, fsuid, fsgid uint32
	exitCode                 int32
}

const (
	// getPidInfo is PIDFD_GET_INFO; the parts of its number lie elsewhere on MIPS and
	// POWER, and the sum is the same.
	getPidInfo = 0xc040ff0b
	// hasExit says that the process was waited for by its parent, and exitCode is right.
	hasExit = 1 << 3
)

// reapGrace is how long the parent of an adopted child may take to wait for it.
const reapGrace = time.Second

// exitInfo asks the kernel how somebody else's child ended; since Linux 6.15.
// known is false as long as its parent has not waited for it.
func exitInfo(pidfd int) (ws unix.WaitStatus, known bool, err error) {
	info := pidInfo{mask: hasExit}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(pidfd), getPidInfo, uintptr(unsafe.Pointer(&info)))
	if errno != 0 {
		return 0, false, errno
	}
	return unix.WaitStatus(info.exitCode), info.mask&hasExit != 0, nil
}

// adoptedStatus is how an adopted child ended that is not ours to wait for. Its parent may
// need a moment for that; the pidfd hangs up then.
func (p *process) adoptedStatus() (Exit, bool) {
	ws, known, err := exitInfo(p.pidfd)
	if known {
		return exitOf(ws), true
	}
	if err != nil || p.waited {
		return Exit{Time: time.Now(), Code: codeUnknown, Unknown: true}, true
	}
	if !p.lingers {
		p.lingers = true
		fd := p.pidfd
		p.d.poll.listen(fd, 0)
		p.after(reapGrace, func() {
			if p.pidfd == fd {
				p.waited = true
				p.d.poll.listen(fd, unix.EPOLLIN)
			}
		})
	}
	return Exit{}, false
}

// reaped waits for a child of ours that ended while no daemon looked: after an upgrade in
// place the children are still ours.
func reaped(id ident) (Exit, bool) {
	if s, err := readStat(id.pid); err != nil || s.ident != id {
		return Exit{}, false
	}
	var ws unix.WaitStatus
	pid, err := unix.Wait4(id.pid, &ws, unix.WNOHANG, nil)
	return exitOf(ws), err == nil && pid == id.pid
}
