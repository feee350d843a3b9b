// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"golang.org/x/sys/unix"

	"ucid/internal/engine"
	"ucid/internal/kind/proc"
)

// An effect is what a changed wish does to the child that runs.
type effect uint8

const (
	nothing effect = iota // the same, or only data that we do not read
	reload                // only files changed, and there is a signal for that
	restart
)

// effectOf compares every field in full.
func effectOf(old, new proc.Proc) effect {
	old = takeOver(old, new)
	new.Stdout, new.Stderr = new.Stdout || old.Stdout, new.Stderr || old.Stderr
	if old == new {
		return nothing
	}
	old.Files = new.Files
	if old == new && new.Reload != 0 {
		return reload
	}
	return restart
}

// takeOver returns what runs after all that needs no restart was taken over. Output that is
// not wanted any more is read and dropped, as the child has no other place for it; output
// that is wanted newly needs a child that was given one.
func takeOver(run, want proc.Proc) proc.Proc {
	run.Data, run.Respawn, run.TermAfter, run.Reload, run.Ready = want.Data, want.Respawn, want.TermAfter, want.Reload, want.Ready
	run.Facility, run.LogFile, run.LogSize, run.LogKeep = want.Facility, want.LogFile, want.LogSize, want.LogKeep
	run.Needs, run.Cgroup, run.Health = want.Needs, want.Cgroup, want.Health
	run.BeforeStart, run.AfterStop, run.OnRespawn, run.HookLimit = want.BeforeStart, want.AfterStop, want.OnRespawn, want.HookLimit
	return run
}

// Effect says what a change does to the child.
func (d *Driver) Effect(c engine.Change[proc.Proc]) string {
	switch c.Op {
	case engine.Create:
		return "starts a process"
	case engine.Remove:
		return "stops the process"
	}
	switch effectOf(d.running(c.Old), c.New) {
	case nothing:
		return "in place, nothing restarts"
	case reload:
		return "sends " + signalName(int(c.New.Reload)) + ", no restart"
	}
	return "restarts the process"
}

// running is what the child was really started with, or was, when there is none.
func (d *Driver) running(was proc.Proc) proc.Proc {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p := d.procs[was.Name]; p != nil && p.m.alive {
		run := p.m.run
		if p.moved() {
			run.Files = was.Files
		}
		return run
	}
	return was
}

// adjust makes the surroundings of the child follow what was taken over.
func (p *process) adjust() {
	p.listen()
	if p.m.st == running {
		p.watchOver()
	}
	if err := p.d.limitGroup(p.m.want); err != nil {
		p.d.log.Warn("a limit is not changed", "name", p.name, "error", err)
	}
}

// listen keeps or drops what is read of the child, and hands it on, as it is wanted by now.
func (p *process) listen() {
	outlets := p.d.outlets(p.m.want, p.m.pid)
	for _, s := range []struct {
		stream *stream
		wanted bool
	}{{p.out, p.m.want.Stdout}, {p.errs, p.m.want.Stderr}} {
		switch {
		case s.stream == nil:
		case s.wanted:
			s.stream.leadTo(outlets)
		default:
			s.stream.mute()
		}
	}
	p.attend(unix.EPOLLIN)
}

// attend makes the loop read the output, or leave it where it is: as long as nobody knows
// the number of the child its lines cannot be handed on.
func (p *process) attend(events uint32) {
	for _, s := range []*stream{p.out, p.errs} {
		if s != nil {
			p.d.poll.listen(s.fd, events)
		}
	}
}
