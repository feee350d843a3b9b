// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"errors"
	"fmt"

	"ucid/internal/engine"
	"ucid/internal/revision"
	"ucid/internal/txn"
)

// resume goes on where the daemon before ended: a change that was on its way is finished or
// taken back, and what was applied last is wanted again.
func (c *Control) resume(ctx context.Context) error {
	facts, err := c.Engine.Facts(ctx)
	if err != nil {
		return fmt.Errorf("cannot look at this machine: %w", err)
	}
	c.facts = facts
	stored, _ := c.store.All() // what cannot be read is told below
	c.changes.numberFrom(stored)
	t, open, err := c.journal.Read()
	if err != nil {
		c.Log.Error("the change that was on its way is not known; what was applied before it is wanted", "error", err)
		t, open = c.lost(stored)
	}
	if !open {
		return c.resumeLast(ctx)
	}
	c.changes.numberFrom([]revision.Revision{{Change: t.ID}})
	return c.resumeChange(ctx, t)
}

// lost is the change whose journal is damaged, as far as it can be told: the newest revision
// was waiting to be confirmed, and is taken back.
func (c *Control) lost(stored []revision.Revision) (t txn.Txn, ok bool) {
	if len(stored) == 0 || stored[0].State != revision.Pending {
		return t, false
	}
	last, _, _ := c.store.Last() // what cannot be read is told by whoever needs it
	r := stored[0]
	return txn.Txn{ID: r.Change, State: txn.Undoing, Started: r.Time, Before: last.ID, After: r.ID,
		Packages: r.Packages, Frozen: r.Frozen, Reason: "its journal is damaged"}, true
}

// resumeLast makes the last applied revision the wish.
func (c *Control) resumeLast(ctx context.Context) error {
	last, ok, err := c.store.Last()
	if err != nil {
		c.Log.Error("an applied revision cannot be read; an older one is used", "error", err)
	}
	if !ok {
		c.Log.Info("nothing was applied yet: watching only, until the first 'ucid reload'")
		return nil
	}
	w, err := c.revive(last)
	if err != nil {
		return fmt.Errorf("cannot go on with revision %d: %w", last.ID, err)
	}
	c.adopt(w, last)
	c.Engine.SetGoal(w.set)
	result, err := c.Engine.Repair(ctx)
	if err != nil {
		return err
	}
	c.Log.Info("going on", "revision", last.ID, "created", result.Created, "changed", result.Changed, "removed", result.Removed)
	return nil
}

// resumeChange decides about a change that a daemon before this one had begun. Within its
// window, or without one, it is finished; after the window, or when it was being taken back,
// it is taken back.
func (c *Control) resumeChange(ctx context.Context, noted txn.Txn) error {
	t := &transaction{Txn: noted}
	before, beforeRevision, err := c.wishOf(t.Before)
	if err != nil {
		c.Log.Error("the revision before the change cannot be read", "revision", t.Before, "error", err)
		c.end()
		return c.resumeLast(ctx)
	}
	if c.confirmed(noted) {
		c.end()
		return c.resumeLast(ctx)
	}
	c.adopt(before, beforeRevision)
	t.wish, err = c.revive(revision.Revision{Packages: t.Packages, Frozen: t.Frozen})
	switch {
	case err != nil:
		return c.takeBackNow(ctx, t, "it was cut short and cannot be read again: "+err.Error())
	case t.State == txn.Undoing:
		return c.reported(c.takeBackNow(ctx, t, t.Reason))
	case t.Confirm != nil && t.Confirm.Left() == 0:
		return c.reported(c.takeBackNow(ctx, t, "it was not confirmed before its time was over or the machine was started again"))
	}
	if t.State == txn.Armed {
		return c.reported(c.rearm(ctx, t))
	}
	return c.finish(ctx, t)
}

// rearm lets a change wait for the rest of its window. Its files are left alone: others may
// have edited them since.
func (c *Control) rearm(ctx context.Context, t *transaction) error {
	result, err := c.Engine.Apply(ctx, t.wish.set)
	if err != nil || result.Undone {
		return errors.Join(err, c.takeBackNow(ctx, t, "it cannot be applied any more"))
	}
	c.Log.Info("a change waits to be confirmed", "change", t.ID, "revision", t.After, "left", t.Confirm.Left())
	return c.arm(t, &Change{})
}

// confirmed reports whether the change was confirmed, and only its journal left open.
func (c *Control) confirmed(t txn.Txn) bool {
	if t.After == 0 {
		return false
	}
	r, err := c.store.Get(t.After)
	return err == nil && r.State == revision.Applied
}

// finish carries out the rest of a change that was cut short.
func (c *Control) finish(ctx context.Context, t *transaction) error {
	if applied, _, _ := c.current(); applied != nil {
		c.Engine.SetGoal(applied.set)
	}
	change := Change{ID: t.ID, Started: t.Started, Who: t.Who}
	_, err := c.carryOut(ctx, t, &change)
	if change.Outcome == Undone {
		err = errors.Join(err, c.goBack(ctx, t.Before))
	}
	c.Log.Info("a change that was cut short is finished", "change", t.ID, "outcome", change.Outcome, "revision", change.Revision)
	return c.reported(err)
}

// reported logs an error that must not keep the daemon from running.
func (c *Control) reported(err error) error {
	if err != nil {
		c.Log.Error("the change that was cut short", "error", err)
	}
	return nil
}

func emptyWish() *wish {
	return compile(&candidate{}, nil, map[engine.Fact]string{}, nil)
}
