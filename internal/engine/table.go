// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"fmt"
	"time"
)

// A kind is a table whose types are not known: what the engine does to all of them alike.
type kind interface {
	name() string
	driver() any
	observe(context.Context) error
	aimAt(*Set) (aim, []Clash) // a goal made of what is wanted
	checkpoint() aim           // a goal made of what was observed last
	wish() aim                 // the goal that is kept up; nil before the first
	setWish(aim)               // from now on
	compare(context.Context, aim) (pass, error)
	check(aim) []Objection                // what the driver refuses of it
	objects(yield func(Object) bool) bool // wanted ones and how they do
	troubles() []State
	unsettled(among map[Ref]bool) ([]Fault, time.Duration)
	probes() bool // whether its objects take long
	explain(ctx context.Context, name string) []Explanation
	adopt(ctx context.Context, name string) error
	forget(aim)         // records of what is not in the goal
	retryAt() time.Time // the next time something should be tried again; zero: never
}

// An aim is a *goal[T, K] whose types are not known.
type aim interface{ len() int }

// A goal is a list of wanted objects that can be looked up by key.
type goal[T, K comparable] struct {
	items []Wish[T]
	index map[K]int32
}

func (g *goal[T, K]) len() int { return len(g.items) }

// find returns the wanted object with that key, nil when there is none.
func (g *goal[T, K]) find(key K) *Wish[T] {
	if g == nil {
		return nil
	}
	if i, ok := g.index[key]; ok {
		return &g.items[i]
	}
	return nil
}

// A table is one kind of object: its driver, what is wanted, and how that is doing.
type table[T, K comparable] struct {
	d        Driver[T, K]
	current  *goal[T, K]
	observed []T
	records  map[K]*record
	shared   map[K]bool // wished for, and satisfied by an identical object of somebody else
}

func newTable[T, K comparable](d Driver[T, K]) *table[T, K] {
	return &table[T, K]{d: d, records: map[K]*record{}, shared: map[K]bool{}}
}

func (t *table[T, K]) name() string { return t.d.Kind() }
func (t *table[T, K]) driver() any  { return t.d }

func (t *table[T, K]) probes() bool {
	_, ok := t.d.(Prober[T])
	return ok
}

func (t *table[T, K]) observe(ctx context.Context) error {
	var err error
	if t.observed, err = t.d.Observe(ctx); err != nil {
		return fmt.Errorf("cannot observe %s: %w", t.d.Kind(), err)
	}
	return nil
}

// A Clash is an object that somebody else wants differently already.
type Clash struct {
	Ref    Ref
	Origin Origin // of the one that loses
	With   Origin // of the one that was there first
}

// aimAt makes a goal of the objects of a set. It uses the list of the set itself unless
// objects have to be left out.
func (t *table[T, K]) aimAt(set *Set) (aim, []Clash) {
	l := listOf[T](set)
	g := &goal[T, K]{items: l.items, index: make(map[K]int32, len(l.items))}
	var clashes []Clash
	n := 0 // taken so far
	for i, w := range l.items {
		key := t.d.Key(w.Object)
		first, twice := g.index[key]
		switch {
		case !twice:
			g.index[key] = int32(n)
			if n < i {
				g.items = append(g.items, w)
			}
			n++
		case n == i: // the first to be left out
			g.items = append(make([]Wish[T], 0, len(l.items)), l.items[:n]...)
			fallthrough
		default:
			if fresh := i < len(l.items)-l.kept; fresh && g.items[first].Object != w.Object {
				clashes = append(clashes, Clash{t.ref(key), w.Origin, g.items[first].Origin})
			}
		}
	}
	return g, clashes
}

func (t *table[T, K]) checkpoint() aim {
	g := &goal[T, K]{items: make([]Wish[T], len(t.observed)), index: make(map[K]int32, len(t.observed))}
	for i, object := range t.observed {
		g.items[i].Object = object
		g.index[t.d.Key(object)] = int32(i)
	}
	return g
}

func (t *table[T, K]) wish() aim {
	if t.current == nil {
		return nil
	}
	return t.current
}

func (t *table[T, K]) setWish(a aim) { t.current = a.(*goal[T, K]) }

func (t *table[T, K]) forget(a aim) {
	g := a.(*goal[T, K])
	for key, r := range t.records {
		if g.find(key) == nil && r.state != Waiting { // a removal may wait, too
			delete(t.records, key)
		}
	}
	for key := range t.shared {
		if g.find(key) == nil {
			delete(t.shared, key)
		}
	}
}

func (t *table[T, K]) check(a aim) []Objection {
	checker, ok := t.d.(Checker[T])
	if !ok {
		return nil
	}
	var objections []Objection
	for _, w := range a.(*goal[T, K]).items {
		key := t.d.Key(w.Object)
		if now := t.current.find(key); now != nil && now.Object == w.Object {
			continue
		}
		if err := checker.Check(w.Object); err != nil {
			objections = append(objections, Objection{t.ref(key), w.Origin, err.Error()})
		}
	}
	return objections
}

func (t *table[T, K]) ref(key K) Ref { return Ref{t.d.Kind(), text(key)} }

// text is what people see of a key or an object.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case fmt.Stringer:
		return v.String()
	}
	return fmt.Sprint(v)
}

func (t *table[T, K]) retryAt() time.Time {
	var first time.Time
	for _, r := range t.records {
		if r.state != OK && !r.retry.IsZero() && (first.IsZero() || r.retry.Before(first)) {
			first = r.retry
		}
	}
	return first
}
