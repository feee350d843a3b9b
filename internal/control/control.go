// SPDX-License-Identifier: Apache-2.0

// Package control is what people and programs can do with the daemon: one type, which the
// control socket, D-Bus and ubus show in their own forms. It reads the configuration, has
// it compiled, hands it to the engine, remembers what was applied, and keeps it up.
package control

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"ucid/internal/engine"
	"ucid/internal/event"
	procdriver "ucid/internal/kind/proc/driver"
	"ucid/internal/revision"
	"ucid/internal/settings"
	"ucid/internal/txn"
	"ucid/services"
	"ucid/uci"
)

// revisionsKept is how many applied configurations are kept.
const revisionsKept = 20

// workQueued is how many requests may wait for the loop before their callers do.
const workQueued = 16

// Control runs the daemon. Its exported methods may be called from several goroutines.
type Control struct {
	Settings  settings.Settings
	Engine    *engine.Engine
	Events    *event.Log
	Processes *procdriver.Driver
	Log       *slog.Logger
	// Fire hands an event to the triggers; nil: there are none.
	Fire func(event string, data map[string]string) error

	store   *revision.Store
	journal txn.Journal
	work    chan func(context.Context) // done one after the other by Run
	changes *changes
	started time.Time

	protocol uint8 // that marks what is ours, since the start

	mu        sync.Mutex
	applied   *wish // nil before the first apply
	revision  revision.Revision
	facts     map[engine.Fact]string
	unapplied map[string]string // packages that differ from what is applied, and how
	window    *transaction      // applied and not confirmed; nil: none
	warned    bool              // that the window is nearly over; the loop alone uses it
}

// Open prepares a control. Nothing is observed or changed before [Control.Run].
func Open(s settings.Settings, e *engine.Engine, events *event.Log, processes *procdriver.Driver, log *slog.Logger) *Control {
	return &Control{Settings: s, Engine: e, Events: events, Processes: processes, Log: log,
		store:   openStore(s),
		journal: txn.In(filepath.Join(s.StateDir, "txn")),
		work:    make(chan func(context.Context), workQueued), changes: &changes{}, started: time.Now(), protocol: Globals(s).RouteProtocol}
}

// Run keeps the system as it is wanted until ctx ends. What was applied last is wanted again;
// before the first apply nothing is. ready is called when requests are served.
func (c *Control) Run(ctx context.Context, ready func()) error {
	if err := c.resume(ctx); err != nil {
		return err
	}
	defer c.endProbes()
	var background sync.WaitGroup
	defer background.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	background.Go(func() { c.Engine.Run(ctx) })
	background.Go(func() { c.watchFiles(ctx) })
	ready()
	return c.loop(ctx)
}

// loop does one thing at a time.
func (c *Control) loop(ctx context.Context) error {
	retry := time.NewTimer(time.Hour)
	defer retry.Stop()
	for {
		retry.Reset(c.nextRetry())
		select {
		case <-ctx.Done():
			return nil
		case job := <-c.work:
			job(ctx)
		case <-c.Engine.Wakes():
			c.wake(ctx, c.Engine.TakeDirty())
		case <-retry.C:
			c.repair(ctx)
		}
		c.changes.settle(c.Engine)
		c.checkWindow(ctx)
	}
}

// do has f done by the loop and waits for it.
func (c *Control) do(ctx context.Context, f func(context.Context) error) error {
	done := make(chan error, 1)
	select {
	case c.work <- func(ctx context.Context) { done <- f(ctx) }:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// nextRetry is how long the loop may sleep.
func (c *Control) nextRetry() time.Duration {
	next := c.nextCheck()
	if at := c.Engine.NextRetry(); !at.IsZero() {
		next = min(next, max(time.Until(at), 10*time.Millisecond))
	}
	if at := c.changes.deadline(); !at.IsZero() {
		next = min(next, max(time.Until(at), time.Millisecond))
	}
	return next
}

// revive compiles a stored revision, with the sections it had frozen as they were before.
func (c *Control) revive(r revision.Revision) (*wish, error) {
	from, err := restore(c.store, c.Settings.ConfDir, r.Packages)
	if err != nil {
		return nil, err
	}
	older := &wish{set: &engine.Set{}, from: &candidate{}, frozen: r.Frozen}
	for _, f := range r.Frozen {
		past, err := restore(c.store, c.Settings.ConfDir, f.Packages)
		if err != nil {
			return nil, err
		}
		old := compile(past, nil, c.facts, nil)
		older.set.Keep(old.set, holder(sectionsOf(f)))
	}
	w := compile(from, older, c.facts, c.checkFrozen(r))
	w.frozen = r.Frozen
	return w, nil
}

// checkFrozen asks the drivers about the sections that were wrong when the revision was
// applied. The others were checked then, and what they asked for is not taken away now.
func (c *Control) checkFrozen(r revision.Revision) func(*engine.Set) []engine.Objection {
	var sections []services.Section
	for _, f := range r.Frozen {
		sections = append(sections, sectionsOf(f)...)
	}
	frozen := holder(sections)
	return func(set *engine.Set) []engine.Objection {
		return slices.DeleteFunc(c.Engine.Check(set), func(o engine.Objection) bool { return !frozen(o.Origin) })
	}
}

func sectionsOf(f revision.Frozen) []services.Section {
	sections := make([]services.Section, len(f.Sections))
	for i, s := range f.Sections {
		sections[i] = services.Section(s)
	}
	return sections
}

// adopt makes w the applied wish.
func (c *Control) adopt(w *wish, r revision.Revision) {
	c.mu.Lock()
	before := c.applied
	c.applied, c.revision = w, r
	c.mu.Unlock()
	c.store.Keep(int(w.compiled.Globals.History))
	c.tellPackages(before, w)
}

func (c *Control) current() (*wish, revision.Revision, map[engine.Fact]string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.applied, c.revision, c.facts
}

// wake follows an event of the system: facts are read again, and what may have drifted is
// compared with what is wanted.
func (c *Control) wake(ctx context.Context, kinds []string) {
	if facts, err := c.Engine.Facts(ctx, kinds...); err != nil {
		c.Log.Warn("facts may be old", "error", err)
	} else if c.learn(ctx, facts) {
		return
	}
	c.repair(ctx, kinds...)
}

// learn takes new facts and reports whether the configuration had to be compiled again.
func (c *Control) learn(ctx context.Context, facts map[engine.Fact]string) bool {
	c.mu.Lock()
	before := c.facts
	c.facts = facts
	applied, r := c.applied, c.revision
	c.mu.Unlock()
	c.tellInterfaces(applied, before, facts)
	if applied == nil || !applied.compiled.Stale(facts) {
		return false
	}
	w := compile(applied.from, applied, facts, c.Engine.Check)
	w.frozen = applied.frozen
	c.adopt(w, r)
	c.Engine.SetGoal(w.set)
	c.repair(ctx)
	return true
}

// repairTime bounds a repair.
const repairTime = 30 * time.Second

func (c *Control) repair(ctx context.Context, kinds ...string) {
	ctx, cancel := context.WithTimeout(ctx, repairTime)
	defer cancel()
	if _, err := c.Engine.Repair(ctx, kinds...); err != nil {
		c.Log.Error("cannot repair", "error", err)
	}
}

// Problems returns the user's mistakes in what is applied.
func (c *Control) Problems() []uci.Problem {
	applied, _, _ := c.current()
	if applied == nil {
		return nil
	}
	return applied.problems
}
