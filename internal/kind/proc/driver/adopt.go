// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"slices"
	"time"
)

// takeOver reads the ledger of an earlier driver.
func (d *Driver) takeOver() {
	d.mu.Lock()
	defer d.mu.Unlock()
	records, errs := d.ledger.read()
	for _, err := range errs {
		d.log.Error("ledger", "error", err)
	}
	if len(records) == 0 {
		return
	}
	members := tagged()
	for name, r := range records {
		if r.World != d.world { // another boot: nothing of it runs
			d.log.Info("process is of another boot", "name", name)
			_ = d.ledger.remove(name)
			continue
		}
		d.resume(r, members[string(r.Tag)])
	}
}

// resume goes on with one process as its record says.
func (d *Driver) resume(r record, members []procStat) {
	p := d.newProcess(r.Want.unpack(), string(r.Tag))
	m := &p.m
	m.held, m.gone, m.early, m.restarts, m.exit, m.since = r.Held, r.Gone, r.Early, r.Restarts, r.Exit, r.Since
	if r.Run != nil {
		m.run = r.Run.unpack()
	}
	p.read, p.captured = unpackList(r.Files), true
	d.procs[m.want.Name] = p
	for i, s := range p.capture(m.run) {
		if s.err != nil {
			d.log.Error("cannot go on reading output", "name", m.want.Name, "stream", i, "error", s.err)
		}
	}
	id, fd := findMain(r, members)
	if fd >= 0 {
		p.takeMain(id, fd)
		return
	}
	p.foreign = true
	p.listen()
	p.resumeWithout(r, members)
}

// findMain opens the main process of a record: the one it names, or, when the daemon died
// between the fork and the note, the leader among those that carry the tag.
func findMain(r record, members []procStat) (ident, int) {
	id := ident{r.Pid, r.Start}
	if r.Pid > 0 {
		if s, err := readStat(id.pid); err == nil && s.ident == id && isMain(s, string(r.Tag)) {
			if fd, err := id.open(); err == nil {
				return id, fd
			}
		}
	}
	leader := slices.IndexFunc(members, func(s procStat) bool {
		return s.session == s.pid && !slices.ContainsFunc(members, func(o procStat) bool { return o.pid == s.ppid })
	})
	if r.Pid == 0 && leader >= 0 {
		if fd, err := members[leader].open(); err == nil {
			return members[leader].ident, fd
		}
	}
	return ident{}, -1
}

// isMain reports whether a living process can be the main process that was given tag: it
// leads a session, and has no other tag. It may have none: some programs write their title
// over their environment.
func isMain(s procStat, tag string) bool {
	if s.zombie() || s.session != s.pid {
		return false
	}
	has := tagOf(s.pid)
	return has == "" || has == tag
}

// takeMain adopts a living child.
func (p *process) takeMain(id ident, fd int) {
	p.main, p.foreign = id, true
	p.m.adopt(id.pid, id.startedAt())
	p.ran = true
	p.listen()
	if notifies(p.m.run) {
		if err := p.d.openNotify(); err != nil {
			p.d.log.Error("cannot hear a process", "name", p.name, "error", err)
		}
	}
	p.watchOver()
	p.watchMain(fd)
	p.d.log.Info("process adopted", "name", p.m.want.Name, "pid", id.pid)
	_ = p.save()
	switch {
	case p.m.gone || p.m.held:
		p.m.stop()
	default:
		p.m.catchUp()
	}
}

// resumeWithout goes on with a process that does not run.
func (p *process) resumeWithout(r record, members []procStat) {
	m := &p.m
	p.ran = r.Pid > 0
	rested := r.Pid == 0 && len(members) == 0
	switch {
	case rested && r.State == stopped.String():
		m.st = stopped
	case rested && r.State == failed.String():
		m.st, m.up = failed, true
	case rested && r.State == idle.String() && !m.exit.Time.IsZero():
		m.st, m.up = idle, true
	default:
		if end, ok := reaped(ident{r.Pid, r.Start}); ok {
			m.missed(&end)
		} else if r.Pid > 0 {
			m.missed(&Exit{Time: time.Now(), Code: codeUnknown, Unknown: true})
		} else {
			m.missed(nil)
		}
	}
}
