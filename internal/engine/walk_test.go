// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"ucid/internal/engine"
	"ucid/internal/engine/enginetest"
)

// The system of the random walk: ports, and lines that need a port; guards are exclusive.
type (
	port  struct{ Name, Colour int }
	line  struct{ Name, Port, Colour int }
	guard struct{ Name, Colour int }
)

func (p port) String() string { return fmt.Sprintf("port %d colour %d", p.Name, p.Colour) }
func (l line) String() string {
	return fmt.Sprintf("line %d on %d colour %d", l.Name, l.Port, l.Colour)
}
func (g guard) String() string { return fmt.Sprintf("guard %d colour %d", g.Name, g.Colour) }

type exclusive[T, K comparable] struct{ *enginetest.Fake[T, K] }

func (exclusive[T, K]) RemoveFirst() {}

// system is a fake whose lines go when their port goes, silently, as routes do.
type system struct {
	*enginetest.Fake[line, int]
	w *walker
}

func (s system) Observe(ctx context.Context) ([]line, error) {
	ports := s.w.ports.Snapshot()
	for name, l := range s.Snapshot() {
		_, ours := ports[l.Port]
		if _, foreign := s.w.ports.ForeignK[l.Port]; !ours && !foreign {
			s.Drift(name)
		}
	}
	return s.Fake.Observe(ctx)
}

// walker owns the fakes and injects the faults.
type walker struct {
	t      *testing.T
	rnd    *rand.Rand
	now    time.Time
	e      *engine.Engine
	ports  *enginetest.Fake[port, int]
	lines  *enginetest.Fake[line, int]
	guards *enginetest.Fake[guard, int]

	breakAt                                      int  // the write that fails for good, counted down; 0: none does
	flaky                                        bool // some writes have to be tried again
	undoing                                      bool // after a final fault
	applied, undone, waited, repaired, conflicts int
}

func newWalker(t *testing.T, seed uint64) *walker {
	w := &walker{t: t, rnd: rand.New(rand.NewPCG(seed, 1)), now: time.Unix(1e9, 0)}
	w.ports = &enginetest.Fake[port, int]{Name: "port", KeyOf: func(p port) int { return p.Name }}
	w.lines = &enginetest.Fake[line, int]{Name: "line", KeyOf: func(l line) int { return l.Name },
		NeedsOf: func(l line, need func(engine.Ref)) { need(engine.Ref{Kind: "port", Name: fmt.Sprint(l.Port)}) }}
	w.guards = &enginetest.Fake[guard, int]{Name: "guard", KeyOf: func(g guard) int { return g.Name },
		NeedsOf: func(_ guard, need func(engine.Ref)) { need(engine.Ref{Kind: "line"}) }}
	w.ports.FaultOf = func(engine.Change[port]) error { return w.fault() }
	w.lines.FaultOf = w.lineFault
	w.guards.FaultOf = func(engine.Change[guard]) error { return w.fault() }
	w.e = engine.New(engine.Options{Now: func() time.Time { return w.now }})
	engine.Add(w.e, exclusive[guard, int]{w.guards}) // registered against the order of the needs
	engine.Add[line, int](w.e, system{w.lines, w})
	engine.Add[port, int](w.e, w.ports)
	return w
}

// lineFault knows the needs of a line as a kernel does.
func (w *walker) lineFault(c engine.Change[line]) error {
	if c.Op != engine.Remove {
		_, ours := w.ports.Snapshot()[c.New.Port]
		_, foreign := w.ports.ForeignK[c.New.Port]
		if !ours && !foreign {
			return &engine.Pending{Err: errors.New("no such port")}
		}
	}
	return w.fault()
}

func (w *walker) fault() error {
	if w.undoing {
		return nil
	}
	if w.breakAt > 0 {
		if w.breakAt--; w.breakAt == 0 {
			w.undoing = true
			return errors.New("broken for good")
		}
	}
	if w.flaky && w.rnd.IntN(4) == 0 {
		return &engine.Pending{Err: errors.New("not now")}
	}
	return nil
}

func (w *walker) wish() (*engine.Set, map[int]port, map[int]line, map[int]guard) {
	set := &engine.Set{}
	ports, lines, guards := map[int]port{}, map[int]line{}, map[int]guard{}
	for range w.rnd.IntN(6) {
		p := port{w.rnd.IntN(6), w.rnd.IntN(3)}
		if _, twice := ports[p.Name]; !twice {
			ports[p.Name] = p
			engine.Want(set, p, engine.Origin{})
		}
	}
	for range w.rnd.IntN(8) {
		l := line{w.rnd.IntN(8), w.rnd.IntN(6), w.rnd.IntN(3)}
		if _, twice := lines[l.Name]; !twice {
			lines[l.Name] = l
			engine.Want(set, l, engine.Origin{})
		}
	}
	for range w.rnd.IntN(3) {
		g := guard{w.rnd.IntN(3), w.rnd.IntN(3)}
		if _, twice := guards[g.Name]; !twice {
			guards[g.Name] = g
			engine.Want(set, g, engine.Origin{})
		}
	}
	return set, ports, lines, guards
}

// strangers moves foreign objects in and out of places that are not ours.
func (w *walker) strangers() {
	ours := w.ports.Snapshot()
	w.ports.ForeignK = map[int]port{}
	for range w.rnd.IntN(3) {
		p := port{w.rnd.IntN(6), w.rnd.IntN(3)}
		if _, taken := ours[p.Name]; !taken {
			w.ports.ForeignK[p.Name] = p
		}
	}
}

func (w *walker) state() string {
	system{w.lines, w}.Observe(context.Background())
	return fmt.Sprint(w.ports.Snapshot(), w.lines.Snapshot(), w.guards.Snapshot())
}

func (w *walker) step() {
	ctx := context.Background()
	w.now = w.now.Add(time.Minute)
	w.strangers()
	w.breakAt, w.flaky, w.undoing = 0, w.rnd.IntN(3) == 0, false
	if w.rnd.IntN(4) == 0 {
		w.breakAt = 1 + w.rnd.IntN(6)
	}
	set, ports, lines, guards := w.wish()
	before, strangers := w.state(), maps.Clone(w.ports.ForeignK)
	result, err := w.e.Apply(ctx, set)
	if err != nil {
		w.t.Fatal(err)
	}
	if !maps.Equal(strangers, w.ports.ForeignK) {
		w.t.Fatalf("foreign objects changed: %v, were %v", w.ports.ForeignK, strangers)
	}
	if result.Undone {
		w.undone++
		if after := w.state(); after != before || len(result.Stuck) > 0 {
			w.t.Fatalf("not put back (%v)\n was %s\n is  %s", result.Stuck, before, after)
		}
		return
	}
	w.applied++
	w.proveApplied(set, result, ports, lines, guards)
	w.drift(ctx, guards)
}

// proveApplied checks that exactly what was wanted is there, but for what waits or clashes.
func (w *walker) proveApplied(set *engine.Set, result engine.Result, ports map[int]port, lines map[int]line, guards map[int]guard) {
	w.flaky, w.breakAt = false, 0
	excused := map[engine.Ref]bool{}
	for _, f := range result.Faults {
		excused[f.Ref] = true
		switch f.State {
		case engine.Waiting:
			w.waited++
		case engine.Conflict:
			w.conflicts++
		default:
			w.t.Fatalf("applied, but %v", f)
		}
	}
	for name, other := range w.ports.ForeignK { // its place is taken or the wish satisfied
		delete(ports, name)
		if _, ours := w.ports.Snapshot()[name]; ours {
			w.t.Fatalf("made a port beside the foreign %v", other)
		}
	}
	compare(w.t, "port", excused, ports, w.ports.Snapshot())
	compare(w.t, "line", excused, lines, w.lines.Snapshot())
	compare(w.t, "guard", excused, guards, w.guards.Snapshot())
	plan, err := w.e.Plan(context.Background(), set)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, l := range plan.Lines {
		if !excused[l.Ref] {
			w.t.Fatalf("a second plan is not empty: %s %s", l.Op, l.Text)
		}
	}
}

func compare[T comparable](t *testing.T, kind string, excused map[engine.Ref]bool, want, got map[int]T) {
	for name := range 8 {
		w, wanted := want[name]
		g, there := got[name]
		if (wanted != there || w != g) && !excused[engine.Ref{Kind: kind, Name: fmt.Sprint(name)}] {
			t.Fatalf("%s %d: want %v (%v), got %v (%v); excused: %v", kind, name, w, wanted, g, there, excused)
		}
	}
}

// drift takes one object away and expects it back.
func (w *walker) drift(ctx context.Context, guards map[int]guard) {
	for name, guard := range guards {
		if w.guards.Snapshot()[name] != guard {
			continue // it waits, or something else is still there
		}
		w.guards.Drift(name)
		if _, err := w.e.Repair(ctx, "guard"); err != nil {
			w.t.Fatal(err)
		}
		if w.guards.Snapshot()[name] != guard {
			w.t.Fatalf("%v was not repaired", guard)
		}
		w.repaired++
		return
	}
}

func TestRandomWalk(t *testing.T) {
	const steps = 20_000
	w := newWalker(t, 42)
	for range steps {
		w.step()
	}
	t.Logf("%d steps: %d applied, %d undone; %d objects waited, %d conflicts, %d repairs",
		steps, w.applied, w.undone, w.waited, w.conflicts, w.repaired)
	for _, n := range []int{w.applied, w.undone, w.waited, w.conflicts, w.repaired} {
		if n < 500 {
			t.Error("the walk did not get around enough to prove anything")
		}
	}
}
