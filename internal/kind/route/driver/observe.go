// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"context"

	"golang.org/x/sys/unix"

	"ucid/internal/kind/route"
	"ucid/internal/rtnl"
)

// Observe returns the routes that carry our protocol, those of the ledger that carry
// another one, and those of the ledger whose time is over, since that is what was asked
// for. The slice holds until the next call.
func (d *Driver) Observe(context.Context) ([]route.Route, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.devices.Load(d.conn); err != nil {
		return nil, err
	}
	if err := d.endExpired(); err != nil {
		return nil, err
	}
	d.calm.begin()
	d.routes, d.metrics = d.routes[:0], false
	for _, protocol := range d.ledger.protocols(d.options.Protocol) {
		if err := d.observe(protocol); err != nil {
			return nil, err
		}
	}
	d.calm.end(len(d.routes))
	for _, entry := range d.ledger.entries {
		if entry.Over {
			d.routes = append(d.routes, entry.Asked)
		}
	}
	return d.routes, nil
}

// observe adds the routes of one protocol that are ours.
func (d *Driver) observe(protocol uint8) error {
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		mark := len(d.routes)
		err := d.dump(family, protocol, 0, func() {
			d.routes = d.routes[:mark]
		}, func(r *route.Route, carried uint8) {
			if carried == protocol && d.claim(r, protocol) {
				d.routes = append(d.routes, *r)
				d.seeMetric(r)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// seeMetric remembers that an IPv4 route of ours has a metric, see present.
func (d *Driver) seeMetric(r *route.Route) {
	if r.Metric != 0 && r.Dst.Addr().Is4() {
		d.metrics = true
	}
}

// dump walks over the routes of one family. The kernel leaves out those of other protocols
// or tables, unless these are 0; a kernel before 4.20 sends them all.
func (d *Driver) dump(family, protocol uint8, table uint32, start func(), each func(r *route.Route, protocol uint8)) error {
	var r route.Route
	return d.conn.Dump(func(m *rtnl.Message) {
		header := [unix.SizeofRtMsg]byte{0: family, 5: protocol}
		m.Begin(unix.RTM_GETROUTE, 0, header[:])
		if table != 0 {
			m.Uint32(unix.RTA_TABLE, table)
		}
	}, start, func(kind uint16, body []byte) bool {
		if kind != unix.RTM_NEWROUTE {
			return true
		}
		if carried, ok := d.decode(body, &r); ok {
			each(&r, carried)
		}
		return true
	})
}

// claim reports whether a route that carries the protocol is ours, and gives it the form
// it was asked for.
func (d *Driver) claim(r *route.Route, protocol uint8) bool {
	if len(d.ledger.entries) == 0 {
		return protocol == d.options.Protocol
	}
	entry := d.ledger.entries[r.Key()]
	switch {
	case entry == nil:
	case fits(&entry.Asked, r, d.options.Protocol, protocol):
		*r = entry.Asked
		return true
	case entry.Before != nil && fits(entry.Before, r, d.options.Protocol, protocol):
		*r = *entry.Before
		return true
	}
	return protocol == d.options.Protocol
}

// fits reports whether a route found with that protocol is what was asked for. What the
// asker left to the kernel may be anything.
func fits(asked, found *route.Route, ours, protocol uint8) bool {
	if asked.Protocol != protocol && (asked.Protocol != 0 || protocol != ours) {
		return false
	}
	if *asked == *found {
		return true
	}
	same := *found
	same.Protocol, same.Valid = asked.Protocol, asked.Valid
	if asked.Dev == "" && asked.Gateway.IsValid() {
		same.Dev = ""
	}
	if same.Nexthops != asked.Nexthops && sameHops(asked, found) {
		same.Nexthops = asked.Nexthops
	}
	return same == *asked
}

// sameHops compares the ways, but not the devices the asker did not name.
func sameHops(asked, found *route.Route) bool {
	wanted, err := asked.Hops()
	hops, err2 := found.Hops()
	if err != nil || err2 != nil || len(wanted) != len(hops) {
		return false
	}
	used := make([]bool, len(hops))
	for _, w := range wanted {
		match := false
		for i, h := range hops {
			if w.Dev == "" {
				h.Dev = ""
			}
			if !used[i] && h.Compare(w) == 0 {
				used[i], match = true, true
				break
			}
		}
		if !match {
			return false
		}
	}
	return true
}
