// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"context"
	"fmt"

	"golang.org/x/sys/unix"

	"ucid/internal/kind/addr"
	"ucid/internal/rtnl"
)

// Adopt makes an address that somebody else gave to the device ours and as wanted. The
// kernel gives our protocol number to an IPv6 address in place; where it does not, the
// ledger remembers the address.
func (d *Driver) Adopt(_ context.Context, a addr.Addr) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.look(); err != nil {
		return err
	}
	r, there := d.found[a.Key()]
	if !there {
		return fmt.Errorf("cannot adopt %s: it is not there", a)
	}
	d.ledger.indexes[a.Key()] = r.index
	if err := d.ledger.save(); err != nil {
		return err
	}
	switch {
	case r.addr != a && !inPlace(&r.addr, &a):
		return d.exchange(&r, &a)
	case a.Prefix.Addr().Is4():
		return nil
	}
	err := d.conn.One(func(m *rtnl.Message) { d.encode(m, unix.RTM_NEWADDR, unix.NLM_F_REPLACE, &a, r.index) })
	if err != nil {
		return d.explain(&a, err)
	}
	return nil
}
