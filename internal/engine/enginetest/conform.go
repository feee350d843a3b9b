// SPDX-License-Identifier: Apache-2.0

// Package enginetest holds what every driver's tests need: the contract of
// [engine.Driver] as a test, and a driver without a system behind it.
package enginetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"ucid/internal/engine"
)

// patience is how long an object may take to be as it was asked for.
const patience = 10 * time.Second

// Conform checks the contract of [engine.Driver] on d: each golden in turn is applied to
// what the golden before left, must then be observed as it was asked for, and applying it
// once more must be no error. At the end everything is removed again, twice.
// The driver must own nothing at the start.
func Conform[T, K comparable](t *testing.T, d engine.Driver[T, K], goldens ...[]T) {
	t.Helper()
	if d.Kind() == "" {
		t.Fatal("a kind has a name")
	}
	expect(t, d, nil, "at the start")
	for i, golden := range goldens {
		name := fmt.Sprintf("golden %d", i)
		converge(t, d, golden, name)
		expect(t, d, golden, name)
		again(t, d, golden, name)
		expect(t, d, golden, name+" applied twice")
	}
	var last []T
	if len(goldens) > 0 {
		last = goldens[len(goldens)-1]
	}
	converge(t, d, nil, "removal")
	expect(t, d, nil, "after removal")
	var gone []engine.Change[T]
	for _, object := range last {
		gone = append(gone, engine.Change[T]{Op: engine.Remove, Old: object})
	}
	apply(t, d, gone, "removing what is gone")
	expect(t, d, nil, "after removing twice")
}

// observe copies what the driver observes, by key, and fails on a key seen twice.
func observe[T, K comparable](t *testing.T, d engine.Driver[T, K]) map[K]T {
	t.Helper()
	objects, err := d.Observe(context.Background())
	if err != nil {
		t.Fatalf("Observe: %v", err)
	}
	seen := make(map[K]T, len(objects))
	for _, object := range objects {
		if other, twice := seen[d.Key(object)]; twice {
			t.Fatalf("Observe: the same key twice: %v and %v", other, object)
		}
		seen[d.Key(object)] = object
	}
	return seen
}

func expect[T, K comparable](t *testing.T, d engine.Driver[T, K], wanted []T, when string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	pace := time.NewTicker(time.Millisecond)
	defer pace.Stop()
	for {
		problem := compare(observe(t, d), d, wanted)
		if problem == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %s", when, problem)
		}
		<-pace.C
	}
}

func compare[T, K comparable](seen map[K]T, d engine.Driver[T, K], wanted []T) string {
	for _, object := range wanted {
		got, ok := seen[d.Key(object)]
		if !ok {
			return fmt.Sprintf("not observed: %v", object)
		}
		if got != object {
			return fmt.Sprintf("observed differently:\n got %#v\nwant %#v", got, object)
		}
	}
	if len(seen) != len(wanted) {
		return fmt.Sprintf("%d objects observed, %d wanted: %v", len(seen), len(wanted), seen)
	}
	return ""
}

// converge applies the difference between what is observed and what is wanted,
// changes and creations first, as the engine does unless the driver is [engine.Exclusive].
func converge[T, K comparable](t *testing.T, d engine.Driver[T, K], wanted []T, when string) {
	t.Helper()
	seen := observe(t, d)
	var changes, removals []engine.Change[T]
	for _, object := range wanted {
		old, ok := seen[d.Key(object)]
		delete(seen, d.Key(object))
		switch {
		case !ok:
			changes = append(changes, engine.Change[T]{Op: engine.Create, New: object})
		case old != object:
			changes = append(changes, engine.Change[T]{Op: engine.Modify, Old: old, New: object})
		}
	}
	for _, old := range seen {
		removals = append(removals, engine.Change[T]{Op: engine.Remove, Old: old})
	}
	if _, first := any(d).(engine.Exclusive); first {
		changes, removals = removals, changes
	}
	apply(t, d, changes, when)
	apply(t, d, removals, when)
}

func again[T, K comparable](t *testing.T, d engine.Driver[T, K], wanted []T, when string) {
	t.Helper()
	var changes []engine.Change[T]
	for _, object := range wanted {
		changes = append(changes, engine.Change[T]{Op: engine.Create, New: object})
	}
	apply(t, d, changes, when+" again")
}

func apply[T, K comparable](t *testing.T, d engine.Driver[T, K], changes []engine.Change[T], when string) {
	t.Helper()
	if len(changes) == 0 {
		return
	}
	errs := d.Apply(context.Background(), changes)
	if errs != nil && len(errs) != len(changes) {
		t.Fatalf("%s: Apply: %d errors for %d changes", when, len(errs), len(changes))
	}
	for i, err := range errs {
		if err != nil {
			t.Fatalf("%s: %s %v: %v", when, changes[i].Op, changes[i].Object(), err)
		}
	}
}
