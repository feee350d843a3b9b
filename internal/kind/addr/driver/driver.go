// SPDX-License-Identifier: Apache-2.0

// Package driver converges the addresses of the kernel's devices.
//
// What is ours carries our protocol number (IFA_PROTO, Linux 5.18 or later); an older kernel
// does not give it back, so a ledger remembers what was added. Addresses of others are never
// changed, nor taken along when one of ours goes.
package driver

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"ucid/internal/engine"
	"ucid/internal/kind/addr"
	"ucid/internal/kind/link"
	"ucid/internal/netmon"
	"ucid/internal/rtnl"
)

// DefaultProtocol is the IFA_PROTO of our addresses, the same number as that of our routes.
const DefaultProtocol = 117

// Options of a Driver.
type Options struct {
	Protocol uint8           // IFA_PROTO of what is ours, 4 to 255; 0: DefaultProtocol
	RunDir   string          // directory of the ledger, addr.json; empty: it does not survive a restart
	Monitor  *netmon.Monitor // wakes the driver; nil: Watch runs one of its own
}

// Driver implements [engine.Driver] for addresses. Its methods may be called from several goroutines.
type Driver struct {
	options Options

	mu      sync.Mutex
	conn    *rtnl.Conn
	devices rtnl.Devices
	ledger  ledger
	mute    bool                // the kernel does not give IFA_PROTO back
	found   map[addr.Key]record // all addresses at the last look
	order   []addr.Key          // that of the kernel
	ours    []addr.Addr         // what Observe returned last
}

// record is an address in the kernel.
type record struct {
	addr     addr.Addr
	index    int    // of the device
	flags    uint32 // IFA_F_*
	protocol uint8
}

// New opens the driver in the network namespace of the calling thread.
func New(options Options) (*Driver, error) {
	if options.Protocol == 0 {
		options.Protocol = DefaultProtocol
	}
	ledger, err := openLedger(options.RunDir)
	if err != nil {
		return nil, fmt.Errorf("cannot read the ledger of addresses: %w", err)
	}
	conn, err := rtnl.Dial()
	if err != nil {
		return nil, err
	}
	return &Driver{
		options: options, conn: conn, ledger: ledger,
		mute: !kernelTells(), found: map[addr.Key]record{},
	}, nil
}

// kernelTells reports whether the kernel is 5.18 or later.
func kernelTells() bool {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return false
	}
	var major, minor int
	if n, _ := fmt.Sscanf(unix.ByteSliceToString(name.Release[:]), "%d.%d", &major, &minor); n != 2 {
		return false
	}
	return major > 5 || major == 5 && minor >= 18
}

// Close ends the driver's socket. The addresses stay.
func (d *Driver) Close() error { return d.conn.Close() }

// Kind is "addr".
func (d *Driver) Kind() string { return addr.Kind }

// Key is the device and the address.
func (d *Driver) Key(a addr.Addr) addr.Key { return a.Key() }

// Needs asks for the device.
func (d *Driver) Needs(a addr.Addr, need func(engine.Ref)) {
	need(engine.Ref{Kind: link.Kind, Name: a.Dev})
}

// Effect says what a change does to the traffic.
func (d *Driver) Effect(c engine.Change[addr.Addr]) string {
	switch {
	case c.Op != engine.Modify:
		return ""
	case inPlace(&c.Old, &c.New):
		return "in place, no packet lost"
	}
	return "the kernel cannot change it in place: it is removed and added at once, its routes with it"
}

// Watch wakes on every change of addresses and devices.
func (d *Driver) Watch(ctx context.Context, wake func()) error {
	return netmon.Watch(ctx, d.options.Monitor, netmon.Link|netmon.Addr, wake)
}

// Check refuses what the kernel would take but give back in another form.
func (d *Driver) Check(a addr.Addr) error {
	four := a.Prefix.Addr().Is4()
	switch {
	case !a.Prefix.IsValid():
		return fmt.Errorf("it has no address")
	case a.Prefix.Addr().Is4In6(), a.Peer.Is4In6(), a.Broadcast.Is4In6():
		return fmt.Errorf("an IPv4 address is written as an IPv6 one")
	case a.Peer.IsValid() && (a.Peer.Is4() != four || a.Peer == a.Prefix.Addr()):
		return fmt.Errorf("peer %s is not another address of the family", a.Peer)
	case a.Broadcast.IsValid() && !(four && a.Broadcast.Is4()):
		return fmt.Errorf("broadcast %s: only IPv4 has broadcasts", a.Broadcast)
	}
	return nil
}

// detectionTime is how long an apply waits for duplicate address detection: the random
// delay of RFC 4862 §5.4.2, one probe of a second, and some more.
const detectionTime = 4 * time.Second

// Probe tells how duplicate address detection is doing.
func (d *Driver) Probe(a addr.Addr) engine.Health {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.found[a.Key()]
	dev, _ := d.devices.Find(a.Dev)
	switch {
	case r.flags&unix.IFA_F_DADFAILED != 0:
		return engine.Health{State: engine.Failed, Text: fmt.Sprintf("another host on %s has the address (duplicate address detection)", a.Dev)}
	case r.flags&unix.IFA_F_TENTATIVE == 0 || r.flags&unix.IFA_F_OPTIMISTIC != 0:
		return engine.Health{}
	case dev.Flags&unix.IFF_UP == 0 || dev.Flags&unix.IFF_LOWER_UP == 0:
		return engine.Health{State: engine.Waiting, Text: "duplicate address detection waits for " + a.Dev + " to come up"}
	}
	return engine.Health{State: engine.Waiting, Text: "duplicate address detection is running", Limit: detectionTime}
}

// Observe returns the addresses that are ours, in the order of the kernel. The slice holds
// until the next call.
func (d *Driver) Observe(context.Context) ([]addr.Addr, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.look(); err != nil {
		return nil, err
	}
	d.ours = d.ours[:0]
	for _, key := range d.order {
		if r := d.found[key]; d.isOurs(&r) {
			d.ours = append(d.ours, r.addr)
		}
	}
	return d.ours, nil
}

func (d *Driver) isOurs(r *record) bool {
	return !d.mute && r.protocol == d.options.Protocol || d.ledger.holds(r)
}

// Foreign tells which addresses others have given to the devices.
func (d *Driver) Foreign(_ context.Context, addrs []addr.Addr) ([]engine.Standing, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.look(); err != nil {
		return nil, err
	}
	found := make([]engine.Standing, len(addrs))
	for i, a := range addrs {
		if r, ok := d.found[a.Key()]; ok && !d.isOurs(&r) {
			found[i] = engine.Standing{Same: r.suits(&a), Owner: owner(r.protocol)}
		}
	}
	return found, nil
}

// suits reports whether an address of somebody else does what is asked for. Programs differ
// in the broadcast they add on their own; who does not ask for one does not mind.
func (r *record) suits(a *addr.Addr) bool {
	same := r.addr
	if !a.Broadcast.IsValid() {
		same.Broadcast = netip.Addr{}
	}
	return same == *a
}

// owner names who added an address (IFAPROT_* in linux/if_addr.h).
func owner(protocol uint8) string {
	switch protocol {
	case 0:
		return "another program"
	case 1:
		return "kernel (loopback)"
	case 2:
		return "kernel (router advertisement)"
	case 3:
		return "kernel (link-local)"
	}
	return fmt.Sprintf("protocol %d", protocol)
}
