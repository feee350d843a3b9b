// SPDX-License-Identifier: Apache-2.0

// Package trigger runs commands of services when something happens: a package was changed, an
// interface came up, a timer ticked.
//
// A service registers triggers in the form procd takes them, [[event, script, delay], …]. The
// script is a small program in JSON that looks at the data of the event and names commands:
//
//	block      ["run_script", ARG, …]              runs a command; %NAME% in ARG is a variable, %% a percent sign
//	           ["if", condition, block, block]     the second block, for else, may be left out
//	           ["case", NAME, {VALUE: block, …}]   the block of the variable's value, or none
//	           ["return"]                          ends the script
//	           [block, …]                          one after the other
//	condition  ["eq", NAME, VALUE]                 or a list of values: any of them
//	           ["regex", NAME, PATTERN]            the same with patterns, see below
//	           ["has", NAME]                       the variable is there; a list: any of them
//	           ["and", condition, …], ["or", condition, …], ["not", condition]
//	           ["isdir", PATH]                     %NAME% as above
//
// A variable that is not there is equal to nothing, matches no pattern and expands to nothing.
//
// What procd ignores in silence is refused by [Parse] with its place: unknown commands and
// conditions, wrong types, elements left over, patterns that do not compile, an unfinished %NAME.
// So is "include", for which procd has only the script itself.
//
// A pattern is Go's RE2, not POSIX: \d, \w and \b work, back references and [[=a=]] are errors,
// and in brackets a backslash escapes ([\.] is a dot alone). As in POSIX without REG_NEWLINE, a dot
// matches a newline too, and ^ and $ are the ends of the value.
package trigger

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"
)

// Timer is the event of a clock. As the event of a trigger it takes the third element, which must
// be there, for an interval in ms, at least MinInterval: ["timer", script, 60000].
const Timer = "timer"

// MinInterval is the shortest interval of a timer.
const MinInterval = time.Second

// A Trigger names an event and the script that it runs.
type Trigger struct {
	Event    string        // exact, or a prefix followed by ".*"
	Delay    time.Duration // wished between the event and the run, see [Scheduler.Schedule]
	Interval time.Duration // of a timer, else 0
	script   command
	stats    bool // there is an isdir in the script
}

// A List is what one service registers.
type List []Trigger

// Parse reads the triggers of a service. A trigger that is wrong is left out, and the error holds
// an [*Error] for each of them; a text that is no list, or larger than 64 KiB, or nested deeper
// than 32 levels, gives an error alone.
func Parse(raw json.RawMessage) (List, error) {
	root, err := readTree(raw)
	if err != nil {
		return nil, err
	}
	if root.kind != array {
		return nil, root.errorf("expected a list of triggers, found %v", root.kind)
	}
	var list List
	var errs []error
	c := compiler{patternRoom: maxPatterns}
	for _, n := range root.items {
		t, err := c.trigger(n)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		list = append(list, t)
	}
	return list, errors.Join(errs...)
}

// compiler turns the tree of a text into triggers.
type compiler struct {
	patternRoom int // what patterns may still cost
	stats       bool
}

func (c *compiler) trigger(n *node) (Trigger, error) {
	if err := n.wantArray("a trigger is [event, script, delay]", 2, 3); err != nil {
		return Trigger{}, err
	}
	event, err := n.items[0].wantString("the name of an event")
	if err != nil {
		return Trigger{}, err
	}
	if event == "" {
		return Trigger{}, n.items[0].errorf("the name of the event is empty")
	}
	t := Trigger{Event: event}
	c.stats = false
	if t.script, err = c.block(n.items[1]); err != nil {
		return Trigger{}, err
	}
	t.stats = c.stats
	return t, t.readTime(n)
}

// readTime reads the third element: the delay, or the interval of a timer.
func (t *Trigger) readTime(n *node) error {
	if len(n.items) < 3 {
		if t.Event == Timer {
			return n.errorf("a timer needs an interval in ms")
		}
		return nil
	}
	third := n.items[2]
	ms, err := strconv.ParseInt(third.text, 10, 32)
	if third.kind != number || err != nil || ms < 0 {
		return third.errorf("expected a time in ms from 0 to 2147483647")
	}
	d := time.Duration(ms) * time.Millisecond
	if t.Event != Timer {
		t.Delay = d
		return nil
	}
	if t.Interval = d; d < MinInterval {
		return third.errorf("the interval of a timer is at least %d ms", MinInterval.Milliseconds())
	}
	return nil
}

// Matches reports whether the trigger listens to an event. Only the text before ".*" counts, with
// no dot behind it, as under procd: interface.* listens to interface_x too.
func (t *Trigger) Matches(event string) bool {
	if prefix, _, ok := strings.Cut(t.Event, ".*"); ok {
		return strings.HasPrefix(event, prefix)
	}
	return t.Event == event
}

// stats reports whether evaluating the list may have to wait for a file system.
func (l List) stats() bool {
	for i := range l {
		if l[i].stats {
			return true
		}
	}
	return false
}
