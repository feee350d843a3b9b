// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"ucid/internal/engine"
	"ucid/internal/event"
	"ucid/internal/probe"
	"ucid/internal/revision"
	"ucid/internal/txn"
	"ucid/services"
	"ucid/uci"
)

// applyTime bounds an apply, without the time its objects need to settle.
const applyTime = 2 * time.Minute

// A Request says what to apply and for whom.
type Request struct {
	Who     string        `json:"-"`
	Message string        `json:"message,omitempty"`
	Confirm time.Duration `json:"confirm_ns,omitempty"` // taken back unless confirmed in this time; 0: at once for good
	Probes  []string      `json:"probes,omitempty"`     // confirm it when they all succeed, see [probe.Parse]
	// Revision is applied instead of the committed files, which become those of the revision.
	Revision int `json:"revision,omitempty"`
}

// Limits of a window in which a change has to be confirmed.
const (
	windowLeast = time.Second
	windowMost  = 24 * time.Hour
)

func (r Request) check() error {
	if r.Confirm != 0 && (r.Confirm < windowLeast || r.Confirm > windowMost) {
		return fmt.Errorf("the time to confirm is %s to %s", windowLeast, windowMost)
	}
	if len(r.Probes) > 0 && r.Confirm == 0 {
		return errors.New("probes need a time to confirm")
	}
	for _, p := range r.Probes {
		if _, err := probe.Parse(p); err != nil {
			return err
		}
	}
	return nil
}

// Apply starts to apply the committed configuration and returns at once; [Control.Wait] waits
// for the result. Changes are made one after the other; while one waits to be confirmed
// others are refused.
func (c *Control) Apply(ctx context.Context, r Request) (Change, error) {
	if err := r.check(); err != nil {
		return Change{}, err
	}
	p := c.changes.begin(r.Who, c.tellEnd)
	select {
	case c.work <- func(ctx context.Context) { c.apply(ctx, p, r) }:
		return c.changes.copyOf(p), nil
	case <-ctx.Done():
		c.refuse(p, errors.New("another change is still being applied"))
		return c.changes.copyOf(p), nil
	}
}

func (c *Control) refuse(p *pendingChange, why error) {
	change := c.changes.copyOf(p)
	change.Outcome, change.Error = Refused, why.Error()
	c.changes.finish(p, change)
}

func (c *Control) tellEnd(change Change) {
	c.Events.Add(event.Event{Name: "apply." + string(change.Outcome), Subject: change.ID,
		Text: fmt.Sprintf("%d created, %d changed, %d removed, %d problems",
			change.Created, change.Changed, change.Removed, len(change.Problems)+len(change.Faults))})
}

func (c *Control) apply(ctx context.Context, p *pendingChange, r Request) {
	ctx, cancel := context.WithTimeout(ctx, applyTime)
	defer cancel()
	if t := c.armed(); t != nil {
		c.refuse(p, fmt.Errorf("change %s waits for 'ucid confirm' or 'ucid rollback' (%s left)", t.ID, t.Confirm.Left().Round(time.Second)))
		return
	}
	t, err := c.transaction(ctx, p, r)
	if err != nil {
		c.refuse(p, err)
		return
	}
	change := c.changes.copyOf(p)
	change.Problems, change.Revision = t.wish.problems, t.Before
	if r.Revision == 0 && c.isApplied(t.wish) {
		c.again(ctx, t.wish, p, change)
		return
	}
	if err := c.begin(t); err != nil {
		c.refuse(p, fmt.Errorf("nothing was touched: the journal cannot be written: %w", err))
		return
	}
	result, err := c.carryOut(ctx, t, &change)
	c.conclude(p, change, result, err)
}

// conclude ends a change, after the objects it touched have settled.
func (c *Control) conclude(p *pendingChange, change Change, result engine.Result, err error) {
	if err != nil {
		change.Error = err.Error()
		c.Log.Error("apply", "change", change.ID, "error", err)
		if change.Outcome == Running {
			change.Outcome = Refused
		}
	}
	if change.Outcome != Applied && change.Outcome != Armed {
		c.changes.finish(p, change)
		return
	}
	if result.Empty() && change.Outcome == Applied {
		change.Outcome = Unchanged
	}
	_, limit := c.Engine.Unsettled(result.Touched)
	c.changes.await(p, change, result.Touched, limit)
}

// transaction prepares a change.
func (c *Control) transaction(ctx context.Context, p *pendingChange, r Request) (*transaction, error) {
	t := &transaction{}
	t.ID, t.Who, t.Message, t.Started = p.ID, r.Who, r.Message, p.Started
	var before revision.Revision
	var err error
	if r.Revision == 0 {
		t.wish, before = c.prepare(ctx)
	} else if t.wish, before, err = c.prepareRevision(ctx, r.Revision); err != nil {
		return nil, err
	}
	t.Before, t.Files = before.ID, r.Revision != 0
	if r.Confirm != 0 {
		t.Confirm, err = txn.Open(r.Confirm, r.Probes)
	}
	return t, err
}

// isApplied reports whether the wish is what is applied already, so that only drift is left
// to mend and nothing has to be written down.
func (c *Control) isApplied(w *wish) bool {
	applied, last, _ := c.current()
	return applied != nil && len(differing(w.from.sums(), last.Packages)) == 0 && sameFrozen(w.frozen, last.Frozen)
}

// again applies what is applied already.
func (c *Control) again(ctx context.Context, w *wish, p *pendingChange, change Change) {
	result, err := c.Engine.Apply(ctx, w.set)
	change.Created, change.Changed, change.Removed = result.Created, result.Changed, result.Removed
	change.Faults, change.Stuck, change.Outcome = result.Faults, result.Stuck, Applied
	if result.Undone {
		change.Outcome = Undone
	} else if err == nil {
		_, last, _ := c.current()
		c.adopt(w, last)
	} else {
		change.Outcome = Refused
	}
	c.noteDifference()
	c.conclude(p, change, result, err)
}

// prepare reads and compiles the committed configuration.
func (c *Control) prepare(ctx context.Context) (*wish, revision.Revision) {
	if facts, err := c.Engine.Facts(ctx); err == nil {
		c.mu.Lock()
		c.facts = facts
		c.mu.Unlock()
	}
	applied, r, facts := c.current()
	from := read(c.Settings.ConfDir, fromOf(applied))
	if applied.stands(from, facts) {
		return applied, r
	}
	w := compile(from, applied, facts, c.Engine.Check)
	w.problems = append(w.problems, c.protocolMoved(w.compiled.Globals)...)
	return w, r
}

// protocolMoved warns that the number that marks what is ours cannot change under way.
func (c *Control) protocolMoved(g services.Globals) []uci.Problem {
	if g.RouteProtocol == c.protocol || g.Name == "" {
		return nil
	}
	return []uci.Problem{g.Warning("route_protocol", "route_protocol %d counts from the next start of ucid on; what carries %d would then be somebody else's: "+
		"stop ucid, run 'ucid run --cleanup', and start it again", g.RouteProtocol, c.protocol)}
}

func fromOf(w *wish) *candidate {
	if w == nil {
		return nil
	}
	return w.from
}

// prepareRevision compiles a stored revision, to be applied once more.
func (c *Control) prepareRevision(ctx context.Context, id int) (*wish, revision.Revision, error) {
	_, before := c.prepare(ctx) // for fresh facts
	r, err := c.store.Get(id)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, before, fmt.Errorf("there is no revision %d; see 'ucid history'", id)
	}
	if err != nil {
		return nil, before, fmt.Errorf("revision %d cannot be read: %w", id, err)
	}
	from, err := restore(c.store, c.Settings.ConfDir, r.Packages)
	if err != nil {
		return nil, before, err
	}
	applied, _, facts := c.current()
	return compile(from, applied, facts, c.Engine.Check), before, nil
}

func sameFrozen(a, b []revision.Frozen) bool { return fmt.Sprint(a) == fmt.Sprint(b) }
