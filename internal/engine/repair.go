// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"slices"
)

// Repair makes the named kinds as they are wanted, all kinds when none is named. It is what
// follows a wake or a retry. Before the first Apply or Adopt it does nothing: the engine
// has no goal then. A failure of one object is remembered and tried again later; it undoes nothing.
func (e *Engine) Repair(ctx context.Context, names ...string) (Result, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := &run{e: e, verbs: mendedVerbs}
	for _, k := range e.kinds {
		if w := k.wish(); w != nil && (len(names) == 0 || slices.Contains(names, k.name())) {
			r.kinds = append(r.kinds, k)
			r.aims = append(r.aims, w)
		}
	}
	return r.repair(ctx)
}

// repair makes one round: what it changes wakes the watch, which proves it.
func (r *run) repair(ctx context.Context) (Result, error) {
	passes, err := r.compare(ctx, true)
	if err != nil {
		return r.result, err
	}
	r.settle(passes)
	r.holdBack(passes)
	for _, s := range order(passes) {
		for _, f := range r.batch(ctx, s) {
			r.result.Faults = append(r.result.Faults, f)
			r.e.event(Event{"failed", f.Ref, f.Origin, f.Text})
		}
	}
	r.conclude(passes)
	if r.made > 0 && len(r.behind) > 0 {
		r.again() // what waited may have been waiting for what was made
	}
	return r.result, nil
}

// again wakes the kinds that have something waiting.
func (r *run) again() {
	for _, f := range r.behind {
		r.e.Wake(f.Ref.Kind)
	}
}

// holdBack leaves out what was repaired too often and what failed not long ago.
func (r *run) holdBack(passes []pass) {
	now := r.e.now()
	for _, p := range passes {
		for _, f := range p.holdBack(now) {
			r.result.Faults = append(r.result.Faults, f)
			r.e.event(Event{"contested", f.Ref, f.Origin, f.Text})
		}
	}
}

// SetGoal makes set what Repair converges to, without doing anything now.
func (e *Engine) SetGoal(set *Set) {
	e.mu.Lock()
	defer e.mu.Unlock()
	aims, _ := e.aims(set)
	for i, k := range e.kinds {
		k.setWish(aims[i])
		k.forget(aims[i])
	}
}
