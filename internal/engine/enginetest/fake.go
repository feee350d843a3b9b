// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"context"
	"sync"

	"ucid/internal/engine"
)

// A Fake is a driver whose system is a map. Faults and foreign objects are put into it by
// the test. Its methods may be called from several goroutines.
type Fake[T, K comparable] struct {
	Name     string // the kind
	KeyOf    func(T) K
	NeedsOf  func(T, func(engine.Ref))    // nil: no needs
	FaultOf  func(engine.Change[T]) error // nil: no faults
	ForeignK map[K]T                      // objects of others; never changed here

	mu     sync.Mutex
	ours   map[K]T
	wake   func()
	writes int
}

// Kind returns the Name.
func (f *Fake[T, K]) Kind() string { return f.Name }

// Key returns KeyOf(object).
func (f *Fake[T, K]) Key(object T) K { return f.KeyOf(object) }

// Needs asks NeedsOf.
func (f *Fake[T, K]) Needs(object T, need func(engine.Ref)) {
	if f.NeedsOf != nil {
		f.NeedsOf(object, need)
	}
}

// Observe lists the objects that Apply made.
func (f *Fake[T, K]) Observe(context.Context) ([]T, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	objects := make([]T, 0, len(f.ours))
	for _, object := range f.ours {
		objects = append(objects, object)
	}
	return objects, nil
}

// Apply makes the changes that FaultOf lets pass.
func (f *Fake[T, K]) Apply(_ context.Context, changes []engine.Change[T]) []error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ours == nil {
		f.ours = map[K]T{}
	}
	errs := make([]error, len(changes))
	for i, c := range changes {
		if f.FaultOf != nil {
			if errs[i] = f.FaultOf(c); errs[i] != nil {
				continue
			}
		}
		f.writes++
		if c.Op == engine.Remove {
			delete(f.ours, f.KeyOf(c.Old))
		} else {
			f.ours[f.KeyOf(c.New)] = c.New
		}
	}
	return errs
}

// Foreign tells what ForeignK holds.
func (f *Fake[T, K]) Foreign(_ context.Context, objects []T) ([]engine.Standing, error) {
	found := make([]engine.Standing, len(objects))
	for i, object := range objects {
		if other, ok := f.ForeignK[f.KeyOf(object)]; ok {
			found[i] = engine.Standing{Same: other == object, Owner: "somebody else"}
		}
	}
	return found, nil
}

// Watch wakes the engine after each Drift.
func (f *Fake[T, K]) Watch(ctx context.Context, wake func()) error {
	f.mu.Lock()
	f.wake = wake
	f.mu.Unlock()
	<-ctx.Done()
	return nil
}

// Drift takes an object away behind the engine's back.
func (f *Fake[T, K]) Drift(key K) {
	f.mu.Lock()
	delete(f.ours, key)
	wake := f.wake
	f.mu.Unlock()
	if wake != nil {
		wake()
	}
}

// Snapshot copies what exists and is ours.
func (f *Fake[T, K]) Snapshot() map[K]T {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := make(map[K]T, len(f.ours))
	for k, v := range f.ours {
		m[k] = v
	}
	return m
}

// Writes counts the changes made.
func (f *Fake[T, K]) Writes() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.writes
}
