// SPDX-License-Identifier: Apache-2.0

// Package driver converges the addrs of the kernel.
package driver

import (
	"context"

	"ucid/internal/engine"
	"ucid/internal/kind/addr"
	"ucid/internal/netmon"
	"ucid/internal/rtnl"
)

// DefaultProtocol marks what is ours.
const DefaultProtocol = 117

// Options of a Driver.
type Options struct {
	Protocol uint8           // number that marks what is ours; 0: DefaultProtocol
	RunDir   string          // directory of the ledger; empty: nothing survives a restart
	Monitor  *netmon.Monitor // wakes the driver; nil: Watch runs one of its own
}

// Driver converges one kind of object.
type Driver struct {
	options Options
	conn    *rtnl.Conn
}

// New opens the driver in the network namespace of the calling thread.
func New(options Options) (*Driver, error) {
	conn, err := rtnl.Dial()
	if err != nil {
		return nil, err
	}
	return &Driver{options: options, conn: conn}, nil
}

// Close ends the driver's socket.
func (d *Driver) Close() error { return d.conn.Close() }

// Kind is "addr".
func (d *Driver) Kind() string { return addr.Kind }

// Observe returns the objects that are ours.
func (d *Driver) Observe(context.Context) ([]addr.Addr, error) { return nil, nil }

// Apply makes the changes.
func (d *Driver) Apply(context.Context, []engine.Change[addr.Addr]) []error { return nil }

// Watch wakes the engine when something may have changed.
func (d *Driver) Watch(ctx context.Context, wake func()) error { <-ctx.Done(); return nil }

// Needs calls need for what must exist before.
func (d *Driver) Needs(addr.Addr, func(engine.Ref)) {}

// Key returns the identity.
func (d *Driver) Key(object addr.Addr) addr.Key { return object.Key() }
