// SPDX-License-Identifier: Apache-2.0

package apply_test

import (
	"encoding/binary"
	"fmt"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A tracee is a program whose system calls are seen, those of all threads in the order in
// which they are made (ptrace(2)).
type tracee struct {
	pid   int
	ended chan struct{}

	mu  sync.Mutex
	see func(call) bool // at the entry of each system call; true kills the program
}

// A call is the entry of a system call.
type call struct {
	nr   uint64
	args [6]uint64
	tid  int
}

// trace starts a program. It is killed at the end of the test at the latest.
func trace(t testing.TB, cmd *exec.Cmd) *tracee {
	t.Helper()
	p := &tracee{ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the thread is the tracer; it ends with the goroutine
		defer close(p.ended)
		cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
		err := cmd.Start()
		if err == nil {
			p.pid = cmd.Process.Pid
			err = p.begin()
		}
		started <- err
		if err == nil {
			p.follow()
		}
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		unix.Kill(p.pid, unix.SIGKILL)
		<-p.ended
	})
	return p
}

// watch makes see the one that is asked; nil ends that.
func (p *tracee) watch(see func(call) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.see = see
}

// kill ends the program, and returns when it is gone.
func (p *tracee) kill() {
	unix.Kill(p.pid, unix.SIGKILL)
	<-p.ended
}

// begin waits for the stop at the exec.
func (p *tracee) begin() error {
	var status unix.WaitStatus
	if _, err := unix.Wait4(p.pid, &status, unix.WALL, nil); err != nil {
		return err
	}
	if !status.Stopped() {
		return fmt.Errorf("status %#x at the start", status)
	}
	const exitKill = 0x100000 // PTRACE_O_EXITKILL
	if err := unix.PtraceSetOptions(p.pid, unix.PTRACE_O_TRACESYSGOOD|unix.PTRACE_O_TRACECLONE|exitKill); err != nil {
		return err
	}
	return unix.PtraceSyscall(p.pid, 0)
}

// follow lets the program run from one system call to the next until it has ended.
func (p *tracee) follow() {
	known := map[int]bool{p.pid: true}
	for {
		var status unix.WaitStatus
		tid, err := unix.Wait4(-1, &status, unix.WALL|unix.WNOTHREAD, nil)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return // ECHILD: nobody is left
		case !status.Stopped():
			continue // a thread ended
		}
		sig := int(status.StopSignal())
		switch {
		case sig == int(unix.SIGTRAP)|0x80:
			sig = 0
			p.entered(tid)
		case sig == int(unix.SIGTRAP):
			sig = 0 // an event
		case sig == int(unix.SIGSTOP) && !known[tid]:
			sig = 0 // a new thread
		}
		known[tid] = true
		unix.PtraceSyscall(tid, sig) // ESRCH: killed meanwhile
	}
}

func (p *tracee) entered(tid int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.see == nil {
		return
	}
	if c, ok := entry(tid); ok && p.see(c) {
		unix.Kill(p.pid, unix.SIGKILL)
	}
}

// entry says which system call a thread is about to make (PTRACE_GET_SYSCALL_INFO).
func entry(tid int) (call, bool) {
	const getSyscallInfo, infoEntry = 0x420e, 1
	var info [88]byte
	_, _, errno := unix.RawSyscall6(unix.SYS_PTRACE, getSyscallInfo, uintptr(tid), uintptr(len(info)), uintptr(unsafe.Pointer(&info[0])), 0, 0)
	if errno != 0 || info[0] != infoEntry {
		return call{}, false
	}
	c := call{nr: binary.NativeEndian.Uint64(info[24:]), tid: tid}
	for i := range c.args {
		c.args[i] = binary.NativeEndian.Uint64(info[32+8*i:])
	}
	return c, true
}

// writes reports whether a call makes something last: a file, or in the kernel.
func (c call) writes() bool {
	switch c.nr {
	case unix.SYS_RENAMEAT, unix.SYS_UNLINKAT, unix.SYS_SENDMSG:
		return true
	case unix.SYS_FSYNC: // to be killed here is to be killed before the rename behind it
		return soak()
	case unix.SYS_SENDTO:
		return c.changesKernel()
	}
	return false
}

// changesKernel reports whether what is sent is a request to rtnetlink that does not just ask
// (struct nlmsghdr; the kinds come in fours, NEW DEL GET SET).
func (c call) changesKernel() bool {
	var header [8]byte
	if _, err := unix.PtracePeekData(c.tid, uintptr(c.args[1]), header[:]); err != nil {
		return true
	}
	kind := binary.NativeEndian.Uint16(header[4:])
	return kind >= unix.RTM_BASE && (kind-unix.RTM_BASE)%4 != 2
}

// forks reports whether a call makes a process.
func (c call) forks() bool {
	flags := uint64(0)
	switch c.nr {
	case unix.SYS_CLONE:
		flags = c.args[0]
	case unix.SYS_CLONE3:
		var word [8]byte
		if _, err := unix.PtracePeekData(c.tid, uintptr(c.args[0]), word[:]); err != nil {
			return true
		}
		flags = binary.NativeEndian.Uint64(word[:])
	default:
		return false
	}
	return flags&unix.CLONE_THREAD == 0
}

// signals reports whether a call sends a signal to a process; the Go runtime sends them to
// its own threads with tgkill.
func (c call) signals() bool {
	return c.nr == unix.SYS_KILL || c.nr == unix.SYS_PIDFD_SEND_SIGNAL
}
