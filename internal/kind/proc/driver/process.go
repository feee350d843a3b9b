// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"ucid/internal/engine"
	"ucid/internal/kind/proc"
)

// A process is a machine with the real world behind it. Everything in it is guarded by
// the driver's lock, and so is every use of a pidfd: its number must not be another's by then.
type process struct {
	d    *Driver
	m    machine
	name string // which never changes
	tag  string
	ring *ring

	main      ident
	pidfd     int           // of main; -1: none
	foreign   bool          // adopted: somebody else's child, its status goes to that one
	report    int           // of the stub; -1: none
	said      []byte        // by the stub
	rest      map[ident]int // descendants that have to go, and their pidfds
	killing   bool          // SIGTERM did not help
	asking    bool          // whether it is ready
	saidReady bool          // by a notification
	out, errs *stream
	captured  bool   // there may be files of them
	lingers   bool   // the main process has ended, its parent has not waited for it
	waited    bool   // for that, and long enough
	blocked   string // the need it waits for
	ran       bool   // its after_stop is due when nothing is left
	hooking   bool   // which is running
	care      care

	read engine.List // its files and their digests when the child was forked, or told to read them again
	seen engine.List // the same when they were last looked at
}

func (p *process) now() time.Time { return time.Now() }

func (p *process) after(t time.Duration, f func()) func() {
	timer := time.AfterFunc(t, func() {
		p.d.mu.Lock()
		defer p.d.mu.Unlock()
		if !p.d.closed {
			f()
		}
	})
	return func() { timer.Stop() }
}

// tell hands an event on and wakes the watchers.
func (p *process) tell(what string) {
	e := Event{Time: time.Now(), What: what, Name: p.m.want.Name, Pid: p.m.pid, Exit: p.m.exit}
	p.d.log.Info("process "+what, "name", e.Name, "pid", e.Pid, "exit", e.Exit.String())
	p.d.wakeAll()
	p.d.lookSoon()
	if what == EventStarted {
		p.watchOver()
	}
	if f := p.d.opt.Event; f != nil {
		p.d.events.add(func() { f(e) })
	}
}

// spawn forks in the queue for that: the program may lie on a slow disk.
func (p *process) spawn(run proc.Proc) {
	if p.blocked = p.d.missing(run); p.blocked != "" || p.d.inTheWay(run) {
		p.d.waiting = append(p.d.waiting, p)
		p.d.lookSoon()
		return
	}
	again := p.m.again
	if run.BeforeStart.Empty() && (run.OnRespawn.Empty() || !again) {
		p.d.forks.add(func() { p.forkNow(run) })
		return
	}
	p.d.goAside(func() { // a hook may take its time
		if err := p.beforeStart(run, again); err != nil && !p.d.isClosed() {
			p.notBorn(run, err)
			return
		}
		p.d.forks.add(func() { p.forkNow(run) })
	})
}

func (p *process) notBorn(run proc.Proc, err error) {
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	p.d.log.Warn("cannot start a process", "name", run.Name, "error", err)
	p.attend(unix.EPOLLIN)
	p.m.spawnFailed(err.Error())
}

func (p *process) forkNow(run proc.Proc) {
	if p.d.isClosed() {
		return // the next daemon starts it
	}
	read := p.d.digests(run.Files) // before the child can
	c, err := p.fork(run)
	if err != nil {
		p.notBorn(run, err)
		return
	}
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	if p.d.closed { // it hung for long; the next daemon knows the child by its tag
		closeFD(c.pidfd)
		closeFD(c.report)
		return
	}
	p.read, p.seen = read, read
	p.born(c, run)
}

// fork is called without the lock.
func (p *process) fork(run proc.Proc) (child, error) {
	a, err := lookupAccount(run.User, run.Group)
	if err != nil {
		return child{}, err
	}
	ends := [2]int{-1, -1}
	defer func() {
		for _, fd := range ends {
			closeFD(fd)
		}
	}()
	p.d.mu.Lock()
	streams := p.capture(run)
	if notifies(run) {
		err = p.d.openNotify()
	}
	p.d.mu.Unlock()
	if err != nil {
		return child{}, err
	}
	for i, s := range streams {
		if s.err != nil {
			return child{}, s.err
		}
		if s.stream == nil {
			continue
		}
		if ends[i], err = s.stream.childEnd(a); err != nil {
			return child{}, err
		}
	}
	group, err := p.d.cgroups.enter(run.Name)
	if err != nil {
		return child{}, err
	}
	defer closeFD(group)
	if sandboxed(run) && landlockVersion() == 0 {
		p.d.log.Warn("a process runs without the paths of its sandbox: this kernel has no landlock", "name", run.Name)
	}
	if err := p.d.limitGroup(run); err != nil {
		return child{}, err
	}
	return p.d.inherit.fork(run, a, p.tag, inherited{out: ends[0], errs: ends[1], cgroup: group})
}

func closeFD(fd int) {
	if fd >= 0 {
		unix.Close(fd)
	}
}

type captured struct {
	stream *stream
	err    error
}

// capture opens the FIFOs that run wants; those that are open stay.
func (p *process) capture(run proc.Proc) [2]captured {
	var all [2]captured
	if run.Stdout {
		all[0].err = p.open(&p.out, "stdout")
		all[0].stream = p.out
	}
	if run.Stderr {
		all[1].err = p.open(&p.errs, "stderr")
		all[1].stream = p.errs
	}
	if run.Facility != "" || run.LogFile != "" {
		p.attend(0)
	}
	return all
}

func (p *process) open(s **stream, name string) error {
	if *s != nil {
		return nil
	}
	p.captured = true
	opened, err := openStream(name, p.fifo(name), p.ring)
	if err != nil {
		return err
	}
	if err := p.d.poll.add(opened.fd, func(buf []byte) { opened.drain(buf, readSize) }); err != nil {
		opened.close()
		return err
	}
	*s = opened
	return nil
}

func (p *process) fifo(name string) string {
	return filepath.Join(p.d.ledger.dir, stem(p.m.want.Name)+"."+name)
}

// born notes the child; its identity goes to disk at once.
func (p *process) born(c child, run proc.Proc) {
	p.main, p.foreign, p.killing = ident{pid: c.pid}, false, false
	if s, err := readStat(c.pid); err == nil {
		p.main = s.ident
	}
	p.watchMain(c.pidfd)
	p.said, p.report = nil, c.report
	p.m.pid, p.ran = c.pid, true
	p.listen()
	p.saidReady = p.d.wasEarly(c.pid)
	if run.PidFile != "" {
		p.writePidFile(run.PidFile)
	}
	p.m.spawned(c.pid)
	_ = p.save()
	if c.report < 0 {
		p.m.execed()
	} else if p.d.poll.add(c.report, p.heard) != nil {
		p.m.execed()
	}
}

func (p *process) watchMain(fd int) {
	p.pidfd, p.lingers, p.waited = fd, false, false
	if err := p.d.poll.add(fd, func([]byte) { p.mainEnded(fd) }); err != nil {
		p.d.log.Error("cannot watch a process", "name", p.m.want.Name, "error", err)
	}
}

// heard reads what the stub has to say: nothing, when it became the program.
func (p *process) heard(buf []byte) {
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	n, err := unix.Read(p.report, buf)
	if n > 0 {
		p.said = append(p.said, buf[:n]...)
		return
	}
	if err == unix.EAGAIN || err == unix.EINTR {
		return
	}
	p.d.poll.remove(p.report)
	p.report = -1
	if len(p.said) == 0 {
		p.m.execed()
	}
}

// mainEnded is called by the loop when the pidfd says so.
func (p *process) mainEnded(fd int) {
	p.drain()
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	if p.pidfd != fd {
		return
	}
	e, over := p.status()
	if !over {
		return
	}
	p.d.poll.remove(fd)
	p.pidfd = -1
	if p.report >= 0 {
		p.hearLast()
	}
	if len(p.said) > 0 {
		e.Text = strings.ToValidUTF8(string(p.said), "?")
	}
	p.removePidFile()
	p.m.exited(e)
}

// hearLast reads the stub's last words when it ended before the loop saw them.
func (p *process) hearLast() {
	buf := make([]byte, 4096)
	if n, _ := unix.Read(p.report, buf); n > 0 {
		p.said = append(p.said, buf[:n]...)
	}
	p.d.poll.remove(p.report)
	p.report = -1
}

// status collects how the main process ended.
func (p *process) status() (Exit, bool) {
	var ws unix.WaitStatus
	pid, err := unix.Wait4(p.main.pid, &ws, unix.WNOHANG, nil)
	if err == unix.ECHILD {
		return p.adoptedStatus()
	}
	return exitOf(ws), err == nil && pid == p.main.pid
}

func (p *process) drain() {
	p.d.mu.Lock()
	out, errs := p.out, p.errs
	p.d.mu.Unlock()
	buf := make([]byte, readSize)
	for _, s := range []*stream{out, errs} {
		if s != nil {
			s.drain(buf, 16*readSize)
		}
	}
}

// writePidFile puts the number where the configuration wants it, and never through a link.
func (p *process) writePidFile(path string) {
	temp := path + ".ucid"
	_ = os.Remove(temp)
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err == nil {
		_, err = f.WriteString(strconv.Itoa(p.main.pid) + "\n")
		f.Close()
	}
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		p.d.log.Warn("cannot write a pid file", "name", p.m.want.Name, "error", err)
	}
}

// removePidFile removes it if it still names the child.
func (p *process) removePidFile() {
	path := p.m.run.PidFile
	if path == "" {
		return
	}
	data, err := os.ReadFile(path)
	if err == nil && strings.TrimSpace(string(data)) == strconv.Itoa(p.main.pid) {
		_ = os.Remove(path)
	}
}
