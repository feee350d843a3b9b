// SPDX-License-Identifier: Apache-2.0

// Package engine makes the system equal to what the configuration asks for.
//
// Services say which objects they want ([Want]); drivers know how to observe and change
// one kind of object ([Driver]); the engine compares the two, orders the difference by
// need, applies it whole or not at all, proves it by observing again and repairs drift.
// It knows nothing of routes, processes or files, and nothing of UCI.
package engine

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// A Driver converges one kind of object.
//
// T is the object, a comparable value: two objects are the same when they are ==. It holds
// no slice, map or pointer (see [List], [Map] and [Secret]), and its String method is the
// text people see in a plan. K is its identity, what stays the same when the object is
// changed in place: the table, prefix and metric of a route, the name of a process.
type Driver[T, K comparable] interface {
	// Kind is the noun people use: "route", "proc". It never changes.
	Kind() string
	// Key returns the identity of an object.
	Key(T) K
	// Needs calls need for each thing that must exist before the object can.
	Needs(object T, need func(Ref))
	// Observe returns the objects that exist and are ours, in the very form a service
	// asks for: applying what was observed must change nothing. The slice is the
	// driver's and holds until its next Observe.
	Observe(context.Context) ([]T, error)
	// Apply makes the changes and returns one error for each of them, or nil when all
	// went well. It is idempotent: creating what is there already as asked for, and
	// removing what is gone, are no errors. It never changes an object that is not
	// ours. An error says what could not be done, "cannot install …: …"; one that can cure
	// itself is a [Pending], every other one is final.
	// Apply does not wait for long things: it sets what is wanted and returns, see [Prober].
	Apply(context.Context, []Change[T]) []error
}

// A Ref names an object of any kind, for ordering. An empty Name means every object of the kind.
type Ref struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
}

func (r Ref) String() string { return r.Kind + ":" + r.Name }

// Op says what a change does.
type Op uint8

const (
	Create Op = iota + 1
	Modify
	Remove
)

var opNames = [...]string{"none", "create", "change", "remove"}

func (o Op) String() string { return opNames[o] }

// Sign is the one-letter form of a plan: + create, ~ change, - remove.
func (o Op) Sign() string {
	return [...]string{" ", "+", "~", "-"}[o]
}

// MarshalText writes the word.
func (o Op) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads the word.
func (o *Op) UnmarshalText(text []byte) error {
	i := slices.Index(opNames[:], string(text))
	if i < 0 {
		return fmt.Errorf("there is no operation %q", text)
	}
	*o = Op(i)
	return nil
}

// A Change is one operation. Old is the zero value for Create, New for Remove.
type Change[T comparable] struct {
	Op       Op
	Old, New T
}

// Object is the object the change is about: the new one, or the one that goes.
func (c Change[T]) Object() T {
	if c.Op == Remove {
		return c.Old
	}
	return c.New
}

// Pending is an error that an event can cure: the device is not there yet, the network is
// unreachable, the peer does not answer. The object waits and is tried again.
type Pending struct {
	Err  error
	Cure string // what it waits for: "when eth1 comes up"
}

func (p *Pending) Error() string {
	if p.Cure == "" {
		return p.Err.Error() + " (will retry)"
	}
	return p.Err.Error() + " (will retry " + p.Cure + ")"
}

func (p *Pending) Unwrap() error { return p.Err }

// The interfaces below are optional: the engine looks for each of them on every driver.

// A Watcher notices when its kind of object may have drifted. Watch calls wake for that, as
// often as it likes, until ctx ends. It never carries data: after a lost event a wake is enough.
// An error ends the watch for good and is shown as a failure of the kind.
type Watcher interface {
	Watch(ctx context.Context, wake func()) error
}

// A Fact is something services ask about the world: topic "link.up", name "eth0".
type Fact struct {
	Topic, Name string
}

// A FactSource publishes facts. Facts is called at start, before each apply, and after each
// wake of its Watch; what it leaves out is not so.
type FactSource interface {
	Kind() string
	Facts(context.Context) (map[Fact]string, error)
}

// A Checker refuses an object before anything is touched: an unknown user, a missing program.
type Checker[T comparable] interface {
	Check(T) error
}

// A Standing is what Foreign found in the place of a wanted object.
type Standing struct {
	Same  bool   // an identical object is there: the wish is satisfied and stays foreign
	Owner string // who made it, in people's words; empty: the place is free
}

// A Surveyor knows what others own. Foreign is asked about objects that would be created
// and returns one Standing for each. A different object in the place is a conflict: it is
// reported with its owner and left alone.
type Surveyor[T comparable] interface {
	Foreign(context.Context, []T) ([]Standing, error)
}

// An Adopter can take over an object of somebody else that stands in the place of a wanted
// one, on purpose: afterwards it is ours and as wanted.
type Adopter[T comparable] interface {
	Adopt(context.Context, T) error
}

// Health is how a long thing is doing.
type Health struct {
	State State
	Text  string        // why it is not [OK]; "" otherwise
	Limit time.Duration // how long an apply waits for it while it is [Waiting]; 0: not at all
}

// A Prober tells how an object of long life is doing after Apply: a process that is
// starting, a connection that is being negotiated. Progress is announced by its Watch.
type Prober[T comparable] interface {
	Probe(T) Health
}

// An Explainer adds to "ucid why" what the driver knows about an object, one fact a line.
type Explainer[K comparable] interface {
	Explain(context.Context, K) []string
}

// A Forecaster says what a change does to the people behind it: "in place, no packet lost",
// "restarts the process".
type Forecaster[T comparable] interface {
	Effect(Change[T]) string
}

// An Exclusive driver's objects are removed before new ones are created, because two of
// them may claim the same thing: two daemons the same port.
type Exclusive interface {
	RemoveFirst()
}

// An Actor does what people ask of one object by hand: start, stop, reconnect.
type Actor interface {
	Actions() []string
	Act(ctx context.Context, name, action string, args []string) error
}
