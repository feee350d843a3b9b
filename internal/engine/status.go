// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// An Object is a wanted object and how it is doing.
type Object struct {
	Ref    Ref       `json:"ref"`
	Text   string    `json:"text"`
	State  State     `json:"state"`
	Reason string    `json:"reason,omitempty"`
	Since  time.Time `json:"since,omitzero"`   // of the state; zero while it is ok
	Retry  time.Time `json:"retry,omitzero"`   // next try by the clock; an event may bring it earlier
	Shared bool      `json:"shared,omitempty"` // satisfied by an identical object that is not ours
	Origin Origin    `json:"origin,omitzero"`
}

// Status returns the wanted objects in order of their kinds. Its argument is asked for each
// whether it is wanted in the result; nil: all.
func (e *Engine) Status(match func(Object) bool) []Object {
	e.mu.Lock()
	defer e.mu.Unlock()
	var objects []Object
	for _, k := range e.kinds {
		k.objects(func(o Object) bool {
			if match == nil || match(o) {
				objects = append(objects, o)
			}
			return true
		})
	}
	return objects
}

// A Count is how many objects of a kind are in which state.
type Count struct {
	Kind   string         `json:"kind"`
	Total  int            `json:"total"`
	States map[string]int `json:"states,omitempty"` // other than ok
}

// Counts summarises the status by kind, without a line for each object.
func (e *Engine) Counts() []Count {
	e.mu.Lock()
	defer e.mu.Unlock()
	var counts []Count
	for _, k := range e.kinds {
		c := Count{Kind: k.name(), States: map[string]int{}}
		if w := k.wish(); w != nil {
			c.Total = w.len()
		}
		for _, state := range k.troubles() {
			c.States[state.String()]++
		}
		counts = append(counts, c)
	}
	return counts
}

// troubles lists the states of objects that are not ok.
func (t *table[T, K]) troubles() []State {
	var states []State
	if t.current == nil {
		return nil
	}
	if prober, ok := t.d.(Prober[T]); ok {
		for _, w := range t.current.items {
			if state, _ := t.health(prober, w.Object); state != OK {
				states = append(states, state)
			}
		}
		return states
	}
	for key, r := range t.records {
		if r.state != OK && t.current.find(key) != nil {
			states = append(states, r.state)
		}
	}
	return states
}

func (t *table[T, K]) health(prober Prober[T], object T) (State, string) {
	if r := t.records[t.d.Key(object)]; r != nil && r.state != OK {
		return r.state, r.text
	}
	h := prober.Probe(object)
	return h.State, h.Text
}

func (t *table[T, K]) objects(yield func(Object) bool) bool {
	if t.current == nil {
		return true
	}
	prober, _ := t.d.(Prober[T])
	for _, w := range t.current.items {
		key := t.d.Key(w.Object)
		o := Object{Ref: t.ref(key), Text: text(w.Object), Origin: w.Origin, Shared: t.shared[key]}
		if prober != nil && !o.Shared {
			o.State, o.Reason = t.health(prober, w.Object)
		}
		if r := t.records[key]; r != nil && r.state != OK {
			o.State, o.Reason, o.Since, o.Retry = r.state, r.text, r.since, r.retry
		}
		if !yield(o) {
			return false
		}
	}
	return true
}

// Unsettled returns those of the objects that are still on their way or have failed since,
// and how long it is worth waiting for the slowest of them.
func (e *Engine) Unsettled(among map[Ref]bool) ([]Fault, time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var faults []Fault
	var limit time.Duration
	for _, k := range e.kinds {
		f, l := k.unsettled(among)
		faults, limit = append(faults, f...), max(limit, l)
	}
	return faults, limit
}

func (t *table[T, K]) unsettled(among map[Ref]bool) (faults []Fault, limit time.Duration) {
	prober, ok := t.d.(Prober[T])
	if !ok || t.current == nil || len(among) == 0 {
		return nil, 0
	}
	for _, w := range t.current.items {
		key := t.d.Key(w.Object)
		if !among[t.ref(key)] || t.shared[key] || t.records[key] != nil && t.records[key].state != OK {
			continue
		}
		h := prober.Probe(w.Object)
		if h.State != OK && h.State != Stopped {
			faults = append(faults, Fault{Ref: t.ref(key), Origin: w.Origin, State: h.State, Text: h.Text})
			limit = max(limit, h.Limit)
		}
	}
	return faults, limit
}

// An Explanation is all that is known of one object.
type Explanation struct {
	Object  Object   `json:"object"`
	Details []string `json:"details,omitempty"` // the driver's, one fact each
}

// Explain finds wanted objects by kind and name; the name may also be that of the section
// that asked.
func (e *Engine) Explain(ctx context.Context, kindName, name string) []Explanation {
	e.mu.Lock()
	defer e.mu.Unlock()
	var found []Explanation
	for _, k := range e.kinds {
		if kindName == "" || k.name() == kindName {
			found = append(found, k.explain(ctx, name)...)
		}
	}
	return found
}

func (t *table[T, K]) explain(ctx context.Context, name string) []Explanation {
	explainer, _ := t.d.(Explainer[K])
	var found []Explanation
	t.objects(func(o Object) bool {
		if o.Ref.Name == name || o.Origin.Section == name {
			found = append(found, Explanation{Object: o})
		}
		return true
	})
	if explainer == nil || t.current == nil {
		return found
	}
	for i := range found {
		for _, w := range t.current.items {
			if key := t.d.Key(w.Object); text(key) == found[i].Object.Ref.Name {
				found[i].Details = explainer.Explain(ctx, key)
				break
			}
		}
	}
	return found
}

// Adopt takes over what somebody else made in the place of a wanted object.
func (e *Engine) Adopt(ctx context.Context, ref Ref) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, k := range e.kinds {
		if k.name() == ref.Kind {
			return k.adopt(ctx, ref.Name)
		}
	}
	return errors.New("there is no kind " + ref.Kind)
}

func (t *table[T, K]) adopt(ctx context.Context, name string) error {
	adopter, ok := t.d.(Adopter[T])
	if !ok {
		return fmt.Errorf("cannot take over a %s", t.d.Kind())
	}
	if t.current != nil {
		for _, w := range t.current.items {
			if key := t.d.Key(w.Object); text(key) == name {
				return adopter.Adopt(ctx, w.Object)
			}
		}
	}
	return fmt.Errorf("no %s %s is wanted", t.d.Kind(), name)
}

// Act hands an action by hand to the driver of the kind.
func (e *Engine) Act(ctx context.Context, kindName, name, action string, args []string) error {
	for _, k := range e.kinds {
		if k.name() != kindName {
			continue
		}
		actor, ok := k.driver().(Actor)
		if !ok || !slices.Contains(actor.Actions(), action) {
			return fmt.Errorf("cannot %s a %s", action, kindName)
		}
		return actor.Act(ctx, name, action, args)
	}
	return errors.New("there is no kind " + kindName)
}
