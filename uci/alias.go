// SPDX-License-Identifier: Apache-2.0

package uci

// Generated names count sections, so two users that each add one with changes of their
// own give both the same name. When one of them has committed, the other's name means a
// section of the file. The first implementation then merges the two and one is lost. Here an
// addition always makes a new section; what follows in the same delta file, and the user who
// was told the name, means that one.

// aliasAdd replays the addition of a section. added has the names that were added by the
// same delta file so far.
func (p *Package) aliasAdd(c Change, added map[string]bool) error {
	s := p.find(c.Section)
	if s == nil || !s.Anonymous || added[c.Section] || !ValidType(c.Value) {
		added[c.Section] = true
		return p.apply(c)
	}
	added[c.Section] = true
	if p.aliases == nil {
		p.aliases = make(map[string]*Section)
	}
	p.aliases[c.Section] = p.newSection(c.Value, "", 0)
	return nil
}

// deltaName is the name by which a delta file has to call a section; ok is false when the
// name it has there means another one until the next commit.
func (p *Package) deltaName(s *Section) (name string, ok bool) {
	for alias, t := range p.aliases {
		if t == s {
			return alias, true
		}
	}
	t := p.aliases[s.Name]
	return s.Name, t == nil || t == s || t.dead
}

// freeName generates the name of a new section of a type.
func (p *Package) freeName(typ string) string {
	hash := typeHash(typ)
	for n := p.allocated + 1; ; n++ {
		var b [24]byte
		name := string(anonymousName(b[:0], n, hash))
		if p.find(name) == nil {
			return name
		}
	}
}
