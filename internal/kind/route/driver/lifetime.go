// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"ucid/internal/kind/route"
	"ucid/internal/rtnl"
)

// over reports whether r is a route whose time came.
func (l *ledger) over(r *route.Route) bool {
	e := l.entries[r.Key()]
	return e != nil && e.Over && e.Asked == *r
}

// nextEnd is when the first lifetime ends, 0 when none does.
func (l *ledger) nextEnd() time.Duration {
	var first time.Duration
	for _, e := range l.entries {
		if e.Until != 0 && !e.Over && (first == 0 || e.Until < first) {
			first = e.Until
		}
	}
	return first
}

// wakeExpiry tells expire to look at the ledger again.
func (d *Driver) wakeExpiry() {
	select {
	case d.expiry <- struct{}{}:
	default:
	}
}

// expire removes routes when their time is over, until ctx ends.
func (d *Driver) expire(ctx context.Context, wake func()) error {
	for {
		d.mu.Lock()
		end := d.ledger.nextEnd()
		d.mu.Unlock()
		var due <-chan time.Time
		if end != 0 {
			due = time.After(max(end-bootTime(), 0))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-d.expiry:
		case <-due:
			wake() // Observe ends what is due
			if err := d.endDue(); err != nil {
				return err
			}
		}
	}
}

func (d *Driver) endDue() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.devices.Load(d.conn); err != nil {
		return err
	}
	return d.endExpired()
}

// endExpired removes what has lived its time. That it is gone already is fine.
func (d *Driver) endExpired() error {
	if d.ledger.nextEnd() == 0 {
		return nil
	}
	now := bootTime()
	for _, e := range d.ledger.entries {
		if e.Until == 0 || e.Over || e.Until > now {
			continue
		}
		if d.missingDevice(&e.Asked) == nil {
			err := d.conn.One(func(m *rtnl.Message) { d.encodeRemoval(m, &e.Asked) })
			if err != nil && !errors.Is(err, unix.ESRCH) && !errors.Is(err, unix.ENODEV) {
				return problem("remove", &e.Asked, err)
			}
		}
		e.Over = true
		d.ledger.changed = true
	}
	return d.ledger.save()
}
