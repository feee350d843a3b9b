// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"errors"

	"golang.org/x/sys/unix"

	"ucid/internal/kind/route"
	"ucid/internal/rtnl"
)

// A standing is a route that was found, whoever made it. The zero standing is none.
type standing struct {
	route    route.Route
	protocol uint8
}

// A place is what stands under one key, in the kernel's order.
type place []standing

type owner uint8

const (
	nobody owner = iota
	we
	somebody
)

// owner tells whose what stands in the place of old is: ours by its protocol, or because
// the ledger knew it before this change.
func (s *standing) owner(d *Driver, old *route.Route) owner {
	switch {
	case s == nil:
		return nobody
	case s.protocol == d.options.Protocol:
		return we
	}
	if e := d.ledger.entries[old.Key()]; e != nil && !e.fresh && d.claimed(s) {
		return we
	}
	return somebody
}

// hit is what NLM_F_REPLACE would take: the first one; for IPv6 the first one that is as
// able to be one way of several as the new one, if there is one (fib6_add_rt2node).
func hit(p place, r *route.Route) *standing {
	if r.Dst.Addr().Is6() {
		for i := range p {
			if p[i].joins() == (r.Gateway.IsValid() || !r.Nexthops.Empty()) {
				return &p[i]
			}
		}
	}
	if len(p) == 0 {
		return nil
	}
	return &p[0]
}

// joins reports whether IPv6 could make it one way of several: it has a gateway and does
// not come from a router advertisement.
func (s *standing) joins() bool {
	return (s.route.Gateway.IsValid() || !s.route.Nexthops.Empty()) && s.protocol != unix.RTPROT_RA
}

// holder finds what does what r asks for, whoever made it.
func (p place) holder(r *route.Route) *standing {
	as := *r
	as.Protocol = 0
	for i := range p {
		if fits(&as, &p[i].route, 0, 0) {
			return &p[i]
		}
	}
	return nil
}

// ours reports whether our old route stands there.
func (p place) ours(d *Driver, old *route.Route) bool {
	for i := range p {
		if p[i].owner(d, old) == we {
			return true
		}
	}
	return false
}

// strangers names those who own what stands there.
func (p place) strangers(d *Driver) string {
	for i := range p {
		if p[i].protocol != d.options.Protocol {
			return ProtocolName(p[i].protocol)
		}
	}
	return "another route of ours"
}

// look finds what stands in the places of the new routes.
func (b *batch) look(list []int) ([]place, error) {
	places := make([]place, len(list))
	if len(list) == 0 {
		return places, nil
	}
	err := b.d.survey(len(list), func(n int) *route.Route {
		return &b.changes[list[n]].New
	}, places)
	return places, err
}

// survey finds what stands in n places. Where all are in one table the kernel leaves out
// the others.
func (d *Driver) survey(n int, at func(int) *route.Route, places []place) error {
	index := make(map[route.Key]int32, n)
	tables := map[uint8]uint32{}
	for i := range n {
		r := at(i)
		index[r.Key()] = int32(i)
		family := rtnl.Family(r.Dst.Addr())
		if table, ok := tables[family]; ok && table != r.Table {
			tables[family] = 0
		} else {
			tables[family] = r.Table
		}
	}
	for family, table := range tables {
		err := d.dump(family, 0, table, func() {
			for i := range n {
				if rtnl.Family(at(i).Dst.Addr()) == family {
					places[i] = nil
				}
			}
		}, func(r *route.Route, protocol uint8) {
			if i, ok := index[r.Key()]; ok {
				places[i] = append(places[i], standing{*r, protocol})
			}
		})
		if noTable := errors.Is(err, unix.ENOENT); err != nil && !noTable {
			return err
		}
	}
	return nil
}
