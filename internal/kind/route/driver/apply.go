// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"context"
	"errors"

	"golang.org/x/sys/unix"

	"ucid/internal/engine"
	"ucid/internal/kind/route"
	"ucid/internal/rtnl"
)

// rounds is how often what is not reachable is tried within one Apply: its gateway may be
// reached by a route further down, or be blocked by one that goes.
const rounds = 3

// Apply adds and changes first, removes then, and tries again what could not be reached.
func (d *Driver) Apply(_ context.Context, changes []engine.Change[route.Route]) []error {
	d.mu.Lock()
	defer d.mu.Unlock()
	b := &batch{d: d, changes: changes}
	if err := d.devices.Load(d.conn); err != nil {
		return b.all(err)
	}
	if err := b.note(); err != nil {
		return b.all(err)
	}
	todo, gone := b.split()
	for round := 1; ; round++ {
		b.add(todo)
		if round == 1 {
			b.remove(gone)
		}
		behind := b.unreachable(todo)
		if len(behind) == 0 || len(behind) == len(todo) && (round > 1 || len(gone) == 0) || round == rounds {
			break
		}
		todo = behind
	}
	b.conclude()
	return b.errs
}

// A batch is the work of one Apply. Its lists hold indexes of changes.
type batch struct {
	d       *Driver
	changes []engine.Change[route.Route]
	errs    []error // nil while all went well
}

func (b *batch) all(err error) []error {
	errs := make([]error, len(b.changes))
	for i := range errs {
		errs[i] = err
	}
	return errs
}

func (b *batch) set(i int, err error) {
	if b.errs == nil {
		if err == nil {
			return
		}
		b.errs = make([]error, len(b.changes))
	}
	b.errs[i] = err
}

func (b *batch) err(i int) error {
	if b.errs == nil {
		return nil
	}
	return b.errs[i]
}

func (b *batch) split() (todo, gone []int) {
	for i := range b.changes {
		if b.changes[i].Op == engine.Remove {
			gone = append(gone, i)
		} else {
			todo = append(todo, i)
		}
	}
	return todo, gone
}

// note writes to the ledger what is about to happen.
func (b *batch) note() error {
	for i := range b.changes {
		b.d.seeMetric(&b.changes[i].New)
		switch c := &b.changes[i]; c.Op {
		case engine.Create:
			b.d.ledger.note(&c.New, nil)
		case engine.Modify:
			b.d.ledger.note(&c.New, &c.Old)
		}
	}
	b.d.wakeExpiry()
	return b.d.ledger.save()
}

// conclude brings the ledger in line with what happened. When the file cannot be written,
// the changes that needed it count as failed.
func (b *batch) conclude() {
	l := &b.d.ledger
	for i := range b.changes {
		switch c := &b.changes[i]; {
		case c.Op == engine.Remove && b.err(i) == nil:
			l.drop(c.Old.Key())
		case c.Op == engine.Remove:
		case b.err(i) != nil:
			l.failed(&c.New)
		default:
			l.done(&c.New)
		}
	}
	if err := l.save(); err != nil {
		for i := range b.changes {
			if object := b.changes[i].Object(); special(&object) && b.err(i) == nil {
				b.set(i, err)
			}
		}
	}
}

// add makes and changes routes.
func (b *batch) add(todo []int) {
	d := b.d
	var fresh, old []int
	for _, i := range todo {
		c := &b.changes[i]
		b.set(i, nil)
		switch {
		case d.ledger.over(&c.New):
		case d.missingDevice(&c.New) != nil:
			b.set(i, d.missingDevice(&c.New))
		case c.Op == engine.Create:
			fresh = append(fresh, i)
		default:
			old = append(old, i)
		}
	}
	fresh = append(fresh, b.replace(old)...)
	b.create(fresh)
}

// create makes routes where nothing is. Where something is, it looks whose it is.
func (b *batch) create(list []int) {
	var taken []int
	b.send(list, unix.NLM_F_CREATE|unix.NLM_F_EXCL, func(i int, err error) {
		if errors.Is(err, unix.EEXIST) {
			taken = append(taken, i)
			return
		}
		b.set(i, b.d.refusal(&b.changes[i].New, err))
	})
	b.settle(taken)
}

// send asks for the new routes of the changes in list and calls fail for each error.
func (b *batch) send(list []int, flags uint16, fail func(i int, err error)) {
	errs := b.d.conn.Do(len(list), func(m *rtnl.Message, n int) {
		b.d.encode(m, flags, &b.changes[list[n]].New)
	})
	for n, err := range errs {
		if err != nil {
			fail(list[n], err)
		}
	}
}

// remove takes routes away. That one is gone already is no error.
func (b *batch) remove(list []int) {
	list = b.present(list)
	errs := b.d.conn.Do(len(list), func(m *rtnl.Message, n int) {
		b.d.encodeRemoval(m, &b.changes[list[n]].Old)
	})
	for n, err := range errs {
		if err != nil && !errors.Is(err, unix.ESRCH) && !errors.Is(err, unix.ENODEV) {
			b.set(list[n], problem("remove", &b.changes[list[n]].Old, err))
		}
	}
}

// present leaves out what cannot be there: its time is over, or its device is gone. An IPv4
// route without metric needs care: in a removal metric 0 means any. A request to add it
// that neither creates nor replaces tells whether it is there: EEXIST, or ENOENT.
func (b *batch) present(list []int) []int {
	d := b.d
	var sure, doubtful []int
	for _, i := range list {
		r := &b.changes[i].Old
		switch {
		case d.ledger.over(r), d.missingDevice(r) != nil:
		case d.metrics && r.Metric == 0 && r.Dst.Addr().Is4():
			doubtful = append(doubtful, i)
		default:
			sure = append(sure, i)
		}
	}
	errs := d.conn.Do(len(doubtful), func(m *rtnl.Message, n int) {
		d.encode(m, 0, &b.changes[doubtful[n]].Old)
	})
	for n, i := range doubtful {
		if errs == nil || !errors.Is(errs[n], unix.ENOENT) {
			sure = append(sure, i)
		}
	}
	return sure
}

// unreachable picks the changes that another route may cure.
func (b *batch) unreachable(todo []int) []int {
	var behind []int
	for _, i := range todo {
		if err := b.err(i); errors.Is(err, unix.ENETUNREACH) || errors.Is(err, unix.EHOSTUNREACH) {
			behind = append(behind, i)
		}
	}
	return behind
}
