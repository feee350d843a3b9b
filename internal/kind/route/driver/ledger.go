// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"ucid/internal/kind/route"
	store "ucid/internal/ledger"
)

// A ledger remembers the routes whose wish cannot be read back from the kernel. It is kept
// in a file of mode 0600, written before the act, and worth nothing after a reboot.
type ledger struct {
	file    string // "" keeps it in memory
	boot    string
	entries map[route.Key]*entry
	changed bool
}

type entry struct {
	Asked  route.Route
	Before *route.Route  `json:",omitempty"` // what it replaces, until that is done
	Until  time.Duration `json:",omitempty"` // boot time clock; 0: for ever
	Over   bool          `json:",omitempty"` // its time came and it was removed
	fresh  bool          // not made yet: what stands there is not ours
}

type ledgerFile struct {
	Boot   string
	Routes []*entry
}

func openLedger(dir string) (ledger, error) {
	l := ledger{entries: map[route.Key]*entry{}, boot: store.Boot()}
	if dir == "" {
		return l, nil
	}
	l.file = filepath.Join(dir, "route.json")
	var stored ledgerFile
	if ok, err := store.Read(l.file, &stored); !ok || stored.Boot != l.boot {
		return l, err // none, torn, or of another boot: nothing in there exists
	}
	for _, e := range stored.Routes {
		l.entries[e.Asked.Key()] = e
	}
	return l, nil
}

// bootTime is the clock that goes on while the machine sleeps and never jumps.
func bootTime() time.Duration {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		return 0
	}
	return time.Duration(now.Nano())
}

// save writes the file when something changed.
func (l *ledger) save() error {
	if !l.changed {
		return nil
	}
	l.changed = false
	if l.file == "" {
		return nil
	}
	stored := ledgerFile{Boot: l.boot}
	for _, e := range l.entries {
		stored.Routes = append(stored.Routes, e)
	}
	return store.Write(l.file, stored)
}

// special reports whether the wish cannot be read back from the kernel.
func special(r *route.Route) bool {
	if r.Protocol != 0 || r.Valid != 0 || r.Gateway.IsValid() && r.Dev == "" {
		return true
	}
	for item := range r.Nexthops.All() {
		if !strings.Contains(item, "@") {
			return true
		}
	}
	return false
}

// note remembers what is about to be made. A route that is made again as it was keeps the
// end of its life.
func (l *ledger) note(r, before *route.Route) {
	old := l.entries[r.Key()]
	if !special(r) {
		if old != nil && (before == nil || !special(before)) {
			l.drop(r.Key())
		}
		return
	}
	if old != nil && old.Asked == *r {
		return
	}
	e := &entry{Asked: *r, fresh: old == nil}
	if before != nil && special(before) {
		copied := *before
		e.Before = &copied
	}
	if r.Valid != 0 {
		e.Until = bootTime() + time.Duration(r.Valid)*time.Second
	}
	l.entries[r.Key()] = e
	l.changed = true
}

// done forgets what was there before the change to r.
func (l *ledger) done(r *route.Route) {
	e := l.entries[r.Key()]
	if e != nil {
		e.fresh = false
	}
	switch {
	case e == nil:
	case !special(r):
		l.drop(r.Key())
	case e.Before != nil:
		e.Before = nil
		l.changed = true
	}
}

// failed takes back a note: to what was there before, if anything.
func (l *ledger) failed(r *route.Route) {
	e := l.entries[r.Key()]
	switch {
	case e == nil || e.Asked != *r:
	case e.Before != nil:
		e.Asked, e.Before, e.Until = *e.Before, nil, 0
		if e.Asked.Valid != 0 {
			e.Until = bootTime() + time.Duration(e.Asked.Valid)*time.Second
		}
		l.changed = true
	default:
		l.drop(r.Key())
	}
}

func (l *ledger) drop(key route.Key) {
	if _, ok := l.entries[key]; ok {
		delete(l.entries, key)
		l.changed = true
	}
}

// protocols lists those that have to be looked at, ours first.
func (l *ledger) protocols(ours uint8) []uint8 {
	list := []uint8{ours}
	for _, e := range l.entries {
		for _, r := range []*route.Route{&e.Asked, e.Before} {
			if r != nil && r.Protocol != 0 && !slices.Contains(list, r.Protocol) {
				list = append(list, r.Protocol)
			}
		}
	}
	return list
}
