// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"context"
	"errors"
	"fmt"
)

// Errors that a caller can act on.
var (
	// ErrUnknown: no process has that name.
	ErrUnknown = errors.New("no such process")
	// ErrNotRunning: there is nothing that could be signalled.
	ErrNotRunning = errors.New("not running")

	errClosed = errors.New("the process supervisor is closed")
)

// Actions are what people can ask of a process by hand.
func (d *Driver) Actions() []string {
	return []string{"start", "stop", "restart", "reload", "signal", "watchdog"}
}

// Act does it and does not wait. A stop is remembered until a start or restart by hand;
// watchdog is a sign of life; a start gives a fresh budget of early exits. signal takes the signal's name or number.
func (d *Driver) Act(_ context.Context, name, action string, args []string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return errClosed
	}
	p := d.procs[name]
	if p == nil || p.m.gone {
		return fmt.Errorf("%s: %w", name, ErrUnknown)
	}
	if err := p.act(action, args); err != nil {
		return fmt.Errorf("%s %s: %w", action, name, err)
	}
	return nil
}

func (p *process) act(action string, args []string) error {
	switch action {
	case "start":
		return p.byHand(p.m.start)
	case "stop":
		return p.m.hold()
	case "restart":
		return p.byHand(p.m.restart)
	case "reload":
		if !p.m.alive {
			return ErrNotRunning
		}
		p.m.reload()
		return nil
	case "watchdog":
		if !p.m.alive {
			return ErrNotRunning
		}
		p.care.ping = p.now()
		return nil
	case "signal":
		return p.sendSignal(args)
	}
	return fmt.Errorf("%q is not an action of a process", action)
}

// byHand forgets that the process was stopped by hand, on disk first, and goes on.
func (p *process) byHand(do func()) error {
	held := p.m.held
	p.m.held = false
	if err := p.save(); err != nil {
		p.m.held = held
		return err
	}
	do()
	return nil
}

func (p *process) sendSignal(args []string) error {
	if len(args) != 1 {
		return errors.New("needs the signal: a name such as HUP, or a number")
	}
	sig, err := parseSignal(args[0])
	if err != nil {
		return err
	}
	return p.signal(sig)
}
