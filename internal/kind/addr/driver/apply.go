// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"ucid/internal/engine"
	"ucid/internal/kind/addr"
	"ucid/internal/rtnl"
)

// Apply adds before it removes. An address of somebody else is left alone: the kernel does
// not look whose an address is, so each one is looked at before.
func (d *Driver) Apply(_ context.Context, changes []engine.Change[addr.Addr]) []error {
	d.mu.Lock()
	defer d.mu.Unlock()
	b := &batch{d: d, changes: changes, errs: make([]error, len(changes))}
	if err := d.look(); err != nil {
		return b.all(err)
	}
	if err := b.note(); err != nil {
		return b.all(err)
	}
	b.add()
	b.modify()
	b.remove()
	if err := b.conclude(); err != nil {
		return b.all(err)
	}
	for _, err := range b.errs {
		if err != nil {
			return b.errs
		}
	}
	return nil
}

// A batch is the work of one Apply.
type batch struct {
	d       *Driver
	changes []engine.Change[addr.Addr]
	errs    []error
}

func (b *batch) all(err error) []error {
	for i := range b.errs {
		b.errs[i] = err
	}
	return b.errs
}

// note writes to the ledger what will be ours.
func (b *batch) note() error {
	if !b.d.mute {
		return nil
	}
	for i := range b.changes {
		a := &b.changes[i].New
		dev, ok := b.d.devices.Find(a.Dev)
		if _, there := b.d.found[a.Key()]; ok && !there && b.changes[i].Op != engine.Remove {
			b.d.ledger.indexes[a.Key()] = dev.Index
		}
	}
	return b.d.ledger.save()
}

// conclude takes from the ledger what is not ours after all.
func (b *batch) conclude() error {
	if !b.d.mute && len(b.d.ledger.indexes) == 0 {
		return nil
	}
	for i := range b.changes {
		c := &b.changes[i]
		_, there := b.d.found[c.New.Key()]
		switch {
		case c.Op == engine.Remove && b.errs[i] == nil:
			delete(b.d.ledger.indexes, c.Old.Key())
		case c.Op == engine.Create && !there && (b.errs[i] != nil || !b.d.mute): // it carries our protocol now
			delete(b.d.ledger.indexes, c.New.Key())
		}
	}
	return b.d.ledger.save()
}

// add makes what is not there.
func (b *batch) add() {
	d := b.d
	var list []int
	for i := range b.changes {
		a := &b.changes[i].New
		r, there := d.found[a.Key()]
		_, dev := d.devices.Find(a.Dev)
		switch {
		case b.changes[i].Op == engine.Remove:
		case !dev:
			b.errs[i] = d.refusal("add", a, fmt.Errorf("there is no device %s", a.Dev), "when "+a.Dev+" appears")
		case !there:
			list = append(list, i)
		case !d.isOurs(&r) && !r.suits(a):
			b.errs[i] = d.refusal("add", a, fmt.Errorf("%s has it from %s, in another way", a.Dev, owner(r.protocol)), "when that one goes")
		}
	}
	results := d.conn.Do(len(list), func(m *rtnl.Message, n int) {
		a := &b.changes[list[n]].New
		dev, _ := d.devices.Find(a.Dev)
		d.encode(m, unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL, a, dev.Index)
	})
	for n, err := range results {
		if err != nil && !errors.Is(err, unix.EEXIST) {
			b.errs[list[n]] = d.explain(&b.changes[list[n]].New, err)
		}
	}
}

// inPlace reports whether the kernel can change old to fresh. For IPv4 it changes nothing but
// lifetimes; for IPv6 everything, but it takes no peer away.
func inPlace(old, fresh *addr.Addr) bool {
	return fresh.Prefix.Addr().Is6() && (fresh.Peer.IsValid() || !old.Peer.IsValid())
}

// modify changes what is there and ours. What cannot be changed in place goes and comes in
// one batch.
func (b *batch) modify() {
	d := b.d
	for i := range b.changes {
		a := &b.changes[i].New
		r, there := d.found[a.Key()]
		if b.changes[i].Op == engine.Remove || b.errs[i] != nil || !there || r.addr == *a || !d.isOurs(&r) {
			continue
		}
		if inPlace(&r.addr, a) {
			err := d.conn.One(func(m *rtnl.Message) { d.encode(m, unix.RTM_NEWADDR, unix.NLM_F_REPLACE, a, r.index) })
			if err != nil {
				b.errs[i] = d.explain(a, err)
			}
			continue
		}
		b.errs[i] = d.exchange(&r, a)
	}
}

// exchange removes an address and adds it in another way.
func (d *Driver) exchange(r *record, a *addr.Addr) error {
	errs := d.promoting(r.index, 2, func(m *rtnl.Message, n int) {
		if n == 0 {
			d.encode(m, unix.RTM_DELADDR, 0, &r.addr, r.index)
			return
		}
		d.encode(m, unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL, a, r.index)
	})
	if errs != nil && errs[1] != nil {
		return d.explain(a, errs[1])
	}
	return nil
}

// remove takes away what is there and ours.
func (b *batch) remove() {
	d := b.d
	byDevice := map[int][]int{} // what is IPv4
	var six []int
	for i := range b.changes {
		a := &b.changes[i].Old
		r, there := d.found[a.Key()]
		switch {
		case b.changes[i].Op != engine.Remove || !there || !d.isOurs(&r):
		case a.Prefix.Addr().Is6():
			six = append(six, i)
		default:
			byDevice[r.index] = append(byDevice[r.index], i)
		}
	}
	b.gone(six, d.conn.Do(len(six), b.removal(six)))
	for index, list := range byDevice {
		b.gone(list, d.promoting(index, len(list), b.removal(list)))
	}
}

func (b *batch) removal(list []int) func(*rtnl.Message, int) {
	return func(m *rtnl.Message, n int) {
		r := b.d.found[b.changes[list[n]].Old.Key()]
		b.d.encode(m, unix.RTM_DELADDR, 0, &r.addr, r.index)
	}
}

// gone notes the outcome of removals. That an address went already is no error.
func (b *batch) gone(list []int, errs []error) {
	for n, err := range errs {
		if err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) && !errors.Is(err, unix.ENODEV) {
			b.errs[list[n]] = fmt.Errorf("cannot remove %s: %w", b.changes[list[n]].Old, err)
		}
	}
}

// promoting makes n requests about a device while its promote_secondaries is on: without
// it the kernel takes all other addresses of an IPv4 network along with the first one.
func (d *Driver) promoting(index, n int, build func(m *rtnl.Message, n int)) []error {
	if d.promotes(index) {
		return d.conn.Do(n, build)
	}
	if err := d.conn.One(func(m *rtnl.Message) { m.SetPromote(index, true) }); err != nil {
		return slices.Repeat([]error{fmt.Errorf("cannot protect its other addresses: %w", err)}, n)
	}
	errs := d.conn.Do(n, build)
	// A device that is gone takes the setting with it.
	_ = d.conn.One(func(m *rtnl.Message) { m.SetPromote(index, false) })
	return errs
}

func (d *Driver) promotes(index int) bool {
	dev, _ := d.devices.Find(d.devices.Name(index))
	return dev.Promote
}

// explain turns the kernel's refusal to add a into an error that says what would cure it.
func (d *Driver) explain(a *addr.Addr, err error) error {
	switch {
	case errors.Is(err, unix.ENODEV):
		return d.refusal("add", a, err, "when "+a.Dev+" appears")
	case errors.Is(err, unix.EACCES):
		return d.refusal("add", a, err, "when IPv6 is enabled on "+a.Dev)
	case errors.Is(err, unix.ENOBUFS), errors.Is(err, unix.ENOMEM):
		return d.refusal("add", a, err, "")
	}
	return fmt.Errorf("cannot add %s: %w", a, err)
}

func (d *Driver) refusal(verb string, a *addr.Addr, err error, cure string) error {
	return &engine.Pending{Err: fmt.Errorf("cannot %s %s: %w", verb, a, err), Cure: cure}
}
