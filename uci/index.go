// SPDX-License-Identifier: Apache-2.0

package uci

import "strings"

// sectionIndex finds sections by name. It is made when there are many and one is asked for;
// from then on each new section and each new name is entered.
type sectionIndex struct {
	table   *nameTable
	entries []*Section // in the order in which they were entered
}

// build makes the index of these sections, with room for more.
func (x *sectionIndex) build(sections []*Section) {
	x.table = newNameTable(2 * len(sections))
	x.entries = make([]*Section, 0, 2*len(sections))
	for _, s := range sections {
		if !s.dead {
			x.enter(s)
		}
	}
}

// enter enters a section under its name.
func (x *sectionIndex) enter(s *Section) {
	x.table.insert(x.table.hash(s.Name), len(x.entries))
	x.entries = append(x.entries, s)
}

// find finds the section of a name; twice says that there is another of that name.
func (x *sectionIndex) find(name string) (found *Section, twice bool) {
	for i := range x.table.candidates(x.table.hash(name)) {
		s := x.entries[i]
		switch {
		case s.Name != name || s.dead || s == found:
		case found != nil:
			return found, true
		default:
			found = s
		}
	}
	return found, false
}

// enter makes a section findable by the name it has now.
func (p *Package) enter(s *Section) {
	switch {
	case p.index.table == nil:
	case p.index.table.full():
		p.index.build(p.sections)
	default:
		p.index.enter(s)
	}
}

// find is Section for a package that is being changed.
func (p *Package) find(name string) *Section {
	if s := p.aliases[name]; s != nil && !s.dead {
		return s
	}
	if len(p.sections) > indexFrom {
		if p.index.table == nil {
			p.index.build(p.sections)
		}
		if s, twice := p.index.find(name); !twice {
			return s
		}
	}
	for _, s := range p.sections {
		if s.Name == name && !s.dead {
			return s
		}
	}
	return nil
}

// parseExtended takes "@type[n]" apart. The number is read as C's strtol does: blanks and a
// sign before it are fine, nothing is 0.
func parseExtended(ref string) (typ string, n int, ok bool) {
	if !strings.HasPrefix(ref, "@") || !strings.HasSuffix(ref, "]") {
		return "", 0, false
	}
	typ, num, found := strings.Cut(ref[1:len(ref)-1], "[")
	if !found || typ != "" && !ValidType(typ) {
		return "", 0, false
	}
	if num == "" {
		return typ, 0, true
	}
	v, rest, digits := leadingInt(num)
	return typ, int(int32(v)), digits && rest == ""
}
