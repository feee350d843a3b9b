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
// present text stays, and a conflict names it. No text, nil, is a file that is not there.
func takeBack(name, path string, before, after, now []byte) (text []byte, conflicts []string, err error) {
	switch {
	case identical(before, after), identical(now, before):
		return now, nil, nil
	case identical(now, after):
		return before, nil, nil
	case now == nil:
		return nil, []string{"the file was removed by somebody else since; it stays so"}, nil
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
	t.named()
	t.unnamed()
	if before == nil && t.now.Len() == 0 {
		return nil, t.conflicts, nil
	}
	var b bytes.Buffer
	_, err = t.now.WriteTo(&b)
	return b.Bytes(), t.conflicts, err
}

// identical tells an empty file from none.
func identical(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }

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

// named goes through the sections that have a name.
func (t *taker) named() {
	for s := range t.after.Sections() {
		if s.Anonymous {
			continue
		}
		if old := namedIn(t.before, s.Name); old == nil {
			t.dropSection(s)
		} else {
			t.section(old, s, namedIn(t.now, s.Name))
		}
	}
	for s := range t.before.Sections() {
		if !s.Anonymous && namedIn(t.after, s.Name) == nil {
			t.bringNamed(s)
		}
	}
}

func namedIn(p *uci.Package, name string) *uci.Section {
	if s := p.Section(name); s != nil && !s.Anonymous {
		return s
	}
	return nil
}

// dropSection takes out a section that the change has added.
func (t *taker) dropSection(added *uci.Section) {
	switch now := namedIn(t.now, added.Name); {
	case now == nil:
	case same(now, added):
		t.attempt(t.now.Delete(now.Name, ""), now, "")
	default:
		t.conflict(now, "")
	}
}

// bringNamed puts back a section that the change has removed.
func (t *taker) bringNamed(removed *uci.Section) {
	if now := namedIn(t.now, removed.Name); now != nil {
		if !same(now, removed) {
			t.conflict(now, "")
		}
		return
	}
	if err := t.now.SetType(removed.Name, removed.Type); err != nil {
		t.conflict(removed, "")
		return
	}
	t.fill(removed.Name, removed)
}

// fill gives a section that was brought back its options and its place.
func (t *taker) fill(name string, removed *uci.Section) {
	for o := range removed.Options() {
		t.attempt(t.put(name, o), removed, o.Name)
	}
	at := slices.Index(slices.Collect(t.before.Sections()), removed)
	t.attempt(t.now.Reorder(name, at), removed, "")
}

// section takes back what the change did to one section, which is now there as present.
func (t *taker) section(before, after, present *uci.Section) {
	if present == nil || present.Type != after.Type || before.Type != after.Type {
		t.retyped(before, after, present)
		return
	}
	for _, name := range optionNames(before, after) {
		old, new, now := before.Option(name), after.Option(name), present.Option(name)
		switch {
		case equal(old, new), equal(now, old):
		case !equal(now, new):
			t.conflict(present, name)
		case old == nil:
			t.attempt(t.now.Delete(present.Name, name), present, name)
		default:
			t.attempt(t.put(present.Name, old), present, name)
		}
	}
}

// retyped is section when it is gone or of another type in one of the three.
func (t *taker) retyped(before, after, present *uci.Section) {
	switch {
	case same(before, after), present != nil && same(present, before):
	case present == nil || !same(present, after):
		t.conflict(after, "")
	default: // the type itself is what the change did
		t.attempt(t.now.Delete(present.Name, ""), present, "")
		t.bringNamed(before)
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
