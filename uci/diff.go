// SPDX-License-Identifier: Apache-2.0

package uci

import "slices"

// A Difference is one section or option in which two packages differ.
type Difference struct {
	Type    string `json:"type"`
	Section string `json:"section"` // name, or "@type[n]"
	Option  string `json:"option,omitempty"`
	// Old and New are the values, nil where there is nothing. For a section they are its
	// type.
	Old []string `json:"old,omitempty"`
	New []string `json:"new,omitempty"`
	// OldPos and NewPos say where.
	OldPos Pos `json:"old_pos,omitzero"`
	NewPos Pos `json:"new_pos,omitzero"`
}

// Diff gives the differences from a to b, section by section. A named section is compared
// with the one of that name, the nth anonymous one of a type with the nth of that type. The
// order of sections is not compared.
func Diff(a, b *Package) []Difference {
	var diffs []Difference
	for s := range a.Sections() {
		diffs = append(diffs, diffSection(s, counterpart(b, s))...)
	}
	for s := range b.Sections() {
		if counterpart(a, s) == nil {
			diffs = append(diffs, diffSection(nil, s)...)
		}
	}
	return diffs
}

// counterpart finds the section of p that s is to be compared with.
func counterpart(p *Package, s *Section) *Section {
	var t *Section
	if s.Anonymous {
		t = p.nth(s.Type, s.Index)
	} else {
		t = p.Section(s.Name)
	}
	if t != nil && t.Anonymous == s.Anonymous {
		return t
	}
	return nil
}

// diffSection compares two sections, one of which may be nil.
func diffSection(a, b *Section) (diffs []Difference) {
	s := a
	if s == nil {
		s = b
	}
	whole := Difference{Type: s.Type, Section: s.Ref()}
	if a == nil || b == nil || a.Type != b.Type {
		d := whole
		if a != nil {
			d.Old, d.OldPos = []string{a.Type}, a.Pos
		}
		if b != nil {
			d.New, d.NewPos = []string{b.Type}, b.Pos
		}
		diffs = append(diffs, d)
	}
	if a != nil {
		for o := range a.Options() {
			diffs = appendOptionDiff(diffs, whole, o, b.option(o.Name))
		}
	}
	if b != nil {
		for o := range b.Options() {
			if a.option(o.Name) == nil {
				diffs = appendOptionDiff(diffs, whole, nil, o)
			}
		}
	}
	return diffs
}

// option is Option for a section that may be nil.
func (s *Section) option(name string) *Option {
	if s == nil {
		return nil
	}
	return s.Option(name)
}

func appendOptionDiff(diffs []Difference, d Difference, a, b *Option) []Difference {
	if a != nil && b != nil && a.IsList == b.IsList && slices.Equal(a.Values(), b.Values()) {
		return diffs
	}
	if a != nil {
		d.Option, d.Old, d.OldPos = a.Name, a.Values(), a.Pos()
	}
	if b != nil {
		d.Option, d.New, d.NewPos = b.Name, b.Values(), b.Pos()
	}
	return append(diffs, d)
}
