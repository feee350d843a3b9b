// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"time"
)

// A pass is the difference between what one kind is and what it should be.
type pass interface {
	of() kind
	len() int
	op(i int) Op
	ref(i int) Ref
	needs(i int, need func(Ref))
	line(i int) Line
	arrange(level []int32)                           // sort the changes by level
	apply(ctx context.Context, from, to int) []Fault // a batch of them
	conflicts() []Fault

	// What is remembered of the objects: only an apply and a repair do that, a plan does not.
	noteConflicts(now time.Time) []Fault
	holdBack(now time.Time) []Fault                   // repair only: leaves out what must wait; returns what has become contested
	note(from, to int, faults []Fault, now time.Time) // the outcome of a batch
	settle(now time.Time)                             // what is as wanted without a change
	onlyWaiting() bool
}

// A Fault is a change that did not work, or an object that cannot be as wanted.
type Fault struct {
	Ref    Ref    `json:"ref"`
	Origin Origin `json:"origin,omitzero"`
	State  State  `json:"state"`
	Text   string `json:"text"`
	Err    error  `json:"-"`
	index  int
}

func (f Fault) Error() string {
	s := f.Ref.Kind + " " + f.Ref.Name + ": " + f.Text
	if at := f.Origin.String(); at != "" {
		s = at + ": " + s
	}
	return s
}

// An Objection is what a check says against a wanted object.
type Objection struct {
	Ref    Ref
	Origin Origin
	Text   string
}

type draft[T, K comparable] struct {
	t       *table[T, K]
	aim     *goal[T, K]
	changes []Change[T]
	clashes []Fault
	same    []K // satisfied by a foreign object
	taken   []K // by a foreign object, parallel to clashes
}

func (p *draft[T, K]) of() kind           { return p.t }
func (p *draft[T, K]) len() int           { return len(p.changes) }
func (p *draft[T, K]) conflicts() []Fault { return p.clashes }

func (p *draft[T, K]) op(i int) Op { return p.changes[i].Op }

func (p *draft[T, K]) ref(i int) Ref {
	return p.t.ref(p.t.d.Key(p.changes[i].Object()))
}

func (p *draft[T, K]) needs(i int, need func(Ref)) { p.t.d.Needs(p.changes[i].Object(), need) }

// compare finds what has to be done so that the observed objects become those of the goal.
func (t *table[T, K]) compare(ctx context.Context, a aim) (pass, error) {
	g := a.(*goal[T, K])
	p := &draft[T, K]{t: t, aim: g}
	seen := make([]bool, len(g.items))
	for _, object := range t.observed {
		i, wanted := g.index[t.d.Key(object)]
		switch {
		case !wanted || seen[i]:
			p.changes = append(p.changes, Change[T]{Op: Remove, Old: object})
			continue
		case g.items[i].Object != object:
			p.changes = append(p.changes, Change[T]{Modify, object, g.items[i].Object})
		}
		seen[i] = true
	}
	var missing []T
	for i := range g.items {
		if !seen[i] {
			missing = append(missing, g.items[i].Object)
		}
	}
	return p, p.create(ctx, missing)
}

// create adds what is missing to the changes, unless somebody else's object is in the place.
func (p *draft[T, K]) create(ctx context.Context, missing []T) error {
	var found []Standing
	if surveyor, ok := p.t.d.(Surveyor[T]); ok && len(missing) > 0 {
		var err error
		if found, err = surveyor.Foreign(ctx, missing); err != nil {
			return fmt.Errorf("cannot tell whose the %s objects are: %w", p.t.d.Kind(), err)
		}
	}
	for i, object := range missing {
		switch key := p.t.d.Key(object); {
		case found != nil && found[i].Same:
			p.same = append(p.same, key)
		case found != nil && found[i].Owner != "":
			p.taken = append(p.taken, key)
			p.clashes = append(p.clashes, Fault{
				Ref: p.t.ref(key), Origin: p.origin(object), State: Conflict,
				Text: "its place is taken by " + found[i].Owner + "; it is left alone",
			})
		default:
			p.changes = append(p.changes, Change[T]{Op: Create, New: object})
		}
	}
	return nil
}

// origin is who asked for the object, or had asked for the one that goes.
func (p *draft[T, K]) origin(object T) Origin {
	key := p.t.d.Key(object)
	if w := p.aim.find(key); w != nil && w.Origin != (Origin{}) {
		return w.Origin
	}
	if w := p.t.current.find(key); w != nil {
		return w.Origin
	}
	return Origin{}
}

func (p *draft[T, K]) arrange(level []int32) {
	if b := (byLevel[T]{p.changes, level}); !sort.IsSorted(b) {
		sort.Stable(b)
	}
}

type byLevel[T comparable] struct {
	changes []Change[T]
	level   []int32
}

func (b byLevel[T]) Len() int           { return len(b.changes) }
func (b byLevel[T]) Less(i, j int) bool { return b.level[i] < b.level[j] }
func (b byLevel[T]) Swap(i, j int) {
	b.changes[i], b.changes[j] = b.changes[j], b.changes[i]
	b.level[i], b.level[j] = b.level[j], b.level[i]
}

func (p *draft[T, K]) apply(ctx context.Context, from, to int) []Fault {
	batch := p.changes[from:to]
	var faults []Fault
	for i, err := range p.t.d.Apply(ctx, batch) {
		if err == nil {
			continue
		}
		f := Fault{
			Ref: p.t.ref(p.t.d.Key(batch[i].Object())), Origin: p.origin(batch[i].Object()),
			State: Failed, Text: err.Error(), Err: err, index: from + i,
		}
		if pending := (*Pending)(nil); errors.As(err, &pending) {
			f.State = Waiting
		}
		faults = append(faults, f)
	}
	return faults
}
