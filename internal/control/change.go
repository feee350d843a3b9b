// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"ucid/internal/engine"
	"ucid/internal/revision"
	"ucid/uci"
)

// Outcome is how a change ended.
type Outcome string

const (
	Running   Outcome = "running"
	Applied   Outcome = "applied"
	Armed     Outcome = "armed"     // applied, and taken back unless it is confirmed
	Unchanged Outcome = "unchanged" // there was nothing to do
	Undone    Outcome = "undone"    // it failed, and everything was put back
	Refused   Outcome = "refused"   // nothing was touched
)

// A Change is one request to apply a configuration, and what became of it.
type Change struct {
	ID       string         `json:"id"`
	Outcome  Outcome        `json:"outcome"`
	Revision int            `json:"revision,omitempty"` // that is applied after it
	Who      string         `json:"who,omitempty"`
	Started  time.Time      `json:"started"`
	Took     time.Duration  `json:"took_ns"`             // until everything was settled
	Window   time.Duration  `json:"window_ns,omitempty"` // in which it has to be confirmed
	Created  int            `json:"created"`
	Changed  int            `json:"changed"`
	Removed  int            `json:"removed"`
	Problems []uci.Problem  `json:"problems,omitempty"` // the user's, and warnings
	Faults   []engine.Fault `json:"faults,omitempty"`   // the system's
	Stuck    []engine.Fault `json:"stuck,omitempty"`    // what an undo could not put back
	Error    string         `json:"error,omitempty"`
}

// OK reports whether everything is as the configuration says, or on its way there.
func (c Change) OK() bool {
	for _, p := range c.Problems {
		if !p.Warning {
			return false
		}
	}
	for _, f := range c.Faults {
		if f.State != engine.Waiting {
			return false
		}
	}
	return c.Outcome != Undone && c.Outcome != Refused && len(c.Stuck) == 0
}

// changesKept is how many changes can be asked for after they ended.
const changesKept = 100

// changes are those of this daemon's life. The one that is settling last waits for objects
// that take long.
type changes struct {
	mu       sync.Mutex
	next     int
	all      []*pendingChange
	settling *pendingChange
	limit    time.Time
}

// pendingChange is a change whose result people may wait for.
type pendingChange struct {
	Change
	done    chan struct{}
	end     func(Change)
	touched map[engine.Ref]bool // objects of long life that it changed
}

// numberFrom makes the numbers go on after those of the stored revisions, so that the name of
// a change of a former daemon is not given to another soon.
func (cs *changes) numberFrom(all []revision.Revision) {
	for _, r := range all {
		if n, err := strconv.Atoi(strings.TrimPrefix(r.Change, "c")); err == nil {
			cs.next = max(cs.next, n)
		}
	}
}

func (cs *changes) begin(who string, end func(Change)) *pendingChange {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.next++
	p := &pendingChange{done: make(chan struct{}), end: end,
		Change: Change{ID: "c" + strconv.Itoa(cs.next), Outcome: Running, Who: who, Started: time.Now()}}
	if cs.all = append(cs.all, p); len(cs.all) > changesKept {
		cs.all = cs.all[1:]
	}
	return p
}

// finish ends a change at once.
func (cs *changes) finish(p *pendingChange, result Change) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.finishLocked(p, result)
}

func (cs *changes) finishLocked(p *pendingChange, result Change) {
	result.Took = time.Since(result.Started)
	p.Change = result
	close(p.done)
	p.end(result)
}

// settleMost bounds how long a change waits for the objects it touched.
const settleMost = 30 * time.Second

// await ends a change when the objects it touched have settled, or at the limit. A change
// that was still settling ends with what it has.
func (cs *changes) await(p *pendingChange, result Change, touched map[engine.Ref]bool, limit time.Duration) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if former := cs.settling; former != nil {
		cs.finishLocked(former, former.Change)
	}
	p.Change, p.touched = result, touched
	cs.settling, cs.limit = p, time.Now().Add(min(limit, settleMost))
}

// settle ends the change that is waiting when nothing is on its way any more.
func (cs *changes) settle(e *engine.Engine) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.settling == nil {
		return
	}
	unsettled, limit := e.Unsettled(cs.settling.touched)
	if limit > 0 && time.Now().Before(cs.limit) {
		return
	}
	p := cs.settling
	cs.settling = nil
	result := p.Change
	result.Faults = append(result.Faults, unsettled...)
	cs.finishLocked(p, result)
}

// deadline is when settle must be called; zero: never.
func (cs *changes) deadline() time.Time {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.settling == nil {
		return time.Time{}
	}
	return cs.limit
}

// ErrNoChange says that there is no change of that name.
var ErrNoChange = errors.New("no such change")

// Wait returns a change when it has ended. An empty id means the newest.
func (c *Control) Wait(ctx context.Context, id string) (Change, error) {
	p := c.changes.find(id)
	if p == nil {
		return Change{}, ErrNoChange
	}
	select {
	case <-p.done:
		return c.changes.copyOf(p), nil
	case <-ctx.Done():
		return c.changes.copyOf(p), ctx.Err()
	}
}

func (cs *changes) find(id string) *pendingChange {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for i := len(cs.all) - 1; i >= 0; i-- {
		if id == "" || cs.all[i].ID == id {
			return cs.all[i]
		}
	}
	return nil
}

func (cs *changes) copyOf(p *pendingChange) Change {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return p.Change
}
