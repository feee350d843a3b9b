// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"slices"
	"testing"
	"time"

	"ucid/internal/engine"
	"ucid/internal/kind/proc"
)

func wish() proc.Proc {
	return proc.Proc{
		Name: "web", Command: engine.MakeList("web"), TermAfter: 5 * time.Second,
		Respawn: proc.Respawn{On: true, Threshold: time.Minute, Delay: 3 * time.Second, Retry: 3},
	}
}

func (w *fakeWorld) want(s state) {
	w.t.Helper()
	if w.m.st != s {
		w.t.Fatalf("it is %v, want %v", w.m.st, s)
	}
}

func up(t *testing.T, p proc.Proc) *fakeWorld {
	w := newFake(t, p)
	w.m.start()
	w.want(starting)
	w.born()
	w.want(running)
	return w
}

// Every timer fires in every state; only its own may mind.
func TestTimersIgnoreOtherStates(t *testing.T) {
	for s := idle; s <= stopped; s++ {
		for name, fire := range map[string]struct {
			of state
			f  func(*machine)
		}{
			"kill":    {stopping, (*machine).killNow},
			"respawn": {backoff, (*machine).respawn},
			"ready":   {starting, (*machine).askReady},
			"isReady": {starting, (*machine).isReady},
		} {
			w := newFake(t, wish())
			w.m.st, w.m.up = s, true
			before := *w.m
			fire.f(w.m)
			if s == fire.of {
				continue
			}
			before.seq, before.cancel, w.m.cancel = w.m.seq, nil, nil
			if w.m.st != s || w.forking || w.shot || len(w.timers) > 0 || w.m.restarts != before.restarts {
				t.Errorf("timer %s minds state %v", name, s)
			}
		}
	}
}

func TestRespawnAfterDelay(t *testing.T) {
	w := up(t, wish())
	w.die(0) // exit 0 is no exception
	w.life()
	w.want(backoff)
	w.pass(2999 * time.Millisecond)
	w.want(backoff)
	w.pass(time.Millisecond)
	w.want(starting)
}

func TestBudgetIsRetryPlusOneStarts(t *testing.T) {
	w := up(t, wish())
	for w.m.st != failed {
		w.die(1)
		w.life()
		if w.m.st == backoff {
			w.pass(3 * time.Second)
			w.life()
		}
	}
	if w.starts != 4 {
		t.Errorf("%d starts, want 4", w.starts)
	}
	w.m.start()
	w.life()
	w.die(1)
	w.life()
	w.want(backoff) // the budget is fresh
}

func TestLongRunResetsBudget(t *testing.T) {
	w := up(t, wish())
	for range 20 {
		w.pass(time.Minute)
		w.die(1)
		w.life()
		w.want(backoff)
		w.pass(3 * time.Second)
		w.life()
		w.want(running)
	}
}

func TestAtMostTenRestartsASecond(t *testing.T) {
	p := wish()
	p.Respawn.Delay, p.Respawn.Retry = 0, 0
	w := up(t, p)
	began := w.clock
	for range 100 {
		w.die(1)
		w.life()
		w.pass(w.m.next.Sub(w.clock))
		w.life()
	}
	if took := w.clock.Sub(began); took < 9*time.Second {
		t.Errorf("100 restarts in %v", took)
	}
}

func TestStopWhileForking(t *testing.T) {
	w := newFake(t, wish())
	w.m.start()
	if err := w.m.hold(); err != nil {
		t.Fatal(err)
	}
	w.born()
	w.want(stopping)
	w.die(143)
	w.life()
	w.want(stopped)
}

func TestKillAfterTermAfter(t *testing.T) {
	w := up(t, wish())
	w.m.remove()
	if !w.asked || w.shot {
		t.Fatal("SIGTERM comes first")
	}
	w.pass(4999 * time.Millisecond)
	if w.shot {
		t.Fatal("SIGKILL came too early")
	}
	w.pass(time.Millisecond)
	if !w.shot {
		t.Fatal("no SIGKILL")
	}
	w.life()
	if !w.gone {
		t.Error("it is not forgotten")
	}
}

func TestLeftoversEndBeforeRespawn(t *testing.T) {
	w := up(t, wish())
	w.kids = 2
	w.die(1)
	w.look()
	w.want(stopping)
	w.pass(5 * time.Second)
	if !w.shot {
		t.Fatal("leftovers were not killed")
	}
	w.life()
	w.want(backoff)
}

func TestRestartWhileStopping(t *testing.T) {
	w := up(t, wish())
	_ = w.m.hold()
	w.want(stopping)
	w.m.start()
	w.die(143)
	w.life()
	w.want(running)
	if w.starts != 2 {
		t.Errorf("%d starts", w.starts)
	}
}

func TestStartWhileWaiting(t *testing.T) {
	w := up(t, wish())
	w.die(1)
	w.life()
	w.want(backoff)
	w.m.start()
	w.want(starting)
	w.life()
	w.pass(time.Hour) // the old timer is of no effect
	if w.starts != 2 {
		t.Errorf("%d starts", w.starts)
	}
}

func TestChangeWithBrokenLedger(t *testing.T) {
	w := up(t, wish())
	w.broken = true
	p := wish()
	p.Nice = 5
	if err := w.m.change(p); err == nil || w.m.want != wish() {
		t.Error("a change that cannot be noted was made")
	}
	if err := w.m.hold(); err == nil || w.m.held {
		t.Error("a stop that cannot be noted was made")
	}
	w.want(running)
}

// What a change of each field does to the child.
func TestEffectOfEachField(t *testing.T) {
	base := wish()
	base.Reload = 1
	cases := map[string]struct {
		change func(*proc.Proc)
		want   effect
	}{
		"nothing": {func(*proc.Proc) {}, nothing},
		"data":    {func(p *proc.Proc) { p.Data = engine.MakeMap(map[string]string{"a": "1"}) }, nothing},
		"files":   {func(p *proc.Proc) { p.Files = engine.MakeList("/etc/x=1") }, reload},
		"files, data": {func(p *proc.Proc) {
			p.Files, p.Data = engine.MakeList("/x=1"), engine.MakeMap(map[string]string{"a": "1"})
		}, reload},
		"files, env": {func(p *proc.Proc) {
			p.Files, p.Env = engine.MakeList("/x=1"), engine.MakeMap(map[string]string{"a": "1"})
		}, restart},
		"command":   {func(p *proc.Proc) { p.Command = engine.MakeList("web", "-v") }, restart},
		"env":       {func(p *proc.Proc) { p.Env = engine.MakeMap(map[string]string{"A": "1"}) }, restart},
		"dir":       {func(p *proc.Proc) { p.Dir = "/tmp" }, restart},
		"user":      {func(p *proc.Proc) { p.User = "nobody" }, restart},
		"stdout":    {func(p *proc.Proc) { p.Stdout = true }, restart},
		"limits":    {func(p *proc.Proc) { p.Limits = engine.MakeMap(map[string]string{"core": "0"}) }, restart},
		"no signal": {func(p *proc.Proc) { p.Reload = 0 }, nothing},
		"respawn":   {func(p *proc.Proc) { p.Respawn.Retry++ }, nothing},
		"netdevs":   {func(p *proc.Proc) { p.NetDevs = engine.MakeList("eth0=2") }, restart},
	}
	for name, c := range cases {
		p := base
		c.change(&p)
		if got := effectOf(base, p); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
		w := up(t, base)
		if err := w.m.change(p); err != nil {
			t.Fatal(err)
		}
		if signalled, stopped := len(w.signals) == 1, w.m.st == stopping; signalled != (c.want == reload) || stopped != (c.want == restart) {
			t.Errorf("%s: signalled %v, stopped %v", name, signalled, stopped)
		}
	}
	base.Reload = 0
	p := base
	p.Files = engine.MakeList("/etc/x=1")
	if got := effectOf(base, p); got != restart {
		t.Errorf("files without a signal: %d", got)
	}
}

func TestOneEnvValueIsAChange(t *testing.T) {
	a, b := wish(), wish()
	a.Env = engine.MakeMap(map[string]string{"A": "1"})
	b.Env = engine.MakeMap(map[string]string{"A": "2"})
	if effectOf(a, b) != restart {
		t.Error("a changed last character is not noticed")
	}
}

func TestReadyEndsTheStart(t *testing.T) {
	p := wish()
	p.Ready = "file:/x"
	w := newFake(t, p)
	w.m.start()
	w.born()
	w.want(starting)
	w.pass(time.Minute)
	w.want(starting)
	if !w.waiting {
		t.Fatal("nobody asks whether it is ready")
	}
	w.m.isReady()
	w.want(running)
	if !slices.Equal(w.events, []string{EventStarted}) {
		t.Errorf("events %v", w.events)
	}
}

func TestDelayGrowsAndStartsAnew(t *testing.T) {
	p := wish()
	p.Respawn = proc.Respawn{On: true, Threshold: time.Minute, Delay: time.Second, MaxDelay: 10 * time.Second}
	w := up(t, p)
	crash := func(want time.Duration) {
		t.Helper()
		w.die(1)
		w.life()
		if d := w.m.next.Sub(w.clock); d < want || d > want+want/10 {
			t.Errorf("waits %v, want %v and at most a tenth more", d, want)
		}
		w.pass(w.m.next.Sub(w.clock))
		w.life()
	}
	for _, want := range []time.Duration{1, 2, 4, 8, 10, 10} {
		crash(want * time.Second)
	}
	w.pass(time.Minute)
	crash(time.Second)
}

func TestRespawnOnFailureOnly(t *testing.T) {
	p := wish()
	p.Respawn.OnFailure = true
	w := up(t, p)
	w.die(1)
	w.life()
	w.want(backoff)
	w.pass(3 * time.Second)
	w.life()
	w.die(0)
	w.life()
	w.want(idle)
}
