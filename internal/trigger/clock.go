// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"strconv"
	"time"
)

// clock makes events of a timer. All timers of a service with the same interval share one.
// The mutex of the bus guards it.
type clock struct {
	owner    *registration // nil once it is stopped
	interval time.Duration
	next     time.Time
	timer    *time.Timer
}

// moveClocks hands the clocks of old to next, starts those that are new and stops those that are
// not wanted any more. Each registration may be nil. b.mu is held.
func (b *Bus) moveClocks(old, next *registration) {
	var have map[time.Duration]*clock
	if old != nil {
		have, old.clocks = old.clocks, nil
	}
	if next != nil {
		next.clocks = map[time.Duration]*clock{}
		for i := range next.list {
			if d := next.list[i].Interval; d > 0 && next.clocks[d] == nil {
				next.clocks[d] = b.clock(have[d], next, d)
				delete(have, d)
			}
		}
	}
	for _, c := range have {
		c.owner = nil
		c.timer.Stop()
	}
}

// clock returns one that ticks for the owner: c if there is one.
func (b *Bus) clock(c *clock, owner *registration, interval time.Duration) *clock {
	if c != nil {
		c.owner = owner
		return c
	}
	c = &clock{owner: owner, interval: interval, next: time.Now().Add(interval)}
	c.timer = time.AfterFunc(interval, func() { b.tick(c) })
	return c
}

// tick fires the event "timer" for the triggers of one service that have the interval of the
// clock. Its data is {service, interval}, the interval in ms.
func (b *Bus) tick(c *clock) {
	r := b.wind(c)
	if r == nil {
		return
	}
	defer b.ticks.Done()
	data := map[string]string{"service": r.service, "interval": strconv.FormatInt(c.interval.Milliseconds(), 10)}
	err := b.match(r, Timer, func(t *Trigger) bool { return t.Interval == c.interval }, data)
	if err != nil {
		b.scheduler.options.Report(Result{Run: Run{Service: r.service, Event: Timer}, Started: time.Now(), Err: err})
	}
}

// wind sets the clock for its next tick and returns who owns it, nil if nobody does. Ticks that
// were missed are left out. The caller says when it is done with the tick.
func (b *Bus) wind(c *clock) *registration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c.owner == nil {
		return nil
	}
	now := time.Now()
	for c.next = c.next.Add(c.interval); !c.next.After(now); {
		c.next = c.next.Add(c.interval)
	}
	c.timer.Reset(c.next.Sub(now))
	b.ticks.Add(1)
	return c.owner
}
