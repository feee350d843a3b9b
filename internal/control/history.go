// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"ucid/internal/revision"
)

// History lists the stored revisions, newest first.
func (c *Control) History() ([]revision.Revision, error) { return c.store.All() }

// Files returns the files of a revision, by package; 0 means those that are committed now.
func (c *Control) Files(id int) (map[string]string, error) {
	applied, _, _ := c.current()
	contents := texts(c.Settings.ConfDir, globalsOf(applied))
	if id != 0 {
		var err error
		if contents, err = c.contentsOf(id); err != nil {
			return nil, fmt.Errorf("cannot read revision %d: %w; see 'ucid history'", id, err)
		}
	}
	files := make(map[string]string, len(contents))
	for name, content := range contents {
		files[name] = string(content)
	}
	return files, nil
}

// Purge removes all revisions but the applied one and those that are needed to go back now.
func (c *Control) Purge(ctx context.Context) error {
	return c.do(ctx, func(context.Context) error {
		_, applied, _ := c.current()
		keep := []int{applied.ID}
		if t := c.armed(); t != nil {
			keep = append(keep, t.Before, t.After, t.Saved)
		}
		return c.store.Purge(keep...)
	})
}

// Rollback goes back. While a change waits to be confirmed it is taken back, and nothing is
// returned to wait for. Otherwise the files of a revision, by default the applied one before
// the present, become the committed ones and are applied as a new change.
func (c *Control) Rollback(ctx context.Context, r Request) (Change, error) {
	taken := false
	err := c.do(ctx, func(ctx context.Context) error {
		t := c.armed()
		if t == nil {
			return nil
		}
		if r.Revision != 0 && r.Revision != t.Before {
			return fmt.Errorf("change %s waits to be confirmed; 'ucid rollback' takes it back to revision %d", t.ID, t.Before)
		}
		taken = true
		defer c.followUp(ctx)
		return c.takeBackNow(ctx, t, "rolled back by "+r.Who)
	})
	if err != nil {
		return Change{}, err
	}
	if taken {
		_, now, _ := c.current()
		return Change{Outcome: Undone, Revision: now.ID}, nil
	}
	if r.Revision == 0 {
		if r.Revision, err = c.previous(); err != nil {
			return Change{}, err
		}
	}
	if r.Message == "" {
		r.Message = fmt.Sprintf("rollback to revision %d", r.Revision)
	}
	return c.Apply(ctx, r)
}

// previous is the applied revision before the present one.
func (c *Control) previous() (int, error) {
	_, now, _ := c.current()
	all, err := c.store.All()
	i := slices.IndexFunc(all, func(r revision.Revision) bool { return r.State == revision.Applied && r.ID < now.ID })
	if i < 0 {
		return 0, errors.Join(errors.New("there is no applied revision before the present one"), err)
	}
	return all[i].ID, nil
}

// save stores the committed files when they are not what is applied, so that a rollback
// replaces nothing that is not kept.
func (c *Control) save(t *transaction) error {
	applied, last, _ := c.current()
	now := texts(c.Settings.ConfDir, globalsOf(applied))
	if len(differing(sumsOf(now), last.Packages)) == 0 {
		return nil
	}
	saved, err := c.store.Add(revision.Revision{State: revision.Saved, Time: t.Started, Who: t.Who,
		Message: "committed, not applied; saved before " + t.Message}, now)
	t.Saved = saved.ID
	return err
}

// Forget makes the next start a first one: no revision counts as applied any more, and a
// change on its way is dropped. It must not be called while Run runs.
func (c *Control) Forget() error {
	all, unreadable := c.store.All()
	if unreadable != nil { // it counts as applied for nobody
		c.Log.Warn("a revision cannot be read", "error", unreadable)
	}
	var err error
	for _, r := range all {
		if r.State != revision.Saved {
			err = errors.Join(err, c.store.SetState(r.ID, revision.Saved))
		}
	}
	return errors.Join(err, c.journal.End())
}
