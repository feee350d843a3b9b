// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"golang.org/x/sys/unix"

	"ucid/internal/engine"
	"ucid/internal/kind/route"
	"ucid/internal/rtnl"
)

// calm knows whether a route of ours can be replaced without a look at all the others: it
// can when nobody else has added a route since Observe found it, and none of somebody else
// stands beside it. A look costs a dump of the table, however few routes change.
type calm struct {
	guard *rtnl.Guard
	fresh bool // nobody added a route since Observe began
	known bool // mixed is complete
	mixed map[route.Key]bool
}

// begin is called when Observe begins.
func (c *calm) begin() {
	if c.guard.Changed() {
		c.known = false
	}
	c.fresh = true
}

// end is called with the number of routes Observe found. Where none is ours, none stands
// beside one of ours.
func (c *calm) end(ours int) {
	if ours == 0 {
		c.known, c.mixed = true, nil
	}
}

// undisturbed reports whether the places that are not in mixed are ours alone.
func (d *Driver) undisturbed() bool {
	c := &d.calm
	if c.guard.Changed() {
		c.fresh, c.known = false, false
	}
	if c.fresh && !c.known {
		c.known = d.findMixed() == nil && !c.guard.Changed()
		c.fresh = c.known
	}
	return c.fresh
}

// findMixed looks for places with a route of ours and one of somebody else. What stands in
// one place comes together in a dump.
func (d *Driver) findMixed() error {
	mixed := map[route.Key]bool{}
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		var last route.Key
		var lastProtocol uint8
		err := d.dump(family, 0, 0, func() { last = route.Key{} }, func(r *route.Route, protocol uint8) {
			key := r.Key()
			ours := protocol == d.options.Protocol || lastProtocol == d.options.Protocol
			if key == last && ours && protocol != lastProtocol {
				mixed[key] = true
			}
			last, lastProtocol = key, protocol
		})
		if err != nil {
			return err
		}
	}
	d.calm.mixed = mixed
	return nil
}

// alone picks the changes whose old route is known to stand alone in its place.
func (b *batch) alone(list []int) (alone, doubtful []int) {
	if len(list) == 0 || !b.d.undisturbed() {
		return nil, list
	}
	for _, i := range list {
		c := &b.changes[i]
		if b.d.calm.mixed[c.Old.Key()] || otherProtocol(c) {
			doubtful = append(doubtful, i)
		} else {
			alone = append(alone, i)
		}
	}
	return alone, doubtful
}

func otherProtocol(c *engine.Change[route.Route]) bool {
	return c.Old.Protocol != 0 || c.New.Protocol != 0
}
