// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// groupSignal makes pidfd_send_signal(2) mean the whole process group; since Linux 6.9.
const groupSignal = 1 << 2

// signal sends sig to the main process.
func (p *process) signal(sig int) error {
	if !p.m.alive || p.pidfd < 0 {
		return ErrNotRunning
	}
	err := unix.PidfdSendSignal(p.pidfd, unix.Signal(sig), nil, 0)
	if errors.Is(err, unix.ESRCH) {
		return ErrNotRunning
	}
	if err != nil {
		return fmt.Errorf("cannot send %s to pid %d: %w", signalName(sig), p.main.pid, err)
	}
	return nil
}

// signalGroup sends sig to the process group of the main process, which is its leader.
func (p *process) signalGroup(sig unix.Signal) {
	if p.pidfd < 0 || p.main.pid <= 1 {
		return
	}
	err := unix.PidfdSendSignal(p.pidfd, sig, nil, groupSignal)
	if !errors.Is(err, unix.EINVAL) {
		return
	}
	// An older kernel. The number is safe while the main process is not waited for, and
	// that happens under the lock which is held here.
	if unix.PidfdSendSignal(p.pidfd, 0, nil, 0) == nil {
		_ = unix.Kill(-p.main.pid, sig)
	}
}

// term asks the whole tree to end. Its members are looked up first: when their parents
// are gone nothing tells any more whose they were.
func (p *process) term() {
	p.d.stops.add(func() { p.signalTree(unix.SIGTERM) })
}

// kill ends the whole tree.
func (p *process) kill() {
	p.killing = true
	p.d.log.Warn("process does not stop on SIGTERM, sending SIGKILL", "name", p.m.want.Name, "pid", p.m.pid)
	p.d.stops.add(func() { p.signalTree(unix.SIGKILL) })
	p.sweep()
}

// signalTree runs in the queue of stops, without the lock.
func (p *process) signalTree(sig unix.Signal) {
	p.d.mu.Lock()
	main, alive := p.main.pid, p.m.alive
	p.d.mu.Unlock()
	if !alive {
		return
	}
	below := append(descendants(main), p.d.cgroups.members(p.name)...)
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	if !p.m.alive || p.main.pid != main || p.m.st != stopping {
		return
	}
	for _, s := range below {
		if s.ident == p.main {
			continue
		}
		if fd, added := p.track(s); added && s.pgrp != main {
			p.send(fd, sig)
		}
	}
	if sig == unix.SIGKILL {
		p.d.cgroups.kill(p.name)
		for _, fd := range p.rest {
			p.send(fd, sig)
		}
	}
	p.signalGroup(sig)
	p.signalGroup(unix.SIGCONT) // one that is stopped would not notice
}

func (p *process) send(fd int, sig unix.Signal) {
	_ = unix.PidfdSendSignal(fd, sig, nil, 0)
	if sig == unix.SIGTERM {
		_ = unix.PidfdSendSignal(fd, unix.SIGCONT, nil, 0)
	}
}

// track notes a descendant that has to go.
func (p *process) track(s procStat) (fd int, added bool) {
	if fd, known := p.rest[s.ident]; known {
		return fd, false
	}
	if s.zombie() {
		_, _ = unix.Wait4(s.pid, nil, unix.WNOHANG, nil) // if it is a child of ours
		return -1, false
	}
	fd, err := s.open()
	if err != nil {
		return -1, false
	}
	if err := p.d.poll.add(fd, func([]byte) { p.restEnded(s.ident, fd) }); err != nil {
		unix.Close(fd)
		return -1, false
	}
	if p.rest == nil {
		p.rest = map[ident]int{}
	}
	p.rest[s.ident] = fd
	return fd, true
}

// restEnded is called by the loop when a descendant has ended.
func (p *process) restEnded(id ident, fd int) {
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	if known, ok := p.rest[id]; !ok || known != fd {
		return
	}
	_, _ = unix.Wait4(id.pid, nil, unix.WNOHANG, nil) // if it is a child of ours by now
	p.d.poll.remove(fd)
	delete(p.rest, id)
	if !p.m.alive {
		p.sweep()
	}
}
