// SPDX-License-Identifier: Apache-2.0

// Package driver publishes facts of the kernel's network devices.
package driver

import (
	"context"

	"ucid/internal/engine"
	"ucid/internal/kind/link"
	"ucid/internal/netmon"
	"ucid/internal/rtnl"
)

// Options of a Driver.
type Options struct {
	Monitor *netmon.Monitor // wakes the driver; nil: Watch runs one of its own
}

// Driver is the source of facts about devices.
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

// Kind is "link".
func (d *Driver) Kind() string { return link.Kind }

// Facts tells what is known of each device, by the topics of package link.
func (d *Driver) Facts(context.Context) (map[engine.Fact]string, error) { return nil, nil }

// Watch wakes the engine when something may have changed.
func (d *Driver) Watch(ctx context.Context, wake func()) error { <-ctx.Done(); return nil }
