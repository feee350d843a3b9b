// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"os/signal"
	"time"

	"golang.org/x/sys/unix"
)

// strayGrace is how long a dead child that is nobody's known process stays a zombie: other
// parts of the program may have started it and be about to wait for it.
const strayGrace = time.Second

// watchStrays reaps orphans that were given to us while their family still runs. Children
// that other parts of the program start are in its own session and never touched.
func (d *Driver) watchStrays() {
	if !d.reaper {
		return
	}
	signal.Notify(d.sigs, unix.SIGCHLD)
	session, err := unix.Getsid(0)
	if err != nil {
		return
	}
	d.strays.Go(func() { d.reapStrays(session) })
}

// strayDelay lets the deaths of many children be looked at once.
const strayDelay = 100 * time.Millisecond

func (d *Driver) reapStrays(session int) {
	var look <-chan time.Time
	var before map[ident]bool
	for {
		select {
		case <-d.done:
			return
		case <-d.sigs:
			if look == nil {
				look = time.After(strayDelay)
			}
			continue
		case <-look:
		}
		zombies := d.deadStrays(session)
		for id := range zombies {
			if before[id] {
				_, _ = unix.Wait4(id.pid, nil, unix.WNOHANG, nil)
			}
		}
		before, look = zombies, nil
		if len(zombies) > 0 {
			look = time.After(strayGrace)
		}
	}
}

// deadStrays lists our dead children of other sessions that no process is known by.
func (d *Driver) deadStrays(session int) map[ident]bool {
	d.mu.Lock()
	known := map[int]bool{}
	for _, p := range d.procs {
		if p.pidfd >= 0 {
			known[p.main.pid] = true
		}
		for id := range p.rest {
			known[id.pid] = true
		}
	}
	d.mu.Unlock()
	zombies := map[ident]bool{}
	for _, pid := range ownChildren() {
		if known[pid] {
			continue
		}
		if s, err := readStat(pid); err == nil && s.zombie() && s.session != session {
			zombies[s.ident] = true
		}
	}
	return zombies
}
