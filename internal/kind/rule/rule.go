// SPDX-License-Identifier: Apache-2.0

// Package rule holds the policy routing rule as an object. Terms and ranges are those of
// ip-rule(8) and linux/fib_rules.h.
package rule

import (
	"fmt"
	"net/netip"
	"strings"
)

// Kind is the name of the kind.
const Kind = "rule"

// Rule sends packets that match to a table, or decides about them itself. A rule is its own
// identity: any change makes another rule.
type Rule struct {
	IPv6           bool
	Priority       uint32       // smaller is looked at first
	Invert         bool         // for packets that do not match
	In, Out        string       // devices; a device that is not there matches nothing
	Src, Dst       netip.Prefix // masked; zero: any
	TOS            uint8
	Mark, MarkMask uint32 // MarkMask 0: the mark is not looked at
	IPProto        uint8  // 0: any
	Sport, Dport   Range
	UID            Range
	Action         Action
	Table          uint32 // with Lookup
	Goto           uint32 // priority, with Goto
	Suppress       uint32 // 1 + shortest prefix length that is ignored in the table; 0: none is
	Protocol       uint8  // 0: ours, by which we know what is ours (FRA_PROTOCOL)
}

// Range is a closed interval; the zero Range means any.
type Range struct {
	From, To uint32
	Set      bool
}

func (r Range) String() string {
	if r.From == r.To {
		return fmt.Sprint(r.From)
	}
	return fmt.Sprintf("%d-%d", r.From, r.To)
}

// Action is what a matching rule does (FR_ACT_* in linux/fib_rules.h).
type Action uint8

const (
	Lookup      Action = 1
	Goto        Action = 2
	Nop         Action = 3
	Blackhole   Action = 6
	Unreachable Action = 7
	Prohibit    Action = 8
)

var actionNames = map[Action]string{Lookup: "lookup", Goto: "goto", Nop: "nop",
	Blackhole: "blackhole", Unreachable: "unreachable", Prohibit: "prohibit"}

func (a Action) String() string { return actionNames[a] }

// String is what ip-rule(8) would be told.
func (r Rule) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d:", r.Priority)
	if r.Invert {
		b.WriteString(" not")
	}
	b.WriteString(" from ")
	b.WriteString(r.side(r.Src))
	if r.Dst.IsValid() {
		b.WriteString(" to " + r.Dst.String())
	}
	if r.In != "" {
		b.WriteString(" iif " + r.In)
	}
	if r.Out != "" {
		b.WriteString(" oif " + r.Out)
	}
	if r.TOS != 0 {
		fmt.Fprintf(&b, " tos %#x", r.TOS)
	}
	if r.MarkMask != 0 {
		fmt.Fprintf(&b, " fwmark %#x/%#x", r.Mark, r.MarkMask)
	}
	if r.IPProto != 0 {
		fmt.Fprintf(&b, " ipproto %d", r.IPProto)
	}
	if r.Sport.Set {
		b.WriteString(" sport " + r.Sport.String())
	}
	if r.Dport.Set {
		b.WriteString(" dport " + r.Dport.String())
	}
	if r.UID.Set {
		b.WriteString(" uidrange " + r.UID.String())
	}
	b.WriteString(" " + r.Action.String())
	switch r.Action {
	case Lookup:
		fmt.Fprintf(&b, " %d", r.Table)
	case Goto:
		fmt.Fprintf(&b, " %d", r.Goto)
	}
	if r.Suppress != 0 {
		fmt.Fprintf(&b, " suppress_prefixlength %d", r.Suppress-1)
	}
	return b.String()
}

func (r Rule) side(p netip.Prefix) string {
	switch {
	case p.IsValid():
		return p.String()
	case r.IPv6:
		return "all6"
	}
	return "all"
}
