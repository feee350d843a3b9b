// SPDX-License-Identifier: Apache-2.0

// Package trigger holds what is run when something happens as an object.
package trigger

import (
	"strings"
	"time"

	"ucid/internal/engine"
)

// Kind is the name of the kind.
const Kind = "trigger"

// Trigger runs a command, or acts on a supervised process, when an event comes.
type Trigger struct {
	Name     string
	Event    string        // exact, or a prefix followed by ".*"; "timer" with an Interval
	Match    engine.Map    // what the data of the event must hold, by name
	Interval time.Duration // of a timer; at least a second
	Command  engine.List   // argv, run without a shell; empty: Process and Action
	Process  string        // a supervised process or service
	Action   string        // start, stop, restart or reload
	Timeout  time.Duration // of the command
}

// Key returns the identity of t.
func (t Trigger) Key() string { return t.Name }

// String says when and what.
func (t Trigger) String() string {
	var b strings.Builder
	b.WriteString(t.Name + ": on " + t.Event)
	if t.Interval != 0 {
		b.WriteString(" every " + t.Interval.String())
	}
	for name, value := range t.Match.All() {
		b.WriteString(" " + name + "=" + value)
	}
	if t.Command.Empty() {
		return b.String() + ": " + t.Action + " " + t.Process
	}
	return b.String() + ": run " + t.Command.String()
}
