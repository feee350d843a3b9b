// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"ucid/internal/engine"
	"ucid/internal/kind/rule"
	"ucid/internal/rtnl"
)

// Apply adds rules first and removes others then, so that no packet falls in between.
func (d *Driver) Apply(_ context.Context, changes []engine.Change[rule.Rule]) []error {
	d.mu.Lock()
	defer d.mu.Unlock()
	errs := make([]error, len(changes))
	var fresh, gone []int
	for i := range changes {
		if changes[i].Op != engine.Remove {
			fresh = append(fresh, i)
		}
		if changes[i].Op != engine.Create {
			gone = append(gone, i)
		}
	}
	d.add(changes, fresh, errs)
	d.drop(changes, gone, errs)
	if !slices.ContainsFunc(errs, func(err error) bool { return err != nil }) {
		return nil
	}
	return errs
}

func (d *Driver) add(changes []engine.Change[rule.Rule], list []int, errs []error) {
	results := d.conn.Do(len(list), func(m *rtnl.Message, n int) {
		encode(m, unix.RTM_NEWRULE, unix.NLM_F_CREATE|unix.NLM_F_EXCL, &changes[list[n]].New, d.options.Protocol)
	})
	for n, err := range results {
		r := &changes[list[n]].New
		if errors.Is(err, unix.EEXIST) {
			err = d.addLookalike(r)
		}
		if err != nil {
			errs[list[n]] = fmt.Errorf("cannot add rule %s: %w", r, err)
		}
	}
}

// addLookalike adds a rule the kernel takes for one that is there, unless it really is: the
// kernel does not compare everything, "not" for one.
func (d *Driver) addLookalike(r *rule.Rule) error {
	there, err := d.find(r, func(found rule.Rule, _ uint8) bool { return found == *r })
	if err != nil || there > 0 {
		return err
	}
	return d.conn.One(func(m *rtnl.Message) { encode(m, unix.RTM_NEWRULE, unix.NLM_F_CREATE, r, d.options.Protocol) })
}

// find counts the rules of the family of r that match.
func (d *Driver) find(r *rule.Rule, match func(rule.Rule, uint8) bool) (int, error) {
	count := 0
	err := d.dump(family(r), func() { count = 0 }, func(found rule.Rule, protocol uint8) {
		if match(found, protocol) {
			count++
		}
	})
	return count, err
}

func family(r *rule.Rule) uint8 {
	if r.IPv6 {
		return unix.AF_INET6
	}
	return unix.AF_INET
}

// drop removes the rules that no other one of ours can be taken for in one go, the rest one
// by one.
func (d *Driver) drop(changes []engine.Change[rule.Rule], list []int, errs []error) {
	var ours []rule.Rule
	var readErr error
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		mark := len(ours)
		err := d.dump(family, func() { ours = ours[:mark] }, func(r rule.Rule, protocol uint8) {
			if protocol == d.options.Protocol {
				ours = append(ours, r)
			}
		})
		readErr = cmp.Or(readErr, err)
	}
	var plain []int
	for _, i := range list {
		switch hits := hits(ours, &changes[i].Old); {
		case readErr != nil:
			errs[i] = readErr
		case errs[i] != nil, hits == 0: // not added, or gone already
		case hits == 1:
			plain = append(plain, i)
		default:
			errs[i] = d.remove(&changes[i].Old, d.options.Protocol)
		}
	}
	results := d.conn.Do(len(plain), func(m *rtnl.Message, n int) {
		encode(m, unix.RTM_DELRULE, 0, &changes[plain[n]].Old, d.options.Protocol)
	})
	for n, err := range results {
		if err != nil && !errors.Is(err, unix.ENOENT) {
			errs[plain[n]] = fmt.Errorf("cannot remove rule %s: %w", &changes[plain[n]].Old, err)
		}
	}
}

// hits counts the rules a removal of r could take, 0 when r is not among them.
func hits(ours []rule.Rule, r *rule.Rule) int {
	count, there := 0, false
	for i := range ours {
		if covers(r, &ours[i]) {
			count++
			there = there || ours[i] == *r
		}
	}
	if !there {
		return 0
	}
	return count
}

// lookalikes is how many rules of ours of one priority a removal may have to step over.
const lookalikes = 4096

// remove takes every copy of a rule away that carries the protocol. What a removal does not
// say matches anything, so the kernel may take another rule of the protocol that says more
// and stands before: that one is added once more behind the rest, which needs no pause in
// its work.
func (d *Driver) remove(r *rule.Rule, protocol uint8) error {
	for range lookalikes {
		first, there, err := d.firstHit(r, protocol)
		if err != nil || !there {
			return err
		}
		if first != *r {
			err = d.conn.One(func(m *rtnl.Message) { encode(m, unix.RTM_NEWRULE, unix.NLM_F_CREATE, &first, protocol) })
			if err != nil {
				return fmt.Errorf("cannot keep rule %s: %w", first, err)
			}
		}
		err = d.conn.One(func(m *rtnl.Message) { encode(m, unix.RTM_DELRULE, 0, r, protocol) })
		if errors.Is(err, unix.ENOENT) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("cannot remove rule %s: %w", r, err)
		}
	}
	return fmt.Errorf("cannot remove rule %s: too many rules like it", r)
}

// firstHit finds the first rule with the protocol that a removal of r would take, and
// whether r is there.
func (d *Driver) firstHit(r *rule.Rule, owner uint8) (first rule.Rule, there bool, err error) {
	var found bool
	err = d.dump(family(r), func() { found, there = false, false }, func(other rule.Rule, protocol uint8) {
		if protocol != owner {
			return
		}
		if !found && covers(r, &other) {
			first, found = other, true
		}
		there = there || other == *r
	})
	return first, there, err
}

// covers reports whether the kernel takes other for r in a removal (rule_find in
// net/core/fib_rules.c): what r leaves open may be anything, and "not" and the target of a
// goto are not compared.
func covers(r, other *rule.Rule) bool {
	same := func(open, equal bool) bool { return open || equal }
	return r.Priority == other.Priority && r.Action == other.Action &&
		same(r.Table == 0, r.Table == other.Table) &&
		same(r.In == "", r.In == other.In) && same(r.Out == "", r.Out == other.Out) &&
		same(!r.Src.IsValid(), r.Src == other.Src) && same(!r.Dst.IsValid(), r.Dst == other.Dst) &&
		same(r.TOS == 0, r.TOS == other.TOS) &&
		same(r.Mark == 0, r.Mark == other.Mark) && same(r.MarkMask == 0, r.MarkMask == other.MarkMask) &&
		same(r.IPProto == 0, r.IPProto == other.IPProto) &&
		same(!r.Sport.Set, r.Sport == other.Sport) && same(!r.Dport.Set, r.Dport == other.Dport) &&
		same(!r.UID.Set, r.UID == other.UID) && same(r.Suppress == 0, r.Suppress == other.Suppress)
}

// Foreign tells which rules others made already, exactly as wanted. A different rule of
// somebody else at the same priority is no conflict: the kernel has room for both.
func (d *Driver) Foreign(_ context.Context, rules []rule.Rule) ([]engine.Standing, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	index := make(map[rule.Rule]int, len(rules))
	for i, r := range rules {
		r.Protocol = 0
		index[r] = i
	}
	found := make([]engine.Standing, len(rules))
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		err := d.dump(family, func() {}, func(r rule.Rule, protocol uint8) {
			if i, ok := index[r]; ok && protocol != d.options.Protocol {
				found[i] = engine.Standing{Same: true, Owner: fmt.Sprintf("protocol %d", protocol)}
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}
