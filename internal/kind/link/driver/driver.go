// SPDX-License-Identifier: Apache-2.0

// Package driver publishes facts of the kernel's network devices: that they exist, are up,
// and have addresses and a gateway, whoever made them. It changes nothing.
package driver

import (
	"context"
	"net/netip"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"ucid/internal/engine"
	"ucid/internal/kind/link"
	"ucid/internal/netmon"
	"ucid/internal/rtnl"
)

// Options of a Driver.
type Options struct {
	Monitor *netmon.Monitor // wakes the driver; nil: Watch runs one of its own
}

// Driver implements [engine.FactSource]. Its methods may be called from several goroutines.
type Driver struct {
	options Options

	mu      sync.Mutex
	conn    *rtnl.Conn
	devices rtnl.Devices
}

// New opens the driver in the network namespace of the calling thread, which has to be that
// of the process when there are very many routes.
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

// Watch wakes when a device, an address or a route changes; gateways are read from routes.
func (d *Driver) Watch(ctx context.Context, wake func()) error {
	return netmon.Watch(ctx, d.options.Monitor, netmon.Link|netmon.Addr|netmon.Route, wake)
}

// Facts tells what is known of each device, by the topics of package link. It costs one
// dump of devices, one of addresses, one of IPv6 routes and the start of one of IPv4 routes.
func (d *Driver) Facts(context.Context) (map[engine.Fact]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.devices.Load(d.conn); err != nil {
		return nil, err
	}
	facts := map[engine.Fact]string{}
	d.devices.All(func(dev rtnl.Device) {
		facts[engine.Fact{Topic: link.Index, Name: dev.Name}] = strconv.Itoa(dev.Index)
		if dev.Flags&unix.IFF_UP != 0 && dev.Flags&unix.IFF_LOWER_UP != 0 {
			facts[engine.Fact{Topic: link.Up, Name: dev.Name}] = "1"
		}
	})
	addresses, err := d.addresses()
	if err != nil {
		return nil, err
	}
	for name, list := range addresses {
		facts[engine.Fact{Topic: link.Addresses, Name: name}] = strings.Join(list, " ")
	}
	for family, topic := range map[uint8]string{unix.AF_INET: link.Gateway4, unix.AF_INET6: link.Gateway6} {
		gateways, err := d.gateways(family)
		if err != nil {
			return nil, err
		}
		for name, best := range gateways {
			facts[engine.Fact{Topic: topic, Name: name}] = best.gateway.String()
		}
	}
	return facts, nil
}

// addresses lists those of each device, IPv4 first, as the kernel does.
func (d *Driver) addresses() (map[string][]string, error) {
	lists := map[string][]string{}
	err := d.conn.Dump(func(m *rtnl.Message) {
		m.Begin(unix.RTM_GETADDR, 0, make([]byte, unix.SizeofIfAddrmsg))
	}, func() { clear(lists) }, func(kind uint16, body []byte) bool {
		if kind == unix.RTM_NEWADDR && len(body) >= unix.SizeofIfAddrmsg {
			if prefix, index := parseAddress(body); prefix.IsValid() {
				name := d.devices.Name(index)
				lists[name] = append(lists[name], prefix.String())
			}
		}
		return true
	})
	return lists, err
}

// parseAddress leaves out what cannot be used: an address that failed duplicate address
// detection, or is still in it.
func parseAddress(body []byte) (prefix netip.Prefix, index int) {
	var local, address netip.Addr
	flags := uint32(body[2])
	for a := (rtnl.Attrs{Rest: body[unix.SizeofIfAddrmsg:]}); a.Next(); {
		switch a.Kind {
		case unix.IFA_LOCAL:
			local = a.Addr()
		case unix.IFA_ADDRESS:
			address = a.Addr()
		case unix.IFA_FLAGS:
			flags = a.Uint32()
		}
	}
	if !local.IsValid() {
		local = address
	}
	tentative := flags&unix.IFA_F_TENTATIVE != 0 && flags&unix.IFA_F_OPTIMISTIC == 0
	if tentative || flags&unix.IFA_F_DADFAILED != 0 {
		return netip.Prefix{}, 0
	}
	return netip.PrefixFrom(local, int(body[1])), int(native.Uint32(body[4:]))
}
