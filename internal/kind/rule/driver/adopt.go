// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"context"
	"fmt"

	"golang.org/x/sys/unix"

	"ucid/internal/kind/rule"
	"ucid/internal/rtnl"
)

// Adopt makes a rule that somebody else made ours: it is added with our protocol before the
// foreign one is removed.
func (d *Driver) Adopt(_ context.Context, r rule.Rule) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	owners := map[uint8]bool{}
	err := d.dump(family(&r), func() { clear(owners) }, func(found rule.Rule, protocol uint8) {
		if found == r {
			owners[protocol] = true
		}
	})
	if err != nil {
		return err
	}
	if !owners[d.options.Protocol] {
		err := d.conn.One(func(m *rtnl.Message) {
			encode(m, unix.RTM_NEWRULE, unix.NLM_F_CREATE, &r, d.options.Protocol)
		})
		if err != nil {
			return fmt.Errorf("cannot add rule %s: %w", r, err)
		}
	}
	delete(owners, d.options.Protocol)
	for protocol := range owners {
		if err := d.remove(&r, protocol); err != nil {
			return err
		}
	}
	return nil
}
