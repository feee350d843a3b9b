// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"ucid/internal/engine"
	"ucid/internal/kind/proc"
)

// Info is how a process is doing, for people and programs. It holds no value of the environment.
type Info struct {
	Name      string    `json:"name"`
	State     string    `json:"state"` // idle, starting, running, backoff, stopping, failed, stopped
	Command   []string  `json:"command"`
	Pid       int       `json:"pid,omitempty"`
	Since     time.Time `json:"since"`               // of the state
	Started   time.Time `json:"started,omitzero"`    // of the last run
	Restarts  int       `json:"restarts"`            // since it was started on purpose
	ExitCode  int       `json:"exit_code"`           // of the last run; -1: unknown, 0 also when it never ended
	Signal    string    `json:"signal,omitempty"`    // that ended the last run
	Ended     time.Time `json:"ended,omitzero"`      // of the last run
	NextStart time.Time `json:"next_start,omitzero"` // in backoff
	Text      string    `json:"text,omitempty"`      // why it is not running, and what can be done
	Health    string    `json:"health,omitempty"`    // "ok", or how its checks fail
	LastLine  string    `json:"last_line,omitempty"` // the child's: escape it before it goes to a terminal
}

// Status returns how the process of that name is doing.
func (d *Driver) Status(name string) (Info, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.procs[name]
	if p == nil {
		return Info{}, false
	}
	return p.info(), true
}

// List returns all processes in the order of their names, including those being removed.
func (d *Driver) List() []Info {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]Info, 0, len(d.procs))
	for _, p := range d.procs {
		all = append(all, p.info())
	}
	slices.SortFunc(all, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return all
}

func (p *process) info() Info {
	m := &p.m
	what := m.want
	if m.alive {
		what = m.run // what really runs
	}
	i := Info{
		Name: m.want.Name, State: m.st.String(), Command: what.Command.Slice(), Pid: m.pid,
		Since: m.since, Started: m.started, Restarts: m.restarts,
		ExitCode: m.exit.Code, Signal: m.exit.Signal, Ended: m.exit.Time,
		Text: p.text(), Health: p.healthText(), LastLine: p.ring.lastText(),
	}
	if m.st == backoff {
		i.NextStart = m.next
	}
	return i
}

// text says why the process is not running, "" when it is.
func (p *process) text() string {
	m := &p.m
	switch m.st {
	case starting:
		if p.blocked != "" && m.forking {
			return "waits for " + needText(p.blocked)
		}
		if m.alive && m.executed {
			return "not ready yet: waits for " + m.run.Ready
		}
		return "is being started"
	case stopping:
		if p.hooking {
			return "is stopped, after_stop runs"
		}
		return fmt.Sprintf("is being stopped, %d descendants left", len(p.rest))
	case backoff:
		return fmt.Sprintf("%v; next start %s%s", m.exit, m.next.Format(time.TimeOnly), p.tries())
	case failed:
		if !m.want.Errors.Empty() {
			return "not started: " + strings.Join(m.want.Errors.Slice(), "; ")
		}
		return fmt.Sprintf("%v; given up after %d early exits in a row; start it by hand, or change its configuration",
			m.exit, m.early)
	case stopped:
		return "stopped by hand; start it by hand"
	case idle:
		if m.want.Respawn.On {
			return fmt.Sprintf("%v; respawn is for failures only", m.exit)
		}
		return fmt.Sprintf("%v; respawn is off", m.exit)
	}
	return ""
}

// needText says what a process waits for.
func needText(need string) string {
	kind, name, _ := strings.Cut(need, ":")
	switch kind {
	case "iface":
		return "interface " + name + " to be up"
	case "proc":
		return "process " + name + " to run"
	case "route":
		return "a route to " + name
	}
	return kind + " " + name
}

func (p *process) tries() string {
	if p.m.want.Respawn.Retry == 0 {
		return ""
	}
	return fmt.Sprintf(" (early exit %d of %d)", p.m.early, p.m.want.Respawn.Retry)
}

// Probe tells the engine how far the process is.
func (d *Driver) Probe(want proc.Proc) engine.Health {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.procs[want.Name]
	if p == nil || p.m.gone {
		return engine.Health{State: engine.Failed, Text: "is not supervised"}
	}
	return p.health()
}

// Grace times of an apply: how long it waits for a start beyond what the process itself needs.
const (
	startLimit = 5 * time.Second
	readyLimit = 30 * time.Second
)

func (p *process) health() engine.Health {
	m := &p.m
	h := engine.Health{State: engine.Waiting, Text: p.text()}
	switch m.st {
	case running:
		return engine.Health{State: engine.OK}
	case starting:
		h.Limit = startLimit + m.run.HookLimit
		if m.forking && p.blocked != "" && !strings.HasPrefix(p.blocked, "proc:") {
			return engine.Health{State: engine.Waiting, Text: h.Text} // nothing of ours brings it
		}
		if m.run.Ready != "" || p.blocked != "" {
			h.Limit = readyLimit
		}
	case stopping:
		h.Limit = m.run.TermAfter + m.run.HookLimit + startLimit
	case backoff:
		h.Limit = min(m.next.Sub(m.since), startLimit) + startLimit
	case failed:
		if !m.want.Errors.Empty() { // as it was asked for: no reason to undo an apply
			return engine.Health{State: engine.Stopped, Text: h.Text}
		}
		h.State, h.Text = engine.Failed, h.Text+p.ring.gist()
	case stopped:
		h.State = engine.Stopped
	case idle:
		if m.exit.Code == 0 {
			return engine.Health{State: engine.OK}
		}
		h.State, h.Text = engine.Failed, h.Text+p.ring.gist()
	}
	return h
}

// Explain tells what is known about a process, one fact a line.
func (d *Driver) Explain(_ context.Context, name string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.procs[name]
	if p == nil {
		return []string{"not supervised"}
	}
	m := &p.m
	facts := []string{fmt.Sprintf("%v since %s", m.st, m.since.Format(time.DateTime))}
	if m.alive {
		facts = append(facts, fmt.Sprintf("pid %d, started %s", m.pid, m.started.Format(time.DateTime)))
	}
	if m.st != running {
		facts = append(facts, p.text())
	}
	if sandboxed(m.run) && landlockVersion() == 0 {
		facts = append(facts, "the paths of its sandbox are not enforced: this kernel has no landlock")
	}
	if text := p.healthText(); text != "" {
		facts = append(facts, "health: "+printable(text))
	}
	facts = append(facts, fmt.Sprintf("restarts: %d", m.restarts))
	if !m.exit.Time.IsZero() {
		facts = append(facts, fmt.Sprintf("last end: %v at %s", m.exit, m.exit.Time.Format(time.DateTime)))
	}
	if m.st == backoff {
		facts = append(facts, "next start: "+m.next.Format(time.DateTime))
	}
	return facts
}
