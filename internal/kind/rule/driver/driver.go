// SPDX-License-Identifier: Apache-2.0

// Package driver converges the policy rules of the kernel, IPv4 and IPv6.
//
// What is ours carries our protocol number (FRA_PROTOCOL). The rules of the kernel and of
// others are never changed.
package driver

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"golang.org/x/sys/unix"

	"ucid/internal/engine"
	"ucid/internal/kind/rule"
	"ucid/internal/netmon"
	"ucid/internal/rtnl"
)

// DefaultProtocol is the FRA_PROTOCOL of our rules, the same number as that of our routes.
const DefaultProtocol = 117

// Options of a Driver.
type Options struct {
	Protocol uint8           // FRA_PROTOCOL of what is ours, 5 to 255; 0: DefaultProtocol
	Monitor  *netmon.Monitor // wakes the driver; nil: Watch runs one of its own
}

// Driver implements [engine.Driver] for rules. Its methods may be called from several goroutines.
type Driver struct {
	options Options

	mu    sync.Mutex
	conn  *rtnl.Conn
	rules []rule.Rule // what Observe returned last
}

// New opens the driver in the network namespace of the calling thread.
func New(options Options) (*Driver, error) {
	if options.Protocol == 0 {
		options.Protocol = DefaultProtocol
	}
	conn, err := rtnl.Dial()
	if err != nil {
		return nil, err
	}
	return &Driver{options: options, conn: conn}, nil
}

// Close ends the driver's socket. The rules stay.
func (d *Driver) Close() error { return d.conn.Close() }

// Kind is "rule".
func (d *Driver) Kind() string { return rule.Kind }

// Key is the rule itself: a changed rule is another one.
func (d *Driver) Key(r rule.Rule) rule.Rule { return r }

// Needs asks for nothing: a rule for a device that is not there matches nothing.
func (d *Driver) Needs(rule.Rule, func(engine.Ref)) {}

// Watch wakes on every change of rules.
func (d *Driver) Watch(ctx context.Context, wake func()) error {
	return netmon.Watch(ctx, d.options.Monitor, netmon.Rule, wake)
}

// Check refuses what the kernel would take but give back in another form.
func (d *Driver) Check(r rule.Rule) error {
	switch {
	case r.Protocol != 0:
		return fmt.Errorf("a rule of ours carries protocol %d, no other", d.options.Protocol)
	case r.Action.String() == "":
		return errors.New("it has no action")
	case r.Action == rule.Lookup && r.Table == 0:
		return errors.New("there is no table 0")
	case r.Action == rule.Goto && r.Goto <= r.Priority:
		return fmt.Errorf("goto %d leads back: its own priority is %d", r.Goto, r.Priority)
	case r.MarkMask == 0 && r.Mark != 0:
		return errors.New("it has a mark without a mask")
	}
	if err := checkPrefix("source", r.Src, r.IPv6); err != nil {
		return err
	}
	return checkPrefix("destination", r.Dst, r.IPv6)
}

func checkPrefix(side string, p netip.Prefix, six bool) error {
	switch {
	case !p.IsValid():
		return nil
	case p.Addr().Is6() != six:
		return fmt.Errorf("%s %s is of the other address family", side, p)
	case p.Bits() == 0:
		return fmt.Errorf("%s %s is everything; leave it out", side, p)
	case p != p.Masked():
		return fmt.Errorf("%s %s has host bits set", side, p)
	}
	return nil
}

// Observe returns the rules that carry our protocol. A rule that stands there twice is
// returned once: the second one does nothing. The slice holds until the next call.
func (d *Driver) Observe(context.Context) ([]rule.Rule, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rules = d.rules[:0]
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		mark := len(d.rules)
		err := d.dump(family, func() { d.rules = d.rules[:mark] }, func(r rule.Rule, protocol uint8) {
			if protocol != d.options.Protocol || len(d.rules) > mark && twin(d.rules[mark:], r) {
				return
			}
			d.rules = append(d.rules, r)
		})
		if err != nil {
			return nil, err
		}
	}
	return d.rules, nil
}

// twin reports whether r is among the last rules, which are in order of priority.
func twin(rules []rule.Rule, r rule.Rule) bool {
	for i := len(rules) - 1; i >= 0 && rules[i].Priority == r.Priority; i-- {
		if rules[i] == r {
			return true
		}
	}
	return false
}

func (d *Driver) dump(family uint8, start func(), each func(r rule.Rule, protocol uint8)) error {
	return d.conn.Dump(func(m *rtnl.Message) {
		header := [headerSize]byte{0: family}
		m.Begin(unix.RTM_GETRULE, 0, header[:])
	}, start, func(kind uint16, body []byte) bool {
		if kind == unix.RTM_NEWRULE {
			if r, protocol, ok := decode(body); ok {
				each(r, protocol)
			}
		}
		return true
	})
}
