// SPDX-License-Identifier: Apache-2.0

package apply_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"ucid/internal/engine"
	"ucid/internal/engine/enginetest"
)

// thing is an object of a fake kind.
type thing struct {
	Name  string
	Value int
}

func (t thing) String() string { return fmt.Sprintf("%s=%d", t.Name, t.Value) }

// stubborn is a driver that fails, or says it did what it did not do.
type stubborn struct {
	*enginetest.Fake[thing, string]
	refuse func(engine.Change[thing]) bool // with an error
	ignore func(engine.Change[thing]) bool // without a word
}

func (s *stubborn) Apply(ctx context.Context, changes []engine.Change[thing]) []error {
	errs := make([]error, len(changes))
	for i, c := range changes {
		switch {
		case s.refuse != nil && s.refuse(c):
			errs[i] = errors.New("cannot set " + c.Object().String())
		case s.ignore != nil && s.ignore(c):
		default:
			errs[i] = errors.Join(s.Fake.Apply(ctx, []engine.Change[thing]{c})...)
		}
	}
	return errs
}

// withThings is an engine that has applied a=1 and b=1.
func withThings(t *testing.T) (*engine.Engine, *stubborn) {
	t.Helper()
	d := &stubborn{Fake: &enginetest.Fake[thing, string]{Name: "thing", KeyOf: func(t thing) string { return t.Name }}}
	e := engine.New(engine.Options{})
	engine.Add[thing, string](e, d)
	if result, err := e.Apply(t.Context(), things(thing{"a", 1}, thing{"b", 1})); err != nil || result.Undone {
		t.Fatalf("%+v, %v", result, err)
	}
	return e, d
}

func things(all ...thing) *engine.Set {
	set := &engine.Set{}
	for _, t := range all {
		engine.Want(set, t, engine.Origin{Package: "p", File: "/p", Line: t.Value})
	}
	return set
}

func TestUndoIsProvedByObserving(t *testing.T) {
	e, d := withThings(t)
	d.refuse = func(c engine.Change[thing]) bool { return c.New == thing{"b", 2} }
	result, err := e.Apply(t.Context(), things(thing{"a", 2}, thing{"b", 2}, thing{"c", 2}))
	if err != nil || !result.Undone || len(result.Stuck) > 0 || len(result.Faults) != 1 || !strings.Contains(result.Faults[0].Error(), "cannot set b=2") {
		t.Errorf("%+v, %v", result, err)
	}
	if got := fmt.Sprint(d.Snapshot()); got != "map[a:a=1 b:b=1]" {
		t.Errorf("the system has %s", got)
	}
}

func TestWhatCannotBeUndoneIsNamed(t *testing.T) {
	for name, lie := range map[string]bool{"refused": false, "ignored": true} {
		t.Run(name, func(t *testing.T) {
			e, d := withThings(t)
			failed := false
			back := func(c engine.Change[thing]) bool { return failed && c.New == thing{"a", 1} }
			d.refuse = func(c engine.Change[thing]) bool {
				if c.New == (thing{"b", 2}) {
					failed = true
					return true
				}
				return !lie && back(c)
			}
			d.ignore = func(c engine.Change[thing]) bool { return lie && back(c) }
			result, err := e.Apply(t.Context(), things(thing{"a", 2}, thing{"b", 2}))
			if err != nil || !result.Undone || len(result.Stuck) != 1 || result.Stuck[0].Ref.Name != "a" {
				t.Fatalf("%+v, %v", result, err)
			}
			d.refuse, d.ignore = nil, nil // the former goal was kept: a repair gets there
			if _, err := e.Repair(t.Context()); err != nil || fmt.Sprint(d.Snapshot()) != "map[a:a=1 b:b=1]" {
				t.Errorf("%v: the system has %v", err, d.Snapshot())
			}
		})
	}
}

// A driver that says it did what it did not do is found out.
func TestVerifyLooks(t *testing.T) {
	e, d := withThings(t)
	d.ignore = func(c engine.Change[thing]) bool { return c.New == thing{"b", 2} }
	result, err := e.Apply(t.Context(), things(thing{"a", 2}, thing{"b", 2}))
	if err != nil || !result.Undone || len(result.Faults) == 0 || result.Faults[0].Ref.Name != "b" {
		t.Errorf("%+v, %v", result, err)
	}
	if got := fmt.Sprint(d.Snapshot()); got != "map[a:a=1 b:b=1]" {
		t.Errorf("the system has %s", got)
	}
}

// What waits for an event is no reason to undo.
func TestPendingKeepsTheRest(t *testing.T) {
	e, d := withThings(t)
	d.FaultOf = func(c engine.Change[thing]) error {
		if c.New == (thing{"b", 2}) {
			return &engine.Pending{Err: errors.New("no peer"), Cure: "when it answers"}
		}
		return nil
	}
	result, err := e.Apply(t.Context(), things(thing{"a", 2}, thing{"b", 2}))
	if err != nil || result.Undone || len(result.Failed()) > 0 || len(result.Faults) == 0 {
		t.Errorf("%+v, %v", result, err)
	}
	if got := d.Snapshot()["a"].Value; got != 2 {
		t.Errorf("a=%d, want 2", got)
	}
	d.FaultOf = nil
	if _, err := e.Repair(t.Context()); err != nil || d.Snapshot()["b"].Value != 2 {
		t.Errorf("%v: %v", err, d.Snapshot())
	}
}
