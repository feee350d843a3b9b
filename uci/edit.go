// SPDX-License-Identifier: Apache-2.0

package uci

// retype changes the type of a section, which keeps its place.
func (p *Package) retype(s *Section, typ string) {
	p.unnumber(s)
	s.Type = p.typeInfo(typ).name
	p.renumber(typ)
}

// unnumber takes s out of the numbering of its type.
func (p *Package) unnumber(s *Section) {
	p.typeInfo(s.Type).count--
	for i := len(p.sections) - 1; i >= 0 && p.sections[i] != s; i-- {
		if t := p.sections[i]; t.Type == s.Type {
			t.Index--
		}
	}
}

// renumber numbers the sections of one type anew.
func (p *Package) renumber(typ string) {
	n := 0
	for _, s := range p.sections {
		if s.Type == typ && !s.dead {
			s.Index = n
			n++
		}
	}
	p.typeInfo(typ).count = n
}
