// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"strings"
	"time"

	"ucid/internal/kind/proc"
)

// A state is where a supervised process is in its life.
type state uint8

const (
	idle     state = iota // not running, and nothing is planned: it ended and is not respawned
	starting              // being forked, or not ready yet
	running               // up
	backoff               // ended by itself, waits to be started again
	stopping              // it or its descendants are being stopped
	failed                // given up after too many early exits
	stopped               // by hand, until it is started by hand
)

var stateNames = [...]string{"idle", "starting", "running", "backoff", "stopping", "failed", "stopped"}

func (s state) String() string { return stateNames[s] }

// Whatever is configured, a process is started again at most maxRestarts times in a
// restartWindow, so that a crash loop without delay cannot eat the machine.
const (
	maxRestarts   = 10
	restartWindow = time.Second
)

// killAgain is how often SIGKILL is repeated for descendants that came in between.
const killAgain = time.Second

// readyEvery is how often a process is asked whether it is ready.
const (
	readyEvery     = 50 * time.Millisecond
	readyExecEvery = 500 * time.Millisecond // where a program has to be run for that
)

// A handle is what a machine does to the world. No method blocks; those that take time
// answer later by calling the method of the machine that is named.
type handle interface {
	spawn(proc.Proc)                        // spawned or spawnFailed, then execed
	signal(sig int) error                   // to the main process
	term()                                  // SIGTERM to the process group and all descendants
	kill()                                  // SIGKILL to all descendants
	sweep()                                 // swept, with the number of descendants left; they get SIGTERM
	ready(proc.Proc)                        // isReady when it is
	save() error                            // to the ledger, before the act
	moved() bool                            // a file that the child reads is not what it was
	reread()                                // the child was told to read its files
	adjust()                                // run was changed in place
	forget()                                // nothing is left and nothing is wanted
	tell(what string)                       // an event
	after(d time.Duration, f func()) func() // returns what cancels it
	now() time.Time
}

// A machine is the life of one process. All its methods are called under one lock.
type machine struct {
	h    handle
	want proc.Proc // as asked for
	run  proc.Proc // what the child was started with

	st       state
	up       bool // it should run
	held     bool // stopped by hand
	gone     bool // to be forgotten when it is down
	fresh    bool // the next end is no crash: a restart
	forking  bool // spawn has not answered
	alive    bool // there is a main process
	executed bool // the program runs, not only the fork
	again    bool // the start is a respawn
	ailing   bool // it is stopped because it is unwell

	pid      int
	early    int // early exits in a row
	restarts int // since it was started on purpose
	started  time.Time
	since    time.Time // of the state
	next     time.Time // start, in backoff
	exit     Exit      // of the last run
	recent   [maxRestarts]time.Time

	cancel func()
	seq    int // of the timer, so that one that fired too late is known
}

// enter is the only place where the state changes; it ends the old state's timer.
func (m *machine) enter(s state) {
	m.disarm()
	m.st, m.since = s, m.h.now()
}

func (m *machine) arm(d time.Duration, f func()) {
	m.disarm()
	m.seq++
	seq := m.seq
	m.cancel = m.h.after(d, func() {
		if seq == m.seq {
			m.cancel = nil
			f()
		}
	})
}

func (m *machine) disarm() {
	if m.cancel != nil {
		m.cancel()
		m.cancel = nil
	}
	m.seq++
}

// start is a start on purpose: the budget of early exits is fresh.
func (m *machine) start() {
	m.up, m.held, m.gone = true, false, false
	m.early, m.restarts = 0, 0
	switch m.st {
	case idle, backoff, failed, stopped:
		m.begin()
	case stopping:
		m.fresh = true
	}
}

// stop brings it down; what comes then is settled by the flags.
func (m *machine) stop() {
	m.up = false
	switch m.st {
	case starting, running:
		m.down()
	case idle, backoff, failed, stopped:
		m.settle()
	}
}

// restart is a stop and a start on purpose that never overlap.
func (m *machine) restart() {
	if m.st != starting && m.st != running {
		m.start()
		return
	}
	m.up, m.held, m.fresh = true, false, true
	m.early, m.restarts = 0, 0
	m.down()
}

// hold is a stop by hand.
func (m *machine) hold() error {
	m.held = true
	if err := m.h.save(); err != nil {
		m.held = false
		return err
	}
	m.stop()
	return nil
}

// remove is a stop after which nothing is left.
func (m *machine) remove() {
	m.gone = true
	m.stop()
}

// begin forks. It is called when nothing of the last run is left.
func (m *machine) begin() {
	m.enter(starting)
	if !m.want.Errors.Empty() {
		m.rest(failed)
		m.h.tell(EventFailed)
		return
	}
	m.run, m.fresh, m.ailing = m.want, false, false
	m.forking, m.executed = true, false
	m.h.spawn(m.run)
}

// spawned is told when there is a main process.
func (m *machine) spawned(pid int) {
	m.forking, m.again, m.alive, m.pid = false, false, true, pid
	m.started = m.h.now()
	switch {
	case !m.up || m.fresh:
		m.down()
	default:
		m.catchUp()
	}
}

// spawnFailed is told when there is none.
func (m *machine) spawnFailed(why string) {
	m.forking, m.again = false, false
	m.started = m.h.now()
	m.exit = Exit{Time: m.h.now(), Code: codeNoExec, Text: why}
	m.h.tell(EventExited)
	m.crashed()
}

// dropped is told when nothing was forked because it is not wanted any more.
func (m *machine) dropped() {
	m.forking, m.again = false, false
	m.settle()
}

// execed is told when the main process has become the program.
func (m *machine) execed() {
	m.executed = true
	if m.st != starting {
		return
	}
	if m.run.Ready != "" {
		m.askReady()
		return
	}
	m.isReady()
}

func (m *machine) askReady() {
	if m.st == starting && m.alive {
		every := readyEvery
		if strings.HasPrefix(m.run.Ready, "exec:") {
			every = readyExecEvery
		}
		m.arm(every, m.askReady)
		m.h.ready(m.run)
	}
}

// isReady ends the start.
func (m *machine) isReady() {
	if m.st == starting && m.alive && m.executed {
		m.enter(running)
		m.h.tell(EventStarted)
	}
}

// down starts the stop of the whole tree.
func (m *machine) down() {
	if m.forking {
		return // spawned sees to it
	}
	m.enter(stopping)
	m.fresh = true
	m.h.term()
	m.arm(m.run.TermAfter, m.killNow)
}

// ail stops one that is unwell. That counts as an early exit, so its budget holds; one that
// is not respawned is restarted all the same, as that was asked for.
func (m *machine) ail() {
	if m.st == running {
		m.down()
		m.ailing, m.fresh = true, !m.want.Respawn.On
	}
}

// killNow is the timer of stopping.
func (m *machine) killNow() {
	if m.st == stopping {
		m.h.kill()
		m.arm(killAgain, m.killNow)
	}
}

// exited is told when the main process has ended.
func (m *machine) exited(e Exit) {
	if !m.alive {
		return
	}
	m.alive, m.exit = false, e
	m.exit.Pid = m.pid
	if m.st != stopping {
		m.h.tell(EventExited)
		m.enter(stopping)
	}
	m.h.sweep()
}

// swept is told how many descendants the main process left behind.
func (m *machine) swept(left int) {
	switch {
	case m.st != stopping || m.alive:
	case left == 0:
		m.ended()
	case m.cancel == nil: // it ended by itself and left them
		m.arm(m.run.TermAfter, m.killNow)
	}
}

// ended is reached when nothing of the last run is left.
func (m *machine) ended() {
	m.pid = 0
	if !m.fresh {
		m.crashed()
		return
	}
	m.h.tell(EventStopped)
	m.settle()
}
