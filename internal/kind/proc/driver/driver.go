// SPDX-License-Identifier: Apache-2.0

// Package driver supervises child processes as objects of kind "proc".
//
// One loop serves all children: a pidfd and, where output is captured, a named FIFO each.
// What is wanted of a child is kept in a ledger on disk, so that children outlive the
// daemon and the next daemon goes on where this one ended.
package driver

import (
	"context"
	"log/slog"
	"time"

	"ucid/internal/engine"
	"ucid/internal/kind/proc"
)

// Options say where a Driver keeps its ledger and whom it tells.
type Options struct {
	// RunDir is the daemon's run directory; the driver works in RunDir/proc (0700).
	// It should be on a tmpfs: what it holds is of use until the next boot only.
	RunDir string
	// Log gets what an operator should know. Nil: nothing is logged.
	Log *slog.Logger
	// Event is told what happens to the children, in order, from one goroutine.
	Event func(Event)
	// Ring is the number of output lines kept for each process; 0: 1000.
	Ring int
	// Syslog is the socket of the syslog daemon; empty: /dev/log.
	Syslog string
	// Cgroup is a directory of a cgroup v2 hierarchy in which each process gets a
	// group of its own; empty: none. With it no descendant can hide.
	Cgroup string
	// NoCgroup is why Cgroup is empty, for people who ask for limits of a group.
	NoCgroup error
}

// What happened to a process.
const (
	EventStarted    = "started"    // it runs
	EventExited     = "exited"     // it ended by itself
	EventRespawning = "respawning" // it will be started again
	EventFailed     = "failed"     // it ended early too often and is given up
	EventStopped    = "stopped"    // it was stopped: by hand, by removal, for a restart
	EventReloaded   = "reloaded"   // it was told to read its files again
	EventChanged    = "changed"    // only its data changed
	EventUnhealthy  = "unhealthy"  // its health check failed too often, or it gave no sign of life
	EventHealthy    = "healthy"    // it is well again
)

// An Event is something that happened to a process.
type Event struct {
	Time time.Time
	What string
	Name string
	Pid  int // 0: none
	Exit Exit
}

// The optional interfaces of the engine that Driver implements.
var (
	_ engine.Driver[proc.Proc, string] = (*Driver)(nil)
	_ engine.Watcher                   = (*Driver)(nil)
	_ engine.Checker[proc.Proc]        = (*Driver)(nil)
	_ engine.Prober[proc.Proc]         = (*Driver)(nil)
	_ engine.Explainer[string]         = (*Driver)(nil)
	_ engine.Forecaster[proc.Proc]     = (*Driver)(nil)
	_ engine.Exclusive                 = (*Driver)(nil)
	_ engine.Actor                     = (*Driver)(nil)
)

// Kind returns "proc".
func (d *Driver) Kind() string { return proc.Kind }

// Key returns the name of the process.
func (d *Driver) Key(p proc.Proc) string { return p.Key() }

// Needs names the files the process reads, so that they are written before it starts.
func (d *Driver) Needs(p proc.Proc, need func(engine.Ref)) {
	for path := range filePaths(p.Files) {
		need(engine.Ref{Kind: "file", Name: path})
	}
	for item := range p.Needs.All() {
		need(needRef(item))
	}
}

// RemoveFirst makes old processes go before new ones come: both may want the same port.
func (d *Driver) RemoveFirst() {}

// Observe returns every process that is supervised, as it was asked for. One that was
// given up or stopped by hand is supervised still, so a plan does not start it again.
func (d *Driver) Observe(context.Context) ([]proc.Proc, error) {
	d.see()
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]proc.Proc, 0, len(d.procs))
	for _, p := range d.procs {
		if !p.m.gone {
			all = append(all, p.observed())
		}
	}
	return all, nil
}

// Apply sets what is wanted and returns at once. The error of a change is that of the
// ledger: what cannot be remembered is not started.
func (d *Driver) Apply(_ context.Context, changes []engine.Change[proc.Proc]) []error {
	d.see()
	d.mu.Lock()
	defer d.mu.Unlock()
	var errs []error
	var gone []*process
	for i, c := range changes {
		if p := d.procs[c.Old.Name]; c.Op == engine.Remove && p != nil && !d.closed {
			gone = append(gone, p)
			continue
		}
		if err := d.apply(c); err != nil {
			if errs == nil {
				errs = make([]error, len(changes))
			}
			errs[i] = err
		}
	}
	d.remove(gone)
	return errs
}

func (d *Driver) apply(c engine.Change[proc.Proc]) error {
	if d.closed {
		return errClosed
	}
	if c.Op == engine.Remove {
		return nil // it is gone already
	}
	if err := checkName(c.New.Name); err != nil {
		return err
	}
	if p := d.procs[c.New.Name]; p != nil {
		return p.m.change(c.New)
	}
	p, err := d.add(c.New)
	if err != nil {
		return err
	}
	p.m.start()
	return nil
}

// Watch wakes whenever a process changes its state, until ctx ends.
func (d *Driver) Watch(ctx context.Context, wake func()) error {
	news := d.subscribe()
	defer d.unsubscribe(news)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-d.done:
			return errClosed
		case <-news:
			wake()
		}
	}
}
