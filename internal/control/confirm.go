// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ucid/internal/event"
	"ucid/internal/probe"
	"ucid/internal/revision"
	"ucid/internal/txn"
)

// A Window is shown while an applied change waits to be confirmed.
type Window struct {
	Change   string        `json:"change"`
	Revision int           `json:"revision"`
	Before   int           `json:"before"` // what it goes back to
	Left     time.Duration `json:"left_ns"`
	Probes   []string      `json:"probes,omitempty"`
}

// warnBefore is how long before the deadline everybody is warned, at most half of the window.
const warnBefore = 30 * time.Second

// arm starts the window of a change that is applied.
func (c *Control) arm(t *transaction, change *Change) error {
	stored, err := c.storeRevision(t, revision.Pending)
	if err == nil {
		t.State, t.After = txn.Armed, stored.ID
		err = c.journal.Write(t.Txn)
	}
	if err != nil {
		change.Outcome, change.Window = Undone, 0
		return errors.Join(err, c.takeBackNow(context.Background(), t, "the window could not be stored"))
	}
	change.Revision = stored.ID
	c.adopt(t.wish, stored)
	c.mu.Lock()
	c.window, c.warned = t, false
	c.mu.Unlock()
	c.noteDifference()
	c.Events.Add(event.Event{Name: "confirm.armed", Subject: t.ID, Text: fmt.Sprintf(
		"goes back to revision %d in %s unless it is confirmed", t.Before, t.Confirm.Left().Round(time.Second))})
	c.startProbes(t)
	return nil
}

// armed returns the change that waits to be confirmed, nil when there is none.
func (c *Control) armed() *transaction {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.window
}

// Window tells of the change that waits to be confirmed; nil when there is none.
func (c *Control) Window() *Window {
	t := c.armed()
	if t == nil {
		return nil
	}
	return &Window{t.ID, t.After, t.Before, t.Confirm.Left(), t.Confirm.Probes}
}

// ErrNothingArmed says that no change waits to be confirmed.
var ErrNothingArmed = errors.New("no change waits to be confirmed")

// Confirm keeps the change that waits; id may be empty. It is on disk when Confirm returns.
func (c *Control) Confirm(ctx context.Context, id string) (Window, error) {
	var w Window
	err := c.do(ctx, func(ctx context.Context) error {
		t := c.armed()
		switch {
		case t == nil:
			return ErrNothingArmed
		case id != "" && id != t.ID:
			return fmt.Errorf("change %s waits to be confirmed, not %s", t.ID, id)
		}
		w = *c.Window()
		if w.Left == 0 {
			return fmt.Errorf("the time to confirm change %s is over; it is taken back", t.ID)
		}
		if err := c.store.SetState(t.After, revision.Applied); err != nil {
			return fmt.Errorf("cannot store the confirmation: %w", err)
		}
		c.disarm()
		c.end()
		c.changes.became(t.ID, Applied, "")
		c.Events.Add(event.Event{Name: "confirm.confirmed", Subject: t.ID})
		c.followUp(ctx)
		return nil
	})
	return w, err
}

func (c *Control) disarm() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.window != nil && c.window.stopProbes != nil {
		c.window.stopProbes()
	}
	c.window = nil
}

// followUp applies what was committed while a change waited, when that is wanted.
func (c *Control) followUp(ctx context.Context) { go c.filesMoved(ctx) }

// became notes what an armed change came to in the end.
func (cs *changes) became(id string, outcome Outcome, why string) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for _, p := range cs.all {
		if p.ID == id && p.Outcome == Armed {
			p.Outcome, p.Error = outcome, why
		}
	}
}

// wasRejected reports whether a configuration was taken back when it was applied last.
func (c *Control) wasRejected(sums map[string]revision.Sum) bool {
	all, _ := c.store.All() // what cannot be read was not rejected
	for _, r := range all {
		if r.State != revision.Saved && len(differing(r.Packages, sums)) == 0 {
			return r.State == revision.Rejected
		}
	}
	return false
}

// checkWindow takes the waiting change back when its time is over, and warns before that.
func (c *Control) checkWindow(ctx context.Context) {
	t := c.armed()
	if t == nil {
		return
	}
	left := t.Confirm.Left()
	if left == 0 {
		if err := c.takeBackNow(ctx, t, "it was not confirmed in time"); err != nil {
			c.Log.Error("rollback", "error", err)
		}
		c.followUp(ctx)
		return
	}
	if c.warned || left > min(warnBefore, t.Confirm.Length/2) {
		return
	}
	c.warned = true
	text := fmt.Sprintf("ucid: change %s is taken back in %s unless somebody types 'ucid confirm'", t.ID, left.Round(time.Second))
	c.Log.Warn(text)
	c.Events.Add(event.Event{Name: "confirm.warning", Subject: t.ID, Text: text})
	go probe.Wall(ctx, text)
}

// windowPace is how often the window is looked at: timers stand still while the machine is
// suspended, and the deadline does not.
const windowPace = time.Second

// nextCheck is how long checkWindow may be put off.
func (c *Control) nextCheck() time.Duration {
	t := c.armed()
	if t == nil {
		return time.Hour
	}
	left := t.Confirm.Left()
	if warn := left - min(warnBefore, t.Confirm.Length/2); warn > 0 && !c.warned {
		return min(warn, windowPace)
	}
	return min(max(left, time.Millisecond), windowPace)
}

// takeBackNow undoes a change whose system part may be applied: files first, then the system.
func (c *Control) takeBackNow(ctx context.Context, t *transaction, why string) error {
	c.disarm()
	t.State, t.Reason = txn.Undoing, why
	if err := c.journal.Write(t.Txn); err != nil {
		c.Log.Error("the journal cannot be written; the rollback goes on", "error", err)
	}
	c.putFilesBack(t)
	err := c.goBack(ctx, t.Before)
	if stored, ok := c.stored(t); ok {
		err = errors.Join(err, c.store.SetState(stored.ID, revision.Rejected))
	}
	c.end()
	c.noteDifference()
	c.changes.became(t.ID, Undone, why)
	c.Log.Warn("rolled back", "change", t.ID, "revision", t.Before, "why", why)
	c.Events.Add(event.Event{Name: "confirm.rolledback", Subject: t.ID, Text: fmt.Sprintf("%s: back to revision %d", why, t.Before)})
	return err
}

// goBack makes a stored revision the wish again; 0 means that nothing is wanted.
func (c *Control) goBack(ctx context.Context, id int) error {
	w, r, err := c.wishOf(id)
	if err != nil {
		return err
	}
	c.adopt(w, r)
	result, err := c.Engine.Apply(ctx, w.set)
	if err != nil || result.Undone {
		c.Engine.SetGoal(w.set) // and go on trying
		return errors.Join(err, fmt.Errorf("not everything went back; it is tried again: %v", result.Faults))
	}
	return nil
}

func (c *Control) wishOf(id int) (*wish, revision.Revision, error) {
	if id == 0 {
		return emptyWish(), revision.Revision{}, nil
	}
	r, err := c.store.Get(id)
	if err != nil {
		return nil, r, err
	}
	w, err := c.revive(r)
	return w, r, err
}
