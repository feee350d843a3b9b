// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"ucid/internal/event"
	"ucid/uci"
)

// quiet is how long the configuration directory must rest before it is read, so that a
// commit of many files is seen once; busiest bounds the wait when it never rests. absent is
// the time between two looks for a directory that is not there.
const (
	quiet   = 100 * time.Millisecond
	busiest = time.Second
	absent  = 2 * time.Second
)

// watchFiles notices what is committed. It watches the directory: a commit puts a new file in
// the place of the old one. Its failure costs nothing but the notice.
func (c *Control) watchFiles(ctx context.Context) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		c.notNoticed(err)
		return
	}
	defer w.Close()
	c.followFiles(ctx, w)
}

func (c *Control) notNoticed(err error) {
	c.Log.Warn("changes of the configuration are not noticed; 'ucid reload' works all the same",
		"directory", c.Settings.ConfDir, "error", err)
}

func (c *Control) followFiles(ctx context.Context, w *fsnotify.Watcher) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var first time.Time
	watched := true
	for {
		select {
		case <-ctx.Done():
			return
		case e, ok := <-w.Events:
			if !ok {
				return
			}
			if e.Name != c.Settings.ConfDir && !isPackage(filepath.Base(e.Name)) {
				continue
			}
			if first.IsZero() {
				first = time.Now()
			}
			timer.Reset(min(quiet, max(0, busiest-time.Since(first))))
		case <-w.Errors: // an overrun: something was missed
			timer.Reset(quiet)
		case <-timer.C:
			first = time.Time{}
			// A directory in the place of the one that was watched has to be watched anew.
			err := w.Add(c.Settings.ConfDir)
			if err != nil && watched {
				c.notNoticed(err)
			}
			if watched = err == nil; !watched {
				timer.Reset(absent)
			}
			c.filesMoved(ctx)
		}
	}
}

// isPackage tells UCI files from what package managers and editors leave beside them.
func isPackage(name string) bool {
	return uci.ValidPackage(name) && !strings.ContainsAny(name, ".~") && !strings.HasSuffix(name, "-opkg")
}

// filesMoved says what is committed and not applied, and applies it when that is wanted. It
// asks each time: an apply that ends meanwhile notes the difference, too, and does nothing
// about it.
func (c *Control) filesMoved(ctx context.Context) {
	c.noteDifference()
	applied, _, _ := c.current()
	committed := read(c.Settings.ConfDir, fromOf(applied))
	if committed.globals().AutoApply && len(c.Unapplied()) > 0 && !c.wasRejected(committed.sums()) {
		if _, err := c.Apply(ctx, Request{Who: "auto_apply"}); err != nil {
			c.Log.Error("cannot apply what was committed", "error", err)
		}
	}
}

// noteDifference compares the committed files with what is applied, and tells what is new.
func (c *Control) noteDifference() {
	applied, _, _ := c.current()
	found := map[string]string{}
	if applied != nil {
		found = difference(read(c.Settings.ConfDir, applied.from), applied.from)
	}
	c.mu.Lock()
	known := c.unapplied
	c.unapplied = found
	c.mu.Unlock()
	for name, how := range found {
		if known[name] != how {
			c.Events.Add(event.Event{Name: "config." + how, Subject: name, Text: "committed, not applied"})
		}
	}
}

// difference says of each package how what is committed differs from what is applied.
func difference(now, applied *candidate) map[string]string {
	found := map[string]string{}
	for _, name := range differing(now.sums(), applied.sums()) {
		found[name] = "changed"
		if _, there := now.contents[name]; !there {
			found[name] = "removed"
		}
	}
	for _, p := range now.problems {
		found[p.Package] = "broken"
	}
	return found
}

// Unapplied returns the packages that are committed differently from what is applied, and
// how: changed, removed or broken.
func (c *Control) Unapplied() map[string]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.unapplied
}
