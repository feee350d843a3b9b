// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"golang.org/x/sys/unix"
)

// sweep looks for descendants that the main process left behind. All who wait for that
// are served by one look at the system.
func (p *process) sweep() {
	first := len(p.d.dirty) == 0
	p.d.dirty[p] = struct{}{}
	if first {
		p.d.stops.add(p.d.sweepAll)
	}
}

// A search is what has to be found, by what tells it.
type search struct {
	mains  map[int]bool // main processes that live: nobody's leftovers
	byTag  map[string]*process
	byMain map[int]*process // by the number of the main process that ended
	wide   bool             // orphans of adopted processes are not given to us
}

func (d *Driver) sweepAll() {
	d.mu.Lock()
	dirty := d.dirty
	d.dirty = map[*process]struct{}{}
	s := d.newSearch(dirty)
	d.mu.Unlock()
	found := s.run()
	for p := range dirty {
		found[p] = append(found[p], d.cgroups.members(p.name)...)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	for p := range dirty {
		if !p.m.alive {
			p.swept(found[p])
		}
	}
}

func (d *Driver) newSearch(dirty map[*process]struct{}) search {
	s := search{mains: map[int]bool{}, byTag: map[string]*process{}, byMain: map[int]*process{}}
	for _, p := range d.procs {
		if p.m.alive {
			s.mains[p.main.pid] = true
		}
	}
	for p := range dirty {
		s.byTag[p.tag] = p
		if !p.foreign && p.main.pid > 0 {
			s.byMain[p.main.pid] = p
		}
		s.wide = s.wide || p.foreign || !d.reaper
	}
	return s
}

// run lists the descendants of each process. It is called without the lock.
func (s search) run() map[*process][]procStat {
	found := map[*process][]procStat{}
	for _, pid := range ownChildren() {
		if s.mains[pid] {
			continue
		}
		st, err := readStat(pid)
		if err != nil {
			continue
		}
		if p := s.owner(st); p != nil {
			found[p] = append(append(found[p], st), descendants(pid)...)
		}
	}
	if s.wide {
		for tag, members := range tagged() {
			if p := s.byTag[tag]; p != nil {
				found[p] = append(found[p], members...)
			}
		}
	}
	return found
}

// owner tells whose an orphan is: session and group are those of the main process it came
// from, unless it made its own; then the tag remains. An orphan is our child, so no
// stranger that got an old number can be meant.
func (s search) owner(st procStat) *process {
	if p := s.byMain[st.session]; p != nil {
		return p
	}
	if p := s.byMain[st.pgrp]; p != nil {
		return p
	}
	if len(s.byTag) == 0 || st.zombie() {
		return nil
	}
	return s.byTag[tagOf(st.pid)]
}

// swept notes what was found, tells those to go that are new, and answers the machine.
func (p *process) swept(found []procStat) {
	sig := unix.SIGTERM
	if p.killing {
		sig = unix.SIGKILL
		p.d.cgroups.kill(p.name)
		for _, fd := range p.rest {
			p.send(fd, sig)
		}
	}
	for _, s := range found {
		if fd, added := p.track(s); added {
			p.send(fd, sig)
		}
	}
	if len(p.rest) == 0 {
		p.finish()
		if p.afterStop() {
			return
		}
	}
	p.m.swept(len(p.rest))
}

// finish reads the output that is left: nothing writes any more.
func (p *process) finish() {
	for _, s := range []*stream{p.out, p.errs} {
		if s != nil {
			s.finish()
		}
	}
}
