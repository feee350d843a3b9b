// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"errors"

	"golang.org/x/sys/unix"

	"ucid/internal/kind/route"
)

// replace changes routes in place and returns those that are not there any more and have
// to be made. NLM_F_REPLACE takes what stands first in the place, whoever made it: so it is
// looked at before.
func (b *batch) replace(list []int) (missing []int) {
	ours, doubtful := b.alone(list)
	places, err := b.look(doubtful)
	if err != nil {
		for _, i := range doubtful {
			b.set(i, err)
		}
		doubtful = nil
	}
	var behind []int
	for n, i := range doubtful {
		c := &b.changes[i]
		switch hit(places[n], &c.New).owner(b.d, &c.Old) {
		case nobody:
			missing = append(missing, i)
		case we:
			ours = append(ours, i)
		default:
			if places[n].ours(b.d, &c.Old) && c.New.Dst.Addr().Is4() {
				behind = append(behind, i)
			} else {
				b.set(i, taken("change", &c.New, places[n].strangers(b.d)))
			}
		}
	}
	b.send(ours, unix.NLM_F_REPLACE, func(i int, err error) {
		switch {
		case errors.Is(err, unix.EEXIST): // it stands there twice, the other one as wanted
		case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ESRCH):
			missing = append(missing, i)
		default:
			b.set(i, b.d.refusal(&b.changes[i].New, err))
		}
	})
	b.besides(behind)
	return missing
}

// besides changes IPv4 routes that stand behind one of somebody else: the new one is added
// behind both before the old one goes. IPv6 would join the new one with the foreign one.
func (b *batch) besides(list []int) {
	b.send(list, unix.NLM_F_CREATE|unix.NLM_F_APPEND, func(i int, err error) {
		if !errors.Is(err, unix.EEXIST) {
			b.set(i, b.d.refusal(&b.changes[i].New, err))
		}
	})
	var old []int
	for _, i := range list {
		if b.err(i) == nil {
			old = append(old, i)
		}
	}
	b.remove(old)
}

// settle deals with new routes whose place is taken.
func (b *batch) settle(list []int) {
	places, err := b.look(list)
	var ours []int
	for n, i := range list {
		r := &b.changes[i].New
		holder := places[n].holder(r)
		switch {
		case err != nil:
			b.set(i, err)
		case holder != nil:
			b.satisfied(r, holder)
		case hit(places[n], r).owner(b.d, r) == we:
			ours = append(ours, i)
		default:
			b.set(i, taken("install", r, places[n].strangers(b.d)))
		}
	}
	b.send(ours, unix.NLM_F_REPLACE, func(i int, err error) {
		b.set(i, b.d.refusal(&b.changes[i].New, err))
	})
}

// satisfied forgets the note of a route that somebody else had made already: it stays theirs.
func (b *batch) satisfied(r *route.Route, holder *standing) {
	if e := b.d.ledger.entries[r.Key()]; e != nil && e.fresh && holder.protocol != b.d.options.Protocol {
		b.d.ledger.drop(r.Key())
	}
}
