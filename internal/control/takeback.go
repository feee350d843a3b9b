// SPDX-License-Identifier: Apache-2.0

package control

import (
	"bytes"
	"fmt"
	"slices"

	"ucid/uci"
)

// takeBack undoes in the text of a package what a change did to it, and only that: what
// others have edited since is kept. Where both touched the same option or section the
// present text stays, and a conflict names it.
func takeBack(name, path string, before, after, now []byte) (text []byte, conflicts []string, err error) {
	switch {
	case bytes.Equal(before, after), bytes.Equal(now, before):
		return now, nil, nil
	case now == nil, bytes.Equal(now, after):
		return before, nil, nil
	}
	t := &taker{}
	for _, side := range []struct {
		p    **uci.Package
		text []byte
	}{{&t.before, before}, {&t.after, after}, {&t.now, now}} {
		if *side.p, err = uci.Parse(name, path, side.text); err != nil {
			return nil, nil, fmt.Errorf("it was edited since, and cannot be read now: %w", err)
		}
	}
	for s := range t.after.Sections() {
		if old := t.before.Section(s.Name); old == nil {
			t.dropSection(s)
		} else {
			t.section(old, s)
		}
	}
	for s := range t.before.Sections() {
		if t.after.Section(s.Name) == nil {
			t.bringSection(s)
		}
	}
	var b bytes.Buffer
	_, err = t.now.WriteTo(&b)
	return b.Bytes(), t.conflicts, err
}

// taker works on the present package.
type taker struct {
	before, after, now *uci.Package
	conflicts          []string
}

func (t *taker) conflict(s *uci.Section, option string) {
	where := s.Label()
	if option != "" {
		where += " option " + option
	}
	t.conflicts = append(t.conflicts, where+" was edited by somebody else since; it stays as it is now")
}

// attempt notes a conflict when an edit does not work.
func (t *taker) attempt(err error, s *uci.Section, option string) {
	if err != nil {
		t.conflict(s, option)
	}
}

// dropSection takes out a section that the change has added.
func (t *taker) dropSection(added *uci.Section) {
	switch now := t.now.Section(added.Name); {
	case now == nil:
	case same(now, added):
		t.attempt(t.now.Delete(added.Name, ""), added, "")
	default:
		t.conflict(now, "")
	}
}

// bringSection puts back a section that the change has removed.
func (t *taker) bringSection(removed *uci.Section) {
	if now := t.now.Section(removed.Name); now != nil {
		if !same(now, removed) {
			t.conflict(now, "")
		}
		return
	}
	name := removed.Name
	var err error
	if removed.Anonymous {
		name, err = t.now.Add(removed.Type)
	} else {
		err = t.now.SetType(name, removed.Type)
	}
	t.attempt(err, removed, "")
	for o := range removed.Options() {
		t.attempt(t.put(name, o), removed, o.Name)
	}
}

// section takes back what the change did to one section.
func (t *taker) section(before, after *uci.Section) {
	now := t.now.Section(after.Name)
	if now == nil || now.Type != after.Type {
		if !same(before, after) {
			t.conflict(after, "")
		}
		return
	}
	for _, name := range optionNames(before, after) {
		old, new, present := before.Option(name), after.Option(name), now.Option(name)
		switch {
		case equal(old, new), equal(present, old):
		case !equal(present, new):
			t.conflict(now, name)
		case old == nil:
			t.attempt(t.now.Delete(now.Name, name), now, name)
		default:
			t.attempt(t.put(now.Name, old), now, name)
		}
	}
}

func (t *taker) put(section string, o *uci.Option) error {
	if o.IsList {
		return t.now.SetList(section, o.Name, o.Values()...)
	}
	return t.now.Set(section, o.Name, o.Value())
}

func optionNames(sections ...*uci.Section) []string {
	var names []string
	for _, s := range sections {
		for o := range s.Options() {
			if !slices.Contains(names, o.Name) {
				names = append(names, o.Name)
			}
		}
	}
	return names
}

func equal(a, b *uci.Option) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.IsList == b.IsList && slices.Equal(a.Values(), b.Values())
}

func same(a, b *uci.Section) bool {
	if a.Type != b.Type || a.Len() != b.Len() {
		return false
	}
	for o := range a.Options() {
		if !equal(o, b.Option(o.Name)) {
			return false
		}
	}
	return true
}
