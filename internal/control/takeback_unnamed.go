// SPDX-License-Identifier: Apache-2.0

package control

import (
	"slices"

	"ucid/uci"
)

// unnamed goes through the sections without a name, type by type. Their generated names are
// made of positions, which every edit moves, so what they hold tells which is which.
func (t *taker) unnamed() {
	for _, typ := range unnamedTypes(t.before, t.after) {
		k := kin{t: t, before: unnamedOf(t.before, typ), after: unnamedOf(t.after, typ), now: unnamedOf(t.now, typ)}
		k.takeBack()
	}
}

func unnamedTypes(packages ...*uci.Package) []string {
	var types []string
	for _, p := range packages {
		for s := range p.Sections() {
			if s.Anonymous && !slices.Contains(types, s.Type) {
				types = append(types, s.Type)
			}
		}
	}
	return types
}

func unnamedOf(p *uci.Package, typ string) []*uci.Section {
	var found []*uci.Section
	for s := range p.OfType(typ) {
		if s.Anonymous {
			found = append(found, s)
		}
	}
	return found
}

// kin are the unnamed sections of one type. A section that was dealt with is nil.
type kin struct {
	t                  *taker
	before, after, now []*uci.Section
}

func (k *kin) takeBack() {
	inPlace := len(k.now) == len(k.after)
	for i, s := range k.after { // what the change did not touch
		if j := k.find(k.before, s, i); j >= 0 {
			k.pass(k.now, s, i)
			k.before[j], k.after[i] = nil, nil
		}
	}
	for i, s := range k.after {
		if s != nil {
			k.touched(i, s, inPlace)
		}
	}
	for i, s := range k.before {
		if s != nil {
			k.bring(i, s)
		}
	}
}

// touched takes back what the change did to, or by adding, section i of those after it.
func (k *kin) touched(i int, after *uci.Section, inPlace bool) {
	var before *uci.Section
	if i < len(k.before) {
		before = k.before[i]
		k.before[i] = nil
	}
	at := k.find(k.now, after, i)
	if at < 0 && before != nil && k.pass(k.now, before, i) {
		return // as it was, already
	}
	if at < 0 && before != nil && inPlace {
		at = i
	}
	switch {
	case at < 0 || k.now[at] == nil:
		if before != nil || !k.accounted() {
			k.t.conflict(after, "")
		}
	case before == nil:
		k.t.attempt(k.t.now.Delete(k.now[at].Name, ""), after, "")
		k.now[at] = nil
	default:
		k.t.section(before, after, k.now[at])
		k.now[at] = nil
	}
}

// bring puts back section i of those before the change, unless it is there again.
func (k *kin) bring(i int, removed *uci.Section) {
	if k.pass(k.now, removed, i) {
		return
	}
	name, err := k.t.now.Add(removed.Type)
	if err != nil {
		k.t.conflict(removed, "")
		return
	}
	k.t.fill(name, removed)
}

// accounted reports whether all present sections are known from before or after the change:
// then one that is missing was removed, not edited.
func (k *kin) accounted() bool {
	return !slices.ContainsFunc(k.now, func(s *uci.Section) bool { return s != nil })
}

// find returns where in list a section with the same options is, preferably at i; -1: nowhere.
func (k *kin) find(list []*uci.Section, s *uci.Section, i int) int {
	is := func(other *uci.Section) bool { return other != nil && same(other, s) }
	if i < len(list) && is(list[i]) {
		return i
	}
	return slices.IndexFunc(list, is)
}

// pass strikes a section with the same options from list and reports whether there was one.
func (k *kin) pass(list []*uci.Section, s *uci.Section, i int) bool {
	at := k.find(list, s, i)
	if at >= 0 {
		list[at] = nil
	}
	return at >= 0
}
