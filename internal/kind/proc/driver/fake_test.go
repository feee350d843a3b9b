// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"errors"
	"testing"
	"time"

	"ucid/internal/kind/proc"
)

// A fakeWorld is a clock and what lives under one machine, without processes.
type fakeWorld struct {
	t      *testing.T
	clock  time.Time
	timers map[*fakeTimer]struct{}
	m      *machine

	forking  bool
	main     bool // the main process lives
	kids     int  // descendants that live
	asked    bool // they got SIGTERM
	shot     bool // they got SIGKILL
	sweeping bool
	gone     bool // forgotten
	broken   bool // the ledger cannot be written
	pid      int
	starts   int
	signals  []int
	events   []string
	waiting  bool // for readiness
	stale    bool // a file has changed
}

type fakeTimer struct {
	at time.Time
	f  func()
}

func newFake(t *testing.T, want proc.Proc) *fakeWorld {
	w := &fakeWorld{t: t, clock: time.Unix(1e9, 0), timers: map[*fakeTimer]struct{}{}}
	w.m = &machine{h: w, want: want, run: want}
	return w
}

func (w *fakeWorld) spawn(proc.Proc) {
	if w.forking || w.main || w.kids > 0 {
		w.t.Fatalf("two at once: forking %v, main %v, %d descendants", w.forking, w.main, w.kids)
	}
	w.forking, w.stale = true, false
	w.starts++
}

func (w *fakeWorld) signal(sig int) error {
	if !w.main {
		return ErrNotRunning
	}
	w.signals = append(w.signals, sig)
	return nil
}

func (w *fakeWorld) term()           { w.asked = true }
func (w *fakeWorld) kill()           { w.shot, w.sweeping = true, w.sweeping || !w.main }
func (w *fakeWorld) sweep()          { w.sweeping = true }
func (w *fakeWorld) ready(proc.Proc) { w.waiting = true }
func (w *fakeWorld) now() time.Time  { return w.clock }
func (w *fakeWorld) moved() bool     { return w.stale }
func (w *fakeWorld) reread()         { w.stale = false }
func (w *fakeWorld) adjust()         {}
func (w *fakeWorld) tell(what string) {
	w.events = append(w.events, what)
}

func (w *fakeWorld) save() error {
	if w.broken {
		return errors.New("no space left on device")
	}
	return nil
}

func (w *fakeWorld) forget() {
	if w.forking || w.main || w.kids > 0 {
		w.t.Fatal("an orphan is left")
	}
	w.gone = true
}

func (w *fakeWorld) after(d time.Duration, f func()) func() {
	timer := &fakeTimer{w.clock.Add(d), f}
	w.timers[timer] = struct{}{}
	return func() { delete(w.timers, timer) }
}

// born answers a spawn.
func (w *fakeWorld) born() {
	w.forking, w.main, w.asked, w.shot, w.waiting = false, true, false, false, false
	w.pid++
	w.m.spawned(w.pid)
	w.m.execed()
}

// die ends the main process.
func (w *fakeWorld) die(code int) {
	w.main = false
	w.m.exited(Exit{Time: w.clock, Code: code})
}

// look answers a sweep.
func (w *fakeWorld) look() {
	w.sweeping = false
	if w.shot {
		w.kids = 0
	}
	w.asked = true
	w.m.swept(w.kids)
}

// next is the timer that fires first.
func (w *fakeWorld) next() *fakeTimer {
	var first *fakeTimer
	for timer := range w.timers {
		if first == nil || timer.at.Before(first.at) {
			first = timer
		}
	}
	return first
}

// pass lets time pass, firing what is due in its order.
func (w *fakeWorld) pass(d time.Duration) {
	end := w.clock.Add(d)
	for {
		timer := w.next()
		if timer == nil || timer.at.After(end) {
			w.clock = end
			return
		}
		delete(w.timers, timer)
		w.clock = timer.at
		timer.f()
	}
}

// life runs the world until nothing is left to answer.
func (w *fakeWorld) life() {
	for w.forking || w.sweeping || w.main && w.shot {
		switch {
		case w.forking:
			w.born()
		case w.sweeping:
			w.look()
		default:
			w.die(137)
		}
	}
}
