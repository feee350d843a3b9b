// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"context"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"ucid/internal/kind/route"
	"ucid/internal/rtnl"
)

// Explain tells what stands in the place, whose it is, and which way a packet to the
// destination would go now.
func (d *Driver) Explain(_ context.Context, key route.Key) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.devices.Load(d.conn); err != nil {
		return []string{"cannot look: " + err.Error()}
	}
	places := make([]place, 1)
	wanted := route.Route{Table: key.Table, Dst: key.Dst, Src: key.Src, TOS: key.TOS, Metric: key.Metric}
	if err := d.survey(1, func(int) *route.Route { return &wanted }, places); err != nil {
		return []string{"cannot look: " + err.Error()}
	}
	var facts []string
	for i := range places[0] {
		facts = append(facts, d.describe(&places[0][i]))
	}
	if len(facts) == 0 {
		facts = append(facts, "the kernel has no route in this place")
	}
	if e := d.ledger.entries[key]; e != nil && e.Over {
		facts = append(facts, "its time is over: it was removed as asked")
	}
	return append(facts, d.lookup(key.Dst.Addr()))
}

func (d *Driver) describe(s *standing) string {
	owner := "ours"
	if s.protocol != d.options.Protocol && !d.claimed(s) {
		owner = "of " + ProtocolName(s.protocol)
	}
	return fmt.Sprintf("in the kernel, %s: %s", owner, s.route)
}

// lookup is what ip-route(8) get tells.
func (d *Driver) lookup(to netip.Addr) string {
	text := "no route to " + to.String()
	err := d.conn.Get(func(m *rtnl.Message) {
		header := [unix.SizeofRtMsg]byte{0: rtnl.Family(to), 1: uint8(to.BitLen())}
		m.Begin(unix.RTM_GETROUTE, 0, header[:])
		m.Addr(unix.RTA_DST, to)
	}, func(_ uint16, body []byte) {
		var r route.Route
		if len(body) < unix.SizeofRtMsg {
			return
		}
		clear(body[8:12]) // the answer is marked as cached
		if _, ok := d.decode(body, &r); ok {
			text = "a packet to " + to.String() + " goes " + way(&r)
		}
	})
	if err != nil {
		return text + ": " + err.Error()
	}
	return text
}

func way(r *route.Route) string {
	if r.Type != route.Unicast {
		return "nowhere: " + r.Type.String()
	}
	text := "out of " + r.Dev
	if r.Gateway.IsValid() {
		text = "via " + r.Gateway.String() + " " + text
	}
	if r.PrefSrc.IsValid() {
		text += " from " + r.PrefSrc.String()
	}
	return text
}
