// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"slices"
	"time"
)

// record returns what is remembered of an object, new when there was nothing.
func (t *table[T, K]) record(key K) *record {
	r := t.records[key]
	if r == nil {
		r = &record{}
		t.records[key] = r
	}
	return r
}

// set moves the record to a state; the time it began is kept while the state is.
func (r *record) set(state State, text string, now time.Time) {
	if r.state != state {
		r.since = now
	}
	r.state, r.text = state, text
}

func (p *draft[T, K]) noteConflicts(now time.Time) []Fault {
	for _, key := range p.same {
		p.t.shared[key] = true
		delete(p.t.records, key)
	}
	var fresh []Fault
	for i, key := range p.taken {
		if r := p.t.records[key]; r == nil || r.state != Conflict {
			fresh = append(fresh, p.clashes[i])
		}
		p.t.record(key).set(Conflict, p.clashes[i].Text, now)
	}
	return fresh
}

// holdBack leaves out the changes of objects that have to wait, and those that make an
// object contested by being one repair too many.
func (p *draft[T, K]) holdBack(now time.Time) []Fault {
	var contested []Fault
	p.changes = slices.DeleteFunc(p.changes, func(c Change[T]) bool {
		if c.Op == Remove {
			return false
		}
		key := p.t.d.Key(c.New)
		r := p.t.records[key]
		if r != nil && (r.state == Failed || r.state == Contested) && r.held(now) {
			return true
		}
		if r != nil && r.state == Waiting {
			return false
		}
		r = p.t.record(key)
		if !r.repaired(now) || r.state == Contested {
			return false
		}
		r.backOff(now)
		text := "changed by somebody else again and again; the next repair is in " + r.delay.String()
		r.set(Contested, text, now)
		contested = append(contested, Fault{Ref: p.t.ref(key), Origin: p.origin(c.New), State: Contested, Text: text})
		return true
	})
	return contested
}

// note remembers the outcome of the changes from..to.
func (p *draft[T, K]) note(from, to int, faults []Fault, now time.Time) {
	next := 0
	for i := from; i < to; i++ {
		key := p.t.d.Key(p.changes[i].Object())
		if next < len(faults) && faults[next].index == i {
			f := faults[next]
			next++
			r := p.t.record(key)
			r.set(f.State, f.Text, now)
			if !r.held(now) { // one apply tries several times
				r.backOff(now)
			}
			continue
		}
		p.done(key, now)
	}
}

// done notes that the object is as wanted.
func (p *draft[T, K]) done(key K, now time.Time) {
	delete(p.t.shared, key)
	r := p.t.records[key]
	switch {
	case r == nil:
	case r.state == Contested:
		r.backOff(now) // repaired once more; it stays contested until it rests for a minute
	case r.stale(now) || len(r.repairs) == 0:
		delete(p.t.records, key)
	default:
		r.set(OK, "", now)
	}
}

// onlyWaiting reports whether each change left is one that waits for an event.
func (p *draft[T, K]) onlyWaiting() bool {
	for _, c := range p.changes {
		if r := p.t.records[p.t.d.Key(c.Object())]; r == nil || r.state != Waiting {
			return false
		}
	}
	return true
}

// settle ends records of objects that turned out to be as wanted without a change of ours.
func (p *draft[T, K]) settle(now time.Time) {
	t := p.t
	if len(t.records) == 0 {
		return
	}
	open := make(map[K]bool, len(p.changes))
	for _, c := range p.changes {
		open[t.d.Key(c.Object())] = true
	}
	for _, key := range p.taken {
		open[key] = true
	}
	for key, r := range t.records {
		rested := r.state != Contested || len(r.repairs) == 0 || now.Sub(r.repairs[len(r.repairs)-1]) >= time.Minute
		if !open[key] && rested {
			r.set(OK, "", now)
			if r.stale(now) {
				delete(t.records, key)
			}
		}
	}
}
