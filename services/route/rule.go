// SPDX-License-Identifier: Apache-2.0

package route

import (
	krule "ucid/internal/kind/rule"
	"ucid/services"
	"ucid/uci"
)

// ruleDraft is a rule in the making.
type ruleDraft struct {
	*network
	r   *Rule
	out krule.Rule
	bad bool
}

func (n *network) compileRules(rules []Rule) {
	var auto []automatic
	for k := range rules {
		r := &rules[k]
		if r.Disabled {
			continue
		}
		d := ruleDraft{network: n, r: r, out: krule.Rule{IPv6: r.ipv6(), Invert: r.Invert}}
		if !d.make() || !n.firstRule(r.Meta, d.out) {
			continue
		}
		services.Want(n.b, d.out, r.Meta)
		if r.Priority == nil {
			auto = append(auto, automatic{r.Meta, d.out})
		}
	}
	n.warnOfOrder(auto)
}

// firstRule notes who asks for a rule; a second one just like it is refused.
func (n *network) firstRule(m uci.Meta, r krule.Rule) bool {
	if s := n.rules[r]; s != nil {
		return n.object(m, "the same rule is there already: %s; remove one of them", place(s))
	}
	n.rules[r] = m.Section()
	return true
}

// make compiles the section; false when there is no rule of it.
func (d *ruleDraft) make() bool {
	d.devices()
	d.packets()
	d.ports()
	d.action()
	d.suppress()
	if d.out.Invert && !d.bad && d.matchesAll() {
		d.wrong("invert", "has nothing to invert: the rule would match no packet; say src, dest, mark or the like")
	}
	d.priority()
	return !d.bad
}

func (d *ruleDraft) wrong(option, format string, args ...any) {
	d.bad = true
	d.refuse(d.r.Meta, option, format, args...)
}

// devices finds the devices of the interfaces in and out.
func (d *ruleDraft) devices() {
	for _, o := range []struct {
		option, name string
		device       *string
	}{{"in", d.r.In, &d.out.In}, {"out", d.r.Out, &d.out.Out}} {
		if o.name == "" {
			continue
		}
		_, device, ok := d.resolve(d.r.Meta, o.option, o.name)
		*o.device, d.bad = device, d.bad || !ok
	}
}

// matchesAll reports whether an inverted rule says nothing about the packets.
func (d *ruleDraft) matchesAll() bool {
	return d.out == krule.Rule{IPv6: d.out.IPv6, Invert: true, Action: d.out.Action, Table: d.out.Table,
		Goto: d.out.Goto, Suppress: d.out.Suppress}
}

// actions are those a rule can be given by name or by number (FR_ACT_*).
var actions = map[string]krule.Action{
	"unicast": krule.Lookup, "lookup": krule.Lookup, "1": krule.Lookup, "nop": krule.Nop, "3": krule.Nop,
	"blackhole": krule.Blackhole, "6": krule.Blackhole, "unreachable": krule.Unreachable, "7": krule.Unreachable,
	"prohibit": krule.Prohibit, "8": krule.Prohibit, "failed_policy": krule.Prohibit,
}

// action finds what the rule does: look into a table, go to another rule, or decide.
func (d *ruleDraft) action() {
	r := d.r
	switch {
	case r.Action != "":
		d.named()
	case r.Lookup != "" && r.Goto != nil:
		d.wrong("goto", "and lookup exclude each other; remove one of them")
	case r.Lookup != "":
		d.lookup()
	case r.Goto != nil:
		d.out.Action, d.out.Goto = krule.Goto, *r.Goto
	default:
		d.bad = true
		d.object(r.Meta, "the rule does nothing: say lookup, goto or action")
	}
}

func (d *ruleDraft) named() {
	action, known := actions[d.r.Action]
	switch {
	case !known:
		d.wrong("action", "'%s' is not known; it is one of blackhole, unreachable, prohibit, nop, or unicast with lookup", d.r.Action)
	case action == krule.Lookup && d.r.Lookup == "":
		d.wrong("action", "'%s' needs a table to look into: say lookup", d.r.Action)
	case action != krule.Lookup && d.r.Lookup != "":
		d.wrong("lookup", "has no use: action '%s' decides already; remove one of them", d.r.Action)
	case d.r.Goto != nil:
		d.wrong("goto", "has no use: action '%s' decides already; remove one of them", d.r.Action)
	case action == krule.Lookup:
		d.lookup()
	}
	d.out.Action = action
}

func (d *ruleDraft) lookup() {
	table, fault := d.table(d.r.Lookup)
	if fault != "" {
		d.wrong("lookup", "%s", fault)
	}
	d.out.Action, d.out.Table = krule.Lookup, table
}

// suppress reads the shortest prefix length that counts in the table; -1 is the kernel's none.
func (d *ruleDraft) suppress() {
	s := d.r.Suppress
	switch {
	case s == nil || *s < 0:
	case d.out.Action != krule.Lookup:
		d.wrong("suppress_prefixlength", "has no use without lookup")
	case *s > 32 && !d.out.IPv6:
		d.wrong("suppress_prefixlength", "'%d' is not from 0 to 32", *s)
	default:
		d.out.Suppress = 1 + uint32(*s)
	}
}

// priority is the one given, or one that depends on nothing but the rule itself.
func (d *ruleDraft) priority() {
	if d.r.Priority != nil {
		d.out.Priority = *d.r.Priority
	} else if !d.bad {
		d.out.Priority = stable(d.r.Meta, d.out)
	}
	if d.out.Action == krule.Goto && d.out.Goto <= d.out.Priority && !d.bad {
		d.wrong("goto", "'%d' is not behind the rule itself, which has priority %d", d.out.Goto, d.out.Priority)
	}
}
