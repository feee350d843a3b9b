// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// An Engine converges all kinds of objects. Its methods may be called from several
// goroutines; one runs at a time.
type Engine struct {
	log   *slog.Logger
	now   func() time.Time
	event func(Event)

	mu      gate
	kinds   []kind
	sources []FactSource

	factsMu sync.Mutex
	facts   map[string]map[Fact]string // the last answer of each source

	wakeMu sync.Mutex
	dirty  map[string]bool
	broken map[string]string // kinds whose watch has ended, with the reason
	wakes  chan struct{}
}

// Event is something that happened to an object.
type Event struct {
	Name   string // "created", "changed", "removed", "repaired", "failed", "conflict", "contested"
	Ref    Ref
	Origin Origin
	Text   string
}

// Options of an Engine; the zero value will do.
type Options struct {
	Log   *slog.Logger
	Now   func() time.Time
	Event func(Event) // called for each thing that happens; must not block
}

// New returns an engine without drivers.
func New(o Options) *Engine {
	e := &Engine{mu: make(gate, 1), log: o.Log, now: o.Now, event: o.Event, dirty: map[string]bool{},
		facts: map[string]map[Fact]string{}, broken: map[string]string{}, wakes: make(chan struct{}, 1)}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	if e.now == nil {
		e.now = time.Now
	}
	if e.event == nil {
		e.event = func(Event) {}
	}
	return e
}

// Add registers a driver. The order of registration decides between changes that do not
// need each other. It must happen before Run.
func Add[T, K comparable](e *Engine, d Driver[T, K]) {
	e.kinds = append(e.kinds, newTable(d))
	if source, ok := any(d).(FactSource); ok {
		e.sources = append(e.sources, source)
	}
}

// AddSource registers something that has facts and no objects.
func (e *Engine) AddSource(s FactSource) { e.sources = append(e.sources, s) }

// Facts collects what all sources know. Only those of the named kinds are asked, all of them
// when none is named; of the others the last answer counts.
func (e *Engine) Facts(ctx context.Context, names ...string) (map[Fact]string, error) {
	e.factsMu.Lock()
	defer e.factsMu.Unlock()
	all := map[Fact]string{}
	var failed error
	for _, s := range e.sources {
		if len(names) == 0 || slices.Contains(names, s.Kind()) {
			facts, err := s.Facts(ctx)
			if err != nil {
				failed = errors.Join(failed, err)
			}
			e.facts[s.Kind()] = facts
		}
		maps.Copy(all, e.facts[s.Kind()])
	}
	return all, failed
}

// Run watches until ctx ends. What it notices arrives in [Engine.Wakes].
func (e *Engine) Run(ctx context.Context) {
	var watches sync.WaitGroup
	for name, w := range e.watchers() {
		watches.Go(func() {
			err := w.Watch(ctx, func() { e.Wake(name) })
			if err != nil && ctx.Err() == nil {
				e.watchEnded(name, err)
			}
		})
	}
	watches.Wait()
}

func (e *Engine) watchers() map[string]Watcher {
	all := map[string]Watcher{}
	for _, s := range e.sources {
		if w, ok := s.(Watcher); ok {
			all[s.Kind()] = w
		}
	}
	for _, k := range e.kinds {
		if w, ok := k.driver().(Watcher); ok {
			all[k.name()] = w
		}
	}
	return all
}

func (e *Engine) watchEnded(name string, err error) {
	e.wakeMu.Lock()
	e.broken[name] = err.Error()
	e.wakeMu.Unlock()
	e.log.Error("drift is not noticed any more", "kind", name, "error", err)
	e.event(Event{Name: "failed", Ref: Ref{Kind: name}, Text: "drift is not noticed any more: " + err.Error()})
}

// Wake marks a kind as perhaps drifted.
func (e *Engine) Wake(kind string) {
	e.wakeMu.Lock()
	e.dirty[kind] = true
	e.wakeMu.Unlock()
	select {
	case e.wakes <- struct{}{}:
	default:
	}
}

// Wakes receives after one or more kinds have been marked; see [Engine.TakeDirty].
func (e *Engine) Wakes() <-chan struct{} { return e.wakes }

// TakeDirty returns the marked kinds and unmarks them.
func (e *Engine) TakeDirty() []string {
	e.wakeMu.Lock()
	defer e.wakeMu.Unlock()
	names := slices.Sorted(maps.Keys(e.dirty))
	clear(e.dirty)
	return names
}

// aims makes a goal of each kind from the set.
func (e *Engine) aims(set *Set) ([]aim, []Clash) {
	var aims []aim
	var clashes []Clash
	for _, k := range e.kinds {
		a, c := k.aimAt(set)
		aims = append(aims, a)
		clashes = append(clashes, c...)
	}
	return aims, clashes
}

// Check says what is wrong with a set before anything is touched: two sections that want the
// same thing differently, and what drivers refuse. Objects that are wanted already in the
// same form are not asked about.
func (e *Engine) Check(set *Set) []Objection {
	e.mu.Lock()
	defer e.mu.Unlock()
	aims, clashes := e.aims(set)
	var objections []Objection
	for _, c := range clashes {
		objections = append(objections, Objection{c.Ref, c.Origin,
			c.Ref.Kind + " " + c.Ref.Name + " is asked for already at " + c.With.String()})
	}
	for i, k := range e.kinds {
		objections = append(objections, k.check(aims[i])...)
	}
	return objections
}

// NextRetry is when [Engine.Repair] should be called even if nothing wakes; zero: never.
func (e *Engine) NextRetry() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	var first time.Time
	for _, k := range e.kinds {
		if t := k.retryAt(); !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}
