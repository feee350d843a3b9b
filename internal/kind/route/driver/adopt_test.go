// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"context"
	"testing"

	"ucid/internal/engine"
	"ucid/internal/kind/route"
)

// Routes of others become ours on purpose, the same ones and different ones.
func TestAdopt(t *testing.T) {
	cabled(t)
	d := open(t, Options{})
	ip(t, "route add 10.8.0.0/16 via 10.0.1.2 proto static")
	ip(t, "route add 10.9.0.0/16 via 10.0.1.9 proto bird")
	ip(t, "-6 route add 2001:db8:8::/48 via 2001:db8:1::9 proto static")
	wishes := []route.Route{
		r4("10.8.0.0/16", "10.0.1.2", "eth1"), r4("10.9.0.0/16", "10.0.2.2", "eth2"),
		r6("2001:db8:8::/48", "2001:db8:2::2", "eth2"),
		with(r4("10.8.0.0/16", "10.0.1.2", "eth1"), func(r *route.Route) { r.Metric, r.Valid = 9, 1000 }),
	}
	for _, r := range wishes {
		if err := d.Adopt(context.Background(), r); err != nil {
			t.Error(err)
		}
	}
	expect(t, d, wishes...)
	if left := others(t, d); len(left) > 0 {
		t.Errorf("still foreign: %v", left)
	}
	if err := d.Adopt(context.Background(), r4("10.8.0.0/16", "10.0.1.2", "eth9")); err == nil {
		t.Error("a route through a missing device was adopted")
	}
}

var _ engine.Adopter[route.Route] = (*Driver)(nil)
