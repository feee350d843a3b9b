// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ucid/internal/engine"
	"ucid/internal/engine/enginetest"
)

// item is an object whose needs are told by the test.
type item struct{ Name, Value string }

func (i item) String() string { return i.Name + "=" + i.Value }

// deed is what a recorder saw.
type deed struct {
	op   engine.Op
	name string
}

func (d deed) String() string { return d.op.Sign() + d.name }

type bench struct {
	e     *engine.Engine
	fake  *enginetest.Fake[item, string]
	now   time.Time
	deeds []deed
	fault map[string]error
	event []string
}

func newBench(needs map[string]string) *bench {
	b := &bench{now: time.Unix(1e9, 0), fault: map[string]error{}}
	b.fake = &enginetest.Fake[item, string]{Name: "item", KeyOf: func(i item) string { return i.Name },
		NeedsOf: func(i item, need func(engine.Ref)) {
			for _, n := range strings.Fields(needs[i.Name]) {
				need(engine.Ref{Kind: "item", Name: n})
			}
		},
		FaultOf: func(c engine.Change[item]) error {
			b.deeds = append(b.deeds, deed{c.Op, c.Object().Name})
			return b.fault[c.Object().String()]
		}}
	b.e = engine.New(engine.Options{Now: func() time.Time { return b.now },
		Event: func(e engine.Event) { b.event = append(b.event, e.Name+" "+e.Ref.Name) }})
	engine.Add[item, string](b.e, b.fake)
	return b
}

func wish(items ...string) *engine.Set {
	set := &engine.Set{}
	for _, i := range items {
		name, value, _ := strings.Cut(i, "=")
		engine.Want(set, item{name, value}, engine.Origin{File: "f", Line: 1, Section: name})
	}
	return set
}

func (b *bench) apply(t *testing.T, items ...string) engine.Result {
	t.Helper()
	b.deeds = nil
	r, err := b.e.Apply(context.Background(), wish(items...))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (b *bench) repair(t *testing.T) engine.Result {
	t.Helper()
	b.deeds = nil
	r, err := b.e.Repair(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func expectDeeds(t *testing.T, b *bench, want string) {
	t.Helper()
	if got := strings.Trim(fmt.Sprint(b.deeds), "[]"); got != want {
		t.Errorf("did %q, want %q", got, want)
	}
}

func TestOrderFollowsNeeds(t *testing.T) {
	b := newBench(map[string]string{"a": "b", "b": "c", "d": "a c"})
	b.apply(t, "a", "b", "c", "d")
	expectDeeds(t, b, "+c +b +a +d")
	b.apply(t, "c")
	expectDeeds(t, b, "-d -a -b")
}

func TestCircleOfNeedsEnds(t *testing.T) {
	b := newBench(map[string]string{"a": "b", "b": "a"})
	if r := b.apply(t, "a", "b"); r.Undone || r.Created != 2 {
		t.Errorf("got %+v", r)
	}
}

func TestNothingHappensBeforeTheFirstApply(t *testing.T) {
	b := newBench(nil)
	b.fake.Apply(context.Background(), []engine.Change[item]{{Op: engine.Create, New: item{"old", "1"}}})
	if r := b.repair(t); !r.Empty() || len(b.deeds) > 0 {
		t.Errorf("did %v", b.deeds)
	}
}

func TestNoChangeDoesNothing(t *testing.T) {
	b := newBench(nil)
	b.apply(t, "a=1", "b=2")
	writes := b.fake.Writes()
	if r := b.apply(t, "b=2", "a=1"); !r.Empty() || b.fake.Writes() != writes {
		t.Errorf("%+v, %d writes", r, b.fake.Writes()-writes)
	}
}

func TestFinalErrorUndoesAll(t *testing.T) {
	b := newBench(map[string]string{"z": "a b"})
	b.apply(t, "a=1", "gone=1")
	b.fault["z=1"] = errors.New("invalid argument")
	r := b.apply(t, "a=2", "b=1", "z=1")
	if !r.Undone || len(r.Stuck) > 0 {
		t.Fatalf("got %+v", r)
	}
	if want := map[string]item{"a": {"a", "1"}, "gone": {"gone", "1"}}; fmt.Sprint(b.fake.Snapshot()) != fmt.Sprint(want) {
		t.Errorf("left %v", b.fake.Snapshot())
	}
	if f := r.Faults; len(f) != 1 || f[0].State != engine.Failed || !strings.Contains(f[0].Error(), "f:1: item z: invalid argument") {
		t.Errorf("faults: %v", f)
	}
	if r := b.repair(t); !r.Empty() {
		t.Errorf("the former goal is not kept: %+v", r)
	}
}

func TestWhatCannotBeUndoneIsNamed(t *testing.T) {
	b := newBench(map[string]string{"z": "a"})
	b.apply(t, "a=1")
	b.fault["z=1"], b.fault["a=1"] = errors.New("no"), errors.New("never again")
	r := b.apply(t, "a=2", "z=1")
	if !r.Undone || len(r.Stuck) != 1 || r.Stuck[0].Ref.Name != "a" {
		t.Errorf("got %+v", r)
	}
}

func TestWaitingObjectsComeLater(t *testing.T) {
	b := newBench(nil)
	b.fault["b=1"] = &engine.Pending{Err: errors.New("no such device"), Cure: "when eth7 appears"}
	r := b.apply(t, "a=1", "b=1")
	if r.Undone || len(r.Faults) != 1 || r.Faults[0].State != engine.Waiting {
		t.Fatalf("got %+v", r)
	}
	s := b.e.Status(func(o engine.Object) bool { return o.State != engine.OK })
	if len(s) != 1 || !strings.Contains(s[0].Reason, "(will retry when eth7 appears)") {
		t.Errorf("status: %+v", s)
	}
	if b.e.NextRetry().IsZero() {
		t.Error("it is not tried again by itself")
	}
	delete(b.fault, "b=1")
	b.repair(t)
	if s := b.e.Status(func(o engine.Object) bool { return o.State != engine.OK }); len(s) != 0 {
		t.Errorf("status: %+v", s)
	}
}

func TestContestedObjectIsRepairedLessAndLess(t *testing.T) {
	b := newBench(nil)
	b.apply(t, "a=1")
	repairs := 0
	for range 600 { // ten minutes, somebody takes it away each second
		b.now = b.now.Add(time.Second)
		b.fake.Drift("a")
		if r := b.repair(t); r.Created > 0 {
			repairs++
		}
	}
	if repairs < 5 || repairs > 15 {
		t.Errorf("%d repairs in ten minutes", repairs)
	}
	if s := b.e.Status(nil); s[0].State != engine.Contested {
		t.Errorf("status: %+v", s)
	}
	if !slices.Contains(b.event, "contested a") {
		t.Error("nobody was told")
	}
	b.now = b.now.Add(10 * time.Minute)
	b.repair(t)
	b.now = b.now.Add(2 * time.Minute)
	b.repair(t)
	if s := b.e.Status(nil); s[0].State != engine.OK {
		t.Errorf("it has rested: %+v", s)
	}
}

func TestForeignObjects(t *testing.T) {
	b := newBench(nil)
	b.fake.ForeignK = map[string]item{"same": {"same", "1"}, "taken": {"taken", "theirs"}}
	r := b.apply(t, "same=1", "taken=1", "own=1")
	expectDeeds(t, b, "+own")
	if len(r.Faults) != 1 || r.Faults[0].State != engine.Conflict || r.Undone {
		t.Errorf("got %+v", r)
	}
	states := map[string]string{}
	for _, o := range b.e.Status(nil) {
		states[o.Ref.Name] = fmt.Sprint(o.State, o.Shared)
	}
	if want := "map[own:ok false same:ok true taken:conflict false]"; fmt.Sprint(states) != want {
		t.Errorf("got %v", states)
	}
	b.apply(t)
	expectDeeds(t, b, "-own")
	b.apply(t, "same=1")
	b.fake.ForeignK = nil
	b.repair(t)
	expectDeeds(t, b, "+same")
}

func TestTwoWishesForOneThing(t *testing.T) {
	b := newBench(nil)
	objections := b.e.Check(wish("a=1", "b=1", "a=2", "b=1"))
	if len(objections) != 1 || objections[0].Ref.Name != "a" {
		t.Errorf("got %+v", objections)
	}
}

func TestKeptObjectsYield(t *testing.T) {
	b := newBench(nil)
	set, former := wish("a=new"), wish("a=old", "b=old", "c=old")
	set.Keep(former, func(o engine.Origin) bool { return o.Section != "c" })
	if objections := b.e.Check(set); len(objections) > 0 {
		t.Errorf("got %+v", objections)
	}
	if _, err := b.e.Apply(context.Background(), set); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(b.fake.Snapshot()); got != "map[a:a=new b:b=old]" {
		t.Errorf("got %s", got)
	}
}

func TestPlanWritesNothingAndHidesSecrets(t *testing.T) {
	type vault struct {
		Name string
		Key  engine.Secret
	}
	fake := &enginetest.Fake[vault, string]{Name: "vault", KeyOf: func(v vault) string { return v.Name }}
	e := engine.New(engine.Options{})
	engine.Add[vault, string](e, fake)
	ask := func(key string) *engine.Set {
		set := &engine.Set{}
		engine.Want(set, vault{"v", engine.MakeSecret(key)}, engine.Origin{})
		return set
	}
	if _, err := e.Apply(context.Background(), ask("hunter2")); err != nil {
		t.Fatal(err)
	}
	writes := fake.Writes()
	plan, err := e.Plan(context.Background(), ask("hunter3"))
	if err != nil || len(plan.Lines) != 1 || len(plan.Lines[0].Fields) != 1 {
		t.Fatalf("got %+v, %v", plan, err)
	}
	if text := fmt.Sprintf("%+v", plan); strings.Contains(text, "hunter") || fake.Writes() != writes {
		t.Errorf("shown or written: %s", text)
	}
}

func TestRunWakes(t *testing.T) {
	b := newBench(nil)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { b.e.Run(ctx); close(ended) }()
	b.apply(t, "a=1")
	deadline := time.After(10 * time.Second)
	for woken := false; !woken; {
		b.fake.Drift("a") // until the watch is there to notice
		select {
		case <-b.e.Wakes():
			woken = slices.Contains(b.e.TakeDirty(), "item")
		case <-deadline:
			t.Fatal("no wake")
		default:
		}
	}
	cancel()
	<-ended
}

func TestFakeConforms(t *testing.T) {
	fake := &enginetest.Fake[item, string]{Name: "item", KeyOf: func(i item) string { return i.Name }}
	enginetest.Conform(t, fake, []item{{"a", "1"}, {"b", "2"}}, []item{{"b", "3"}}, nil, []item{{"a", "1"}})
}
