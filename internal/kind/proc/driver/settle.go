// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"math/rand/v2"
	"time"

	"ucid/internal/kind/proc"
)

// settle goes where the flags say. Nothing runs when it is called.
func (m *machine) settle() {
	switch {
	case m.gone:
		m.enter(idle)
		m.h.forget()
	case m.held:
		m.rest(stopped)
	case m.up:
		m.begin()
	default:
		m.rest(idle)
	}
}

// rest is a state that lasts, so the next daemon has to know it.
func (m *machine) rest(s state) {
	m.enter(s)
	_ = m.h.save() // the driver logs it; a lost note costs at most one start
}

// crashed decides what an end by itself leads to. Exit status 0 is no exception.
func (m *machine) crashed() {
	if !m.up || m.held || m.gone || m.fresh {
		m.settle()
		return
	}
	r := m.want.Respawn
	if !r.On || r.OnFailure && m.exit.Code == 0 && !m.ailing {
		m.rest(idle)
		return
	}
	m.early++
	if m.exit.Time.Sub(m.started) >= r.Threshold {
		m.early = 0
	}
	if r.Retry > 0 && m.early > r.Retry {
		m.rest(failed)
		m.h.tell(EventFailed)
		return
	}
	m.enter(backoff)
	m.next = m.nextStart(respawnDelay(r, m.early))
	m.arm(m.next.Sub(m.since), m.respawn)
	m.h.tell(EventRespawning)
}

// respawnDelay is how long to wait before the start after early exit number n in a row:
// the delay, or, with a maximum above it, delay·2ⁿ⁻¹ up to that, plus up to 10 % jitter.
func respawnDelay(r proc.Respawn, n int) time.Duration {
	if r.MaxDelay <= r.Delay {
		return r.Delay
	}
	d := r.Delay
	for ; n > 1 && d < r.MaxDelay; n-- {
		d *= 2
	}
	d = min(d, r.MaxDelay)
	return d + time.Duration(rand.Int64N(int64(d)/10+1))
}

// nextStart is the configured delay from now, or later where the limit asks for it.
func (m *machine) nextStart(delay time.Duration) time.Time {
	at := m.since.Add(delay)
	if free := m.recent[0].Add(restartWindow); free.After(at) {
		return free
	}
	return at
}

// respawn is the timer of backoff.
func (m *machine) respawn() {
	if m.st != backoff {
		return
	}
	copy(m.recent[:], m.recent[1:])
	m.recent[maxRestarts-1] = m.h.now()
	m.restarts++
	m.again = true
	m.begin()
}

// change takes a new wish and does the least that makes it true.
func (m *machine) change(p proc.Proc) error {
	before, was := m.want, m.gone
	m.want, m.gone = p, false
	if err := m.h.save(); err != nil {
		m.want, m.gone = before, was
		return err
	}
	if was { // it was being removed: wanted again
		m.start()
	}
	switch m.st {
	case starting, running:
		m.catchUp()
	case idle, failed, backoff:
		if before.Data = p.Data; before != p || m.h.moved() {
			m.start()
		}
	}
	return nil
}

// catchUp makes the child that runs what is wanted by now.
func (m *machine) catchUp() {
	if m.forking {
		return // spawned comes back to it
	}
	switch m.due() {
	case nothing:
		data := m.run.Data
		m.adjust()
		if data != m.want.Data {
			m.h.tell(EventChanged)
		}
	case reload:
		m.reload()
	case restart:
		m.early, m.restarts = 0, 0
		m.down()
	}
}

// due is what has to happen for the child to be as wanted.
func (m *machine) due() effect {
	e := effectOf(m.run, m.want)
	if e == nothing && m.h.moved() {
		e = restart
		if m.want.Reload != 0 {
			e = reload
		}
	}
	return e
}

// adjust takes over what needs no restart.
func (m *machine) adjust() {
	if run := takeOver(m.run, m.want); run != m.run {
		m.run = run
		m.h.adjust()
		_ = m.h.save() // a lost note costs a restart by the next daemon at most
	}
}

// reload makes the child read its files again, by the signal it has for that or a restart.
func (m *machine) reload() {
	if m.want.Reload == 0 || m.h.signal(int(m.want.Reload)) != nil {
		m.restart()
		return
	}
	m.run.Files = m.want.Files
	m.h.reread()
	m.adjust()
	_ = m.h.save() // a lost note costs another signal at most
	m.h.tell(EventReloaded)
}

// adopt takes over a child that an earlier daemon started.
func (m *machine) adopt(pid int, started time.Time) {
	m.st, m.since, m.started = running, started, started
	m.alive, m.executed, m.up, m.pid = true, true, true, pid
}

// missed is told instead of adopt when the child ended while nobody looked.
// end is how, nil when it was not running then either: it waited to be started.
func (m *machine) missed(end *Exit) {
	m.st, m.since, m.started = stopping, m.h.now(), m.h.now()
	m.up = !m.held && !m.gone
	m.fresh = end == nil
	if end != nil {
		m.exit = *end
		m.h.tell(EventExited)
	}
	m.h.sweep()
}
