// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"ucid/internal/engine"
	"ucid/internal/event"
	"ucid/internal/revision"
	"ucid/internal/txn"
	"ucid/uci"
)

// A transaction is a change on its way: what is in the journal, and what it wants.
type transaction struct {
	txn.Txn
	wish       *wish
	stopProbes context.CancelFunc // nil: none run
}

// begin notes the change, so that a daemon that starts later can finish it.
func (c *Control) begin(t *transaction) error {
	if t.Files {
		if err := c.save(t); err != nil {
			return err
		}
	}
	sums, err := c.store.PutBlobs(t.wish.from.contents)
	if err != nil {
		return err
	}
	t.State, t.Packages, t.Frozen = txn.Applying, sums, t.wish.frozen
	return c.journal.Write(t.Txn)
}

// carryOut makes the change and reports what came of it. It ends applied, armed or undone.
func (c *Control) carryOut(ctx context.Context, t *transaction, change *Change) (engine.Result, error) {
	if t.Files {
		if err := c.writeFiles(t); err != nil {
			return engine.Result{}, err
		}
	}
	result, err := c.Engine.Apply(ctx, t.wish.set)
	if err != nil {
		return result, c.abandon(t, err)
	}
	change.Created, change.Changed, change.Removed = result.Created, result.Changed, result.Removed
	change.Faults, change.Stuck = result.Faults, result.Stuck
	switch {
	case result.Undone:
		change.Outcome = Undone
		err = c.abandon(t, nil)
	case t.Confirm != nil:
		change.Outcome, change.Window = Armed, t.Confirm.Length
		err = c.arm(t, change)
	default:
		change.Outcome = Applied
		err = c.commit(t, change)
	}
	return result, err
}

// abandon ends a change that did not come about; err, which may be nil, is passed on.
func (c *Control) abandon(t *transaction, err error) error {
	if t.Files {
		c.putFilesBack(t)
	}
	c.end()
	c.noteDifference()
	return err
}

// commit stores what was applied as a revision.
func (c *Control) commit(t *transaction, change *Change) error {
	stored, err := c.storeRevision(t, revision.Applied)
	if err != nil {
		return fmt.Errorf("applied, but not stored, so a restart goes back to revision %d: %w", t.Before, err)
	}
	change.Revision = stored.ID
	c.adopt(t.wish, stored)
	c.end()
	c.noteDifference()
	return nil
}

// storeRevision stores the change as the newest revision, unless that was done already before
// the daemon was killed.
func (c *Control) storeRevision(t *transaction, state revision.State) (revision.Revision, error) {
	if t.After != 0 {
		return c.store.Get(t.After)
	}
	if all, _ := c.store.All(); len(all) > 0 && all[0].Change == t.ID && all[0].Time.Equal(t.Started) {
		return all[0], nil
	}
	return c.store.Add(revision.Revision{State: state, Change: t.ID, Time: t.Started, Who: t.Who,
		Message: t.Message, Frozen: t.Frozen}, t.wish.from.contents)
}

// end closes the journal. What it leaves behind after an error is closed at the next start.
func (c *Control) end() {
	if err := c.journal.End(); err != nil {
		c.Log.Error("the journal cannot be closed", "error", err)
	}
}

// writeFiles makes the committed files those of the change.
func (c *Control) writeFiles(t *transaction) error {
	for name, content := range t.wish.from.contents {
		path := filepath.Join(c.Settings.ConfDir, name)
		if err := uci.EditText(path, func([]byte) ([]byte, error) { return content, nil }); err != nil {
			return fmt.Errorf("cannot write %s: %w", path, err)
		}
	}
	return nil
}

// putFilesBack takes the change out of the committed files, and keeps what others edited.
// What was there before the very first apply is not known, so that stays.
func (c *Control) putFilesBack(t *transaction) {
	if t.Before == 0 {
		return
	}
	before, err := c.contentsOf(t.Before)
	if err != nil {
		c.tellConflict("", "the files stay as they are: "+err.Error())
		return
	}
	after := t.wish.from.contents
	names := maps.Clone(after)
	maps.Copy(names, before)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		c.putFileBack(name, before[name], after[name])
	}
}

func (c *Control) putFileBack(name string, before, after []byte) {
	path := filepath.Join(c.Settings.ConfDir, name)
	err := uci.EditText(path, func(now []byte) ([]byte, error) {
		text, conflicts, err := takeBack(name, path, before, after, now)
		for _, conflict := range conflicts {
			c.tellConflict(name, conflict)
		}
		return text, err
	})
	if err != nil {
		c.tellConflict(name, "cannot take back the change of this file: "+err.Error())
	}
}

func (c *Control) tellConflict(name, text string) {
	c.Log.Warn("rollback", "package", name, "conflict", text)
	c.Events.Add(event.Event{Name: "rollback.conflict", Subject: name, Text: text})
}

// contentsOf reads the files of a revision.
func (c *Control) contentsOf(id int) (map[string][]byte, error) {
	r, err := c.store.Get(id)
	if err != nil {
		return nil, err
	}
	contents := map[string][]byte{}
	for name, sum := range r.Packages {
		if contents[name], err = c.store.Content(sum); err != nil {
			return nil, err
		}
	}
	return contents, nil
}
