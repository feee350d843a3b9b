// SPDX-License-Identifier: Apache-2.0

package control

import (
	"cmp"
	"context"
	"errors"
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
	wish        *wish
	stopProbes  context.CancelFunc // nil: none run
	probesEnded chan struct{}      // closed when they have
	done        []string           // operations, for the history
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
			return engine.Result{}, c.abandon(t, err)
		}
	}
	result, err := c.Engine.Apply(ctx, t.wish.set)
	t.done = operations(result)
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
		err = c.commit(ctx, t, change)
	}
	return result, err
}

// operations are the lines of a plan that was carried out.
func operations(r engine.Result) []string {
	var lines []string
	for _, l := range r.Lines {
		lines = append(lines, l.Op.Sign()+" "+l.Ref.Kind+" "+l.Text)
	}
	if more := r.Created + r.Changed + r.Removed - len(lines); more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return lines
}

// abandon ends a change that did not come about; err, which may be nil, is passed on.
func (c *Control) abandon(t *transaction, err error) error {
	if t.Files {
		c.putFilesBack(t)
	}
	c.end()
	c.tidy()
	c.noteDifference()
	return err
}

// tidy drops the content of a change that no revision holds.
func (c *Control) tidy() {
	ids, err := c.store.IDs()
	if err == nil && len(ids) > 0 {
		err = c.store.Purge(ids...)
	}
	if err != nil {
		c.Log.Warn("the history cannot be tidied", "error", err)
	}
}

// commit stores what was applied as a revision. What cannot be stored is put back: the next
// daemon would not know of it.
func (c *Control) commit(ctx context.Context, t *transaction, change *Change) error {
	stored, err := c.storeRevision(t, revision.Applied)
	if err != nil {
		change.Outcome = Undone
		err = errors.Join(fmt.Errorf("it was applied, but could not be stored: %w", err), c.goBack(ctx, t.Before))
		return c.abandon(t, err)
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
	if r, ok := c.stored(t); ok {
		return r, nil
	}
	r, err := c.store.Add(revision.Revision{State: state, Change: t.ID, Time: t.Started, Who: t.Who,
		Message: t.Message, Frozen: t.Frozen, Plan: t.done}, t.wish.from.contents)
	if err == nil {
		return r, nil
	}
	if there, ok := c.stored(t); ok { // what failed came after it
		c.Log.Warn("the history", "error", err)
		return there, nil
	}
	return r, err
}

// stored finds the revision that a change brought.
func (c *Control) stored(t *transaction) (revision.Revision, bool) {
	if t.After != 0 {
		r, err := c.store.Get(t.After)
		return r, err == nil
	}
	ids, _ := c.store.IDs()
	if len(ids) == 0 {
		return revision.Revision{}, false
	}
	r, err := c.store.Get(ids[len(ids)-1])
	return r, err == nil && r.Change == t.ID && r.Time.Equal(t.Started)
}

// end closes the journal. What it leaves behind after an error is closed at the next start.
func (c *Control) end() {
	if err := c.journal.End(); err != nil {
		c.Log.Error("the journal cannot be closed", "error", err)
	}
}

// writeFiles makes the committed files those of the change: those it holds, and no more of
// those that are applied before it.
func (c *Control) writeFiles(t *transaction) error {
	names := maps.Clone(t.Packages)
	if before, err := c.store.Get(t.Before); err == nil {
		maps.Copy(names, before.Packages)
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		path := filepath.Join(c.Settings.ConfDir, name)
		content := t.wish.from.contents[name]
		if err := editText(path, func([]byte) ([]byte, error) { return content, nil }); err != nil {
			return fmt.Errorf("cannot write %s: %w", path, err)
		}
	}
	return nil
}

// errSame ends an edit that changes nothing.
var errSame = errors.New("the text stays as it is")

// editText is [uci.EditText] that writes only what is new.
func editText(path string, edit func([]byte) ([]byte, error)) error {
	err := uci.EditText(path, func(now []byte) ([]byte, error) {
		text, err := edit(now)
		if err == nil && identical(text, now) {
			err = errSame
		}
		return text, err
	})
	if errors.Is(err, errSame) {
		return nil
	}
	return err
}

// putFilesBack takes the change out of the committed files, and keeps what others edited.
// What was there before the very first apply is not known, so that stays.
func (c *Control) putFilesBack(t *transaction) {
	from := cmp.Or(t.Saved, t.Before)
	if from == 0 {
		return
	}
	before, err := c.contentsOf(from)
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
	if identical(before, after) {
		return
	}
	path := filepath.Join(c.Settings.ConfDir, name)
	err := editText(path, func(now []byte) ([]byte, error) {
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
