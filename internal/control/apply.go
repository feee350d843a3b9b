// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"fmt"
	"time"

	"ucid/internal/engine"
	"ucid/internal/event"
	"ucid/internal/revision"
	"ucid/uci"
)

// applyTime bounds an apply, without the time its objects need to settle.
const applyTime = 2 * time.Minute

// A Request says what to apply and for whom.
type Request struct {
	Who     string `json:"-"`
	Message string `json:"message,omitempty"`
}

// Apply starts to apply the committed configuration and returns at once; [Control.Wait] waits
// for the result. Changes are made one after the other.
func (c *Control) Apply(ctx context.Context, r Request) (Change, error) {
	p := c.changes.begin(r.Who, c.tellEnd)
	job := func(ctx context.Context) { c.apply(ctx, p, r) }
	select {
	case c.work <- job:
		return c.changes.copyOf(p), nil
	case <-ctx.Done():
		refused := c.changes.copyOf(p)
		refused.Outcome, refused.Error = Refused, "another change is still being applied"
		c.changes.finish(p, refused)
		return refused, nil
	}
}

func (c *Control) tellEnd(change Change) {
	c.Events.Add(event.Event{Name: "apply." + string(change.Outcome), Subject: change.ID,
		Text: fmt.Sprintf("%d created, %d changed, %d removed, %d problems",
			change.Created, change.Changed, change.Removed, len(change.Problems)+len(change.Faults))})
}

func (c *Control) apply(ctx context.Context, p *pendingChange, r Request) {
	ctx, cancel := context.WithTimeout(ctx, applyTime)
	defer cancel()
	change := c.changes.copyOf(p)
	w, before := c.prepare(ctx)
	change.Problems, change.Revision = w.problems, before.ID
	result, err := c.Engine.Apply(ctx, w.set)
	if err != nil {
		change.Outcome, change.Error = Refused, err.Error()
		c.changes.finish(p, change)
		return
	}
	change.Created, change.Changed, change.Removed = result.Created, result.Changed, result.Removed
	change.Faults, change.Stuck = result.Faults, result.Stuck
	if result.Undone {
		change.Outcome = Undone
		c.noteDifference()
		c.changes.finish(p, change)
		return
	}
	change.Outcome = Applied
	if result.Empty() {
		change.Outcome = Unchanged
	}
	c.remember(w, r, &change)
	_, limit := c.Engine.Unsettled(result.Touched)
	c.changes.await(p, change, result.Touched, limit)
}

// prepare reads and compiles the committed configuration.
func (c *Control) prepare(ctx context.Context) (*wish, revision.Revision) {
	if facts, err := c.Engine.Facts(ctx); err == nil {
		c.mu.Lock()
		c.facts = facts
		c.mu.Unlock()
	}
	applied, r, facts := c.current()
	return compile(read(c.Settings.ConfDir, fromOf(applied)), applied, facts, c.Engine.Check), r
}

func fromOf(w *wish) *candidate {
	if w == nil {
		return nil
	}
	return w.from
}

// remember stores what was applied, when it differs from what is stored, and makes it the
// applied wish.
func (c *Control) remember(w *wish, r Request, change *Change) {
	_, last, _ := c.current()
	if last.ID == 0 || len(differing(w.from.sums(), last.Packages)) > 0 || !sameFrozen(w.frozen, last.Frozen) {
		stored, err := c.store.Add(revision.Revision{Time: change.Started, Who: r.Who, Message: r.Message,
			Frozen: w.frozen}, w.from.contents)
		if err != nil {
			c.Log.Error("the applied revision is not stored: a restart would go back", "error", err)
			change.Faults = append(change.Faults, engine.Fault{State: engine.Failed,
				Text: "applied, but not stored, so a restart goes back to the revision before: " + err.Error()})
		} else {
			last = stored
		}
	}
	change.Revision = last.ID
	c.adopt(w, last)
	c.noteDifference()
}

func sameFrozen(a, b []revision.Frozen) bool { return fmt.Sprint(a) == fmt.Sprint(b) }

// A Plan is what an apply would do now.
type Plan struct {
	Lines     []engine.Line  `json:"changes"`
	Conflicts []engine.Fault `json:"conflicts,omitempty"`
	Problems  []uci.Problem  `json:"problems,omitempty"`
	First     bool           `json:"first,omitempty"` // nothing was applied yet
}

// Plan says what an apply of the committed configuration would do. It writes nothing.
func (c *Control) Plan(ctx context.Context) (Plan, error) {
	w, _ := c.prepare(ctx)
	p, err := c.Engine.Plan(ctx, w.set)
	if err != nil {
		return Plan{}, err
	}
	applied, _, _ := c.current()
	return Plan{Lines: p.Lines, Conflicts: p.Conflicts, Problems: w.problems, First: applied == nil}, nil
}
