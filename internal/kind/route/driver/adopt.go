// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"context"

	"golang.org/x/sys/unix"

	"ucid/internal/engine"
	"ucid/internal/kind/route"
	"ucid/internal/rtnl"
)

// Adopt makes the route that stands in the place of r ours and as wanted, in place.
func (d *Driver) Adopt(_ context.Context, r route.Route) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	b := &batch{d: d, changes: []engine.Change[route.Route]{{Op: engine.Create, New: r}}}
	if err := d.devices.Load(d.conn); err != nil {
		return err
	}
	if err := d.missingDevice(&r); err != nil {
		return err
	}
	if err := b.note(); err != nil {
		return err
	}
	err := d.conn.One(func(m *rtnl.Message) { d.encode(m, unix.NLM_F_CREATE|unix.NLM_F_REPLACE, &r) })
	if err != nil {
		b.set(0, d.refusal(&r, err))
	}
	b.conclude()
	return b.err(0)
}
