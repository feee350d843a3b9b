// SPDX-License-Identifier: Apache-2.0

package route

import (
	"hash/fnv"
	"net/netip"

	krule "ucid/internal/kind/rule"
	"ucid/uci"
)

// Automatic priorities lie before the rules netifd makes, at 10000, and before main.
const (
	firstAutomatic = 1000
	automaticSpan  = 9000
)

// stable is the priority of a rule that has none: a number from 1000 to 9999 that follows from
// its name, or from what an anonymous one says. So no rule moves when another is added, removed
// or changed. Two rules may get the same number, which the kernel allows.
func stable(m uci.Meta, r krule.Rule) uint32 {
	h := fnv.New32a()
	name := m.Name
	if m.Anonymous {
		r.Priority = 0
		name = r.String()
	}
	_, _ = h.Write([]byte(m.Type + " " + name)) // cannot fail
	return firstAutomatic + h.Sum32()%automaticSpan
}

// automatic is a rule whose priority the user did not give.
type automatic struct {
	uci.Meta
	rule krule.Rule
}

// compared bounds how many rules are compared with each other.
const compared = 1000

// warnOfOrder tells which rules are not looked at in the order of the file although a packet
// may match both and they do different things.
func (n *network) warnOfOrder(rules []automatic) {
	if len(rules) > compared {
		rules = rules[:compared]
	}
	for k, later := range rules {
		for _, earlier := range rules[:k] {
			if later.rule.Priority <= earlier.rule.Priority && conflict(earlier.rule, later.rule) {
				n.b.Problem(later.Warning("", "without option priority the rule comes before %s, and packets may match both; "+
					"give each a priority", place(earlier.Section())))
				break
			}
		}
	}
}

// conflict reports whether two rules may match one packet and treat it differently.
func conflict(a, b krule.Rule) bool {
	if a.Action == b.Action && a.Table == b.Table && a.Goto == b.Goto && a.Suppress == b.Suppress {
		return false
	}
	if a.Invert || b.Invert {
		return true
	}
	mask := a.MarkMask & b.MarkMask
	return overlap(a.Src, b.Src) && overlap(a.Dst, b.Dst) && a.Mark&mask == b.Mark&mask &&
		same(a.In, b.In) && same(a.Out, b.Out) && same(a.TOS, b.TOS) && same(a.IPProto, b.IPProto) &&
		meet(a.Sport, b.Sport) && meet(a.Dport, b.Dport) && meet(a.UID, b.UID)
}

// overlap, same and meet compare what two rules ask of one property; the zero value asks nothing.
func overlap(a, b netip.Prefix) bool { return !a.IsValid() || !b.IsValid() || a.Overlaps(b) }

func same[T comparable](a, b T) bool {
	var any T
	return a == any || b == any || a == b
}

func meet(a, b krule.Range) bool { return !a.Set || !b.Set || a.From <= b.To && b.From <= a.To }
