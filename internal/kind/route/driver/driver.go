// SPDX-License-Identifier: Apache-2.0

// Package driver converges the routes of the kernel, IPv4 and IPv6, in all tables.
//
// What is ours carries our protocol number (rtm_protocol). A route that has to carry another
// one, or ends by itself, or leaves its device to the kernel, is remembered in a ledger as
// it was asked for. Nothing else is ever changed: new routes are made with CREATE|EXCL, only
// a route that carries our number is replaced, and a removal names the route in full.
package driver

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"ucid/internal/engine"
	"ucid/internal/kind/addr"
	"ucid/internal/kind/link"
	"ucid/internal/kind/route"
	"ucid/internal/netmon"
	"ucid/internal/rtnl"
)

// DefaultProtocol is the rtm_protocol of our routes; linux/rtnetlink.h leaves it free.
const DefaultProtocol = 117

// Options of a Driver.
type Options struct {
	Protocol uint8           // rtm_protocol of what is ours, 5 to 255; 0: DefaultProtocol
	RunDir   string          // directory of the ledger, route.json; empty: it does not survive a restart
	Monitor  *netmon.Monitor // wakes the driver; nil: Watch runs one of its own
}

// Driver implements [engine.Driver] for routes. Its methods may be called from several goroutines.
type Driver struct {
	options Options

	mu      sync.Mutex
	conn    *rtnl.Conn
	calm    calm
	devices rtnl.Devices
	ledger  ledger
	routes  []route.Route // what Observe returned last
	lists   hopLists
	metrics bool          // IPv4 routes of ours may have one
	expiry  chan struct{} // tells Watch that the ledger has a new deadline
}

// New opens the driver in the network namespace of the calling thread.
func New(options Options) (*Driver, error) {
	if options.Protocol == 0 {
		options.Protocol = DefaultProtocol
	}
	ledger, err := openLedger(options.RunDir)
	if err != nil {
		return nil, fmt.Errorf("cannot read the ledger of routes: %w", err)
	}
	conn, err := rtnl.Dial()
	if err != nil {
		return nil, err
	}
	guard, err := rtnl.NewGuard(conn)
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &Driver{
		options: options, conn: conn, calm: calm{guard: guard},
		metrics: true, ledger: ledger, expiry: make(chan struct{}, 1),
	}, nil
}

// Close ends the driver's sockets. The routes stay.
func (d *Driver) Close() error {
	return errors.Join(d.conn.Close(), d.calm.guard.Close())
}

// Kind is "route".
func (d *Driver) Kind() string { return route.Kind }

// Key is the place in the table.
func (d *Driver) Key(r route.Route) route.Key { return r.Key() }

// Needs asks for the devices of the route, and for every address: a gateway is on the link
// only once the device has its own address.
func (d *Driver) Needs(r route.Route, need func(engine.Ref)) {
	if r.Dev != "" {
		need(engine.Ref{Kind: link.Kind, Name: r.Dev})
	}
	hops, _ := r.Hops()
	for _, h := range hops {
		if h.Dev != "" {
			need(engine.Ref{Kind: link.Kind, Name: h.Dev})
		}
	}
	need(engine.Ref{Kind: addr.Kind})
}

// Effect says what a change does to the traffic.
func (d *Driver) Effect(c engine.Change[route.Route]) string {
	if c.Op == engine.Modify {
		return "in place, no packet lost"
	}
	return ""
}

// Watch wakes on every change of routes, addresses and devices: IPv4 routes vanish in
// silence with a device or with its last address. It also ends routes whose time is over.
func (d *Driver) Watch(ctx context.Context, wake func()) error {
	ended := make(chan error, 1)
	go func() { ended <- d.expire(ctx, wake) }()
	err := netmon.Watch(ctx, d.options.Monitor, netmon.Link|netmon.Addr|netmon.Route, wake)
	if err != nil {
		return err
	}
	return <-ended
}

// protocol is what the route carries in the kernel.
func (d *Driver) protocol(r *route.Route) uint8 {
	if r.Protocol != 0 {
		return r.Protocol
	}
	return d.options.Protocol
}
