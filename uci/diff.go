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
	inA, inB := parts(a), parts(b)
	for s := range a.Sections() {
		diffs = append(diffs, diffSection(s, inB[partOf(s)])...)
	}
	for s := range b.Sections() {
		if inA[partOf(s)] == nil {
			diffs = append(diffs, diffSection(nil, s)...)
		}
	}
	return diffs
}

// part is what a section is in every version of a package.
type part struct {
	name  string // of a named section; of an anonymous one, its type
	index int    // -1 for a named section
}

func partOf(s *Section) part {
	if s.Anonymous {
		return part{s.Type, s.Index}
	}
	return part{s.Name, -1}
}

// parts gives each section for what it is; of two with one name the first.
func parts(p *Package) map[part]*Section {
	m := make(map[part]*Section, p.Len())
	for s := range p.Sections() {
		if at := partOf(s); m[at] == nil {
			m[at] = s
		}
	}
	return m
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
