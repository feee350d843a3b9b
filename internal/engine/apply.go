// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"fmt"
	"time"
)

// Rounds of an apply: the first makes the changes, each other one proves them by observing
// and mends what is not as it should be.
const maxRounds = 4

// An undo tries longer than an apply, whatever became of the context of the apply.
const (
	undoRounds = 2 * maxRounds
	undoTime   = 30 * time.Second
)

// A Result says what an apply or a repair did.
type Result struct {
	Created int     `json:"created"`
	Changed int     `json:"changed"`
	Removed int     `json:"removed"`
	Faults  []Fault `json:"faults,omitempty"` // what is not as wanted, and why
	Undone  bool    `json:"undone,omitempty"` // a change failed for good, so all was put back
	Stuck   []Fault `json:"stuck,omitempty"`  // what could not be put back

	Lines   []Line       `json:"-"` // the first operations, at most linesKept
	Touched map[Ref]bool `json:"-"` // created and changed objects that take long, see Unsettled
}

// Empty reports whether nothing was changed.
func (r Result) Empty() bool { return r.Created+r.Changed+r.Removed == 0 }

// Failed returns the faults that are not just waiting for something.
func (r Result) Failed() []Fault {
	var failed []Fault
	for _, f := range r.Faults {
		if f.State != Waiting {
			failed = append(failed, f)
		}
	}
	return failed
}

// run is one convergence: an apply, a repair or an undo.
type run struct {
	e      *Engine
	kinds  []kind
	aims   []aim
	result Result
	verbs  map[Op]string // for events
	made   int           // changes made in the last round
	behind []Fault       // what waited in the last round
}

var (
	madeVerbs   = map[Op]string{Create: "created", Modify: "changed", Remove: "removed"}
	mendedVerbs = map[Op]string{Create: "repaired", Modify: "repaired", Remove: "removed"}
)

// Apply makes the system equal to set, whole or not at all, and keeps it up from then on.
// On a final error everything is put back and the former goal stays. An error is returned
// when the system could not be observed; nothing was touched then.
func (e *Engine) Apply(ctx context.Context, set *Set) (Result, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	aims, _ := e.aims(set)
	r := &run{e: e, kinds: e.kinds, aims: aims, verbs: madeVerbs}
	before, err := r.checkpoint(ctx)
	if err != nil {
		return Result{}, err
	}
	final, err := r.apply(ctx)
	if err != nil || final {
		if err != nil {
			r.result.Faults = append(r.result.Faults, Fault{State: Failed, Text: err.Error(), Err: err})
		}
		e.undo(ctx, before, &r.result)
		return r.result, nil
	}
	for i, k := range e.kinds {
		k.setWish(aims[i])
		k.forget(aims[i])
	}
	return r.result, nil
}

// checkpoint observes everything and returns it as a goal.
func (r *run) checkpoint(ctx context.Context) ([]aim, error) {
	var before []aim
	for _, k := range r.kinds {
		if err := k.observe(ctx); err != nil {
			return nil, err
		}
		before = append(before, k.checkpoint())
	}
	return before, nil
}

// apply converges and reports whether something failed for good. The checkpoint has
// observed already.
func (r *run) apply(ctx context.Context) (final bool, err error) {
	for round := range maxRounds {
		passes, err := r.compare(ctx, round > 0)
		if err != nil {
			return true, err
		}
		r.settle(passes)
		last := round == maxRounds-1
		if total(passes) == 0 || (last || round > 0 && r.made == 0) && onlyWaiting(passes) {
			r.conclude(passes)
			return false, nil
		}
		if last {
			r.unsteady(passes)
			return true, nil
		}
		if r.take(ctx, order(passes)) {
			return true, nil
		}
	}
	return false, nil
}

// compare finds the difference between the kinds and their goals.
func (r *run) compare(ctx context.Context, observe bool) ([]pass, error) {
	passes := make([]pass, len(r.kinds))
	for i, k := range r.kinds {
		if observe {
			if err := k.observe(ctx); err != nil {
				return nil, err
			}
		}
		var err error
		if passes[i], err = k.compare(ctx, r.aims[i]); err != nil {
			return nil, err
		}
	}
	return passes, nil
}

func (r *run) settle(passes []pass) {
	now := r.e.now()
	for _, p := range passes {
		for _, f := range p.noteConflicts(now) {
			r.e.event(Event{"conflict", f.Ref, f.Origin, f.Text})
		}
		p.settle(now)
	}
}

// conclude collects what is not as wanted at the end of a convergence.
func (r *run) conclude(passes []pass) {
	if total(passes) > 0 {
		r.result.Faults = append(r.result.Faults, r.behind...)
	}
	for _, p := range passes {
		r.result.Faults = append(r.result.Faults, p.conflicts()...)
	}
}

// unsteady blames what still differs after the last round.
func (r *run) unsteady(passes []pass) {
	for _, p := range passes {
		for i := range p.len() {
			line := p.line(i)
			r.result.Faults = append(r.result.Faults, Fault{Ref: line.Ref, Origin: line.Origin, State: Failed,
				Text: "is not as it was set, however often it is set"})
		}
	}
}

// take makes the changes, up to the first that fails for good, which it reports.
func (r *run) take(ctx context.Context, steps []step) (final bool) {
	r.made, r.behind = 0, nil
	for _, s := range steps {
		failed := r.batch(ctx, s)
		r.result.Faults = append(r.result.Faults, failed...)
		if len(failed) > 0 {
			return true
		}
	}
	return false
}

// batch makes the changes of one step and returns those that failed for good.
func (r *run) batch(ctx context.Context, s step) (failed []Fault) {
	faults := s.pass.apply(ctx, s.from, s.to)
	s.pass.note(s.from, s.to, faults, r.e.now())
	r.count(s, faults)
	for _, f := range faults {
		if f.State == Failed {
			failed = append(failed, f)
		} else {
			r.behind = append(r.behind, f)
		}
	}
	return failed
}

// eventsPerBatch is how many changes of one batch are told one by one.
const eventsPerBatch = 50

// linesKept is how many operations a result tells one by one.
const linesKept = 100

// count adds a batch to the result and tells of it.
func (r *run) count(s step, faults []Fault) {
	failed := make(map[int]bool, len(faults))
	for _, f := range faults {
		failed[f.index] = true
	}
	for i := s.from; i < s.to; i++ {
		if failed[i] {
			continue
		}
		r.made++
		switch s.pass.op(i) {
		case Create:
			r.result.Created++
		case Modify:
			r.result.Changed++
		case Remove:
			r.result.Removed++
		}
		if s.to-s.from <= eventsPerBatch {
			r.tell(s.pass, i)
		}
		if len(r.result.Lines) < linesKept {
			r.result.Lines = append(r.result.Lines, s.pass.line(i))
		}
		if s.pass.of().probes() && s.pass.op(i) != Remove {
			r.touch(s.pass.ref(i))
		}
	}
	if n := s.to - s.from; n > eventsPerBatch {
		name := s.pass.of().name()
		r.e.event(Event{Name: r.verbs[s.pass.op(s.from)], Ref: Ref{Kind: name}, Text: fmt.Sprintf("%d objects", n-len(faults))})
	}
}

func (r *run) touch(ref Ref) {
	if r.result.Touched == nil {
		r.result.Touched = map[Ref]bool{}
	}
	r.result.Touched[ref] = true
}

func (r *run) tell(p pass, i int) {
	line := p.line(i)
	r.e.event(Event{r.verbs[line.Op], line.Ref, line.Origin, line.Text})
}

// undo puts back what was observed before and names what would not go back.
func (e *Engine) undo(ctx context.Context, before []aim, result *Result) {
	result.Undone = true
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
	defer cancel()
	r := &run{e: e, kinds: e.kinds, aims: before}
	for round := range undoRounds {
		passes, err := r.compare(ctx, true)
		if err != nil {
			result.Stuck = append(result.Stuck, Fault{State: Failed, Text: err.Error(), Err: err})
			return
		}
		if total(passes) == 0 {
			for _, p := range passes {
				p.settle(e.now())
			}
			break
		}
		if round == undoRounds-1 {
			r.unsteady(passes)
			result.Stuck = append(result.Stuck, r.result.Faults...)
			break
		}
		for _, s := range order(passes) {
			for _, f := range s.pass.apply(ctx, s.from, s.to) {
				e.log.Warn("cannot undo yet", "object", f.Ref, "error", f.Text)
			}
		}
	}
	e.forgetAll()
}

// forgetAll drops records of objects that only the failed goal wanted.
func (e *Engine) forgetAll() {
	for _, k := range e.kinds {
		if w := k.wish(); w != nil {
			k.forget(w)
		}
	}
}

func total(passes []pass) int {
	n := 0
	for _, p := range passes {
		n += p.len()
	}
	return n
}

func onlyWaiting(passes []pass) bool {
	for _, p := range passes {
		if !p.onlyWaiting() {
			return false
		}
	}
	return true
}
