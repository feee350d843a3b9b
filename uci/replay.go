// SPDX-License-Identifier: Apache-2.0

package uci

import "slices"

// apply makes one change, the way a delta line is replayed: numbers and gaps that deletions
// leave are put right by settle, once for all changes.
func (p *Package) apply(c Change) error {
	s := p.find(c.Section)
	if s == nil {
		if c.Option == "" && (c.Op == OpSet || c.Op == OpAdd) {
			return p.applyNew(c)
		}
		return ErrNotFound
	}
	switch c.Op {
	case OpSet:
		return p.applySet(s, c)
	case OpAdd:
		err := p.applySet(s, c)
		if err == nil && c.Option == "" && !s.dead {
			s.Anonymous = true
		}
		return err
	case OpDelete:
		return p.applyDelete(s, c)
	case OpRename:
		return p.applyRename(s, c)
	case OpReorder:
		p.move(s, position(c.Value))
	case OpAddList:
		s.push(c.Option, c.Value)
	case OpDelList:
		s.dropEqual(c.Option, c.Value)
	}
	return nil
}

func (p *Package) applyNew(c Change) error {
	if c.Value == "" {
		return nil
	}
	if !ValidType(c.Value) {
		return ErrInvalid
	}
	s := p.newSection(c.Value, c.Section, 0)
	s.Anonymous = c.Op == OpAdd
	return nil
}

func (p *Package) applySet(s *Section, c Change) error {
	switch {
	case c.Value == "":
		c.HasValue = false
		if c.Option != "" && s.Option(c.Option) == nil {
			return nil
		}
		return p.applyDelete(s, c)
	case c.Option == "":
		return p.setType(s, c.Value)
	}
	if o := s.Option(c.Option); o != nil {
		o.set(c.Value, 0)
	} else {
		s.add(Option{Name: c.Option, value: c.Value, in: s})
	}
	return nil
}

// setType retypes a section. An anonymous one becomes a named one, with its generated name,
// unless the new type is as long as the old: the first implementation makes a new section in
// the other case, and files depend on it.
func (p *Package) setType(s *Section, typ string) error {
	if !ValidType(typ) {
		return ErrInvalid
	}
	if s.Anonymous && len(s.Type) != len(typ) {
		s.Anonymous = false
	}
	s.Type = p.typeInfo(typ).name
	p.unsettled = true
	return nil
}

func (p *Package) applyDelete(s *Section, c Change) error {
	if c.Option == "" {
		s.dead = true
		p.dead++
		p.unsettled = true
		return nil
	}
	i := s.find(c.Option)
	if i < 0 {
		return ErrNotFound
	}
	if o := &s.options[i]; o.IsList && c.Value != "" {
		if n, ok := scanInt(c.Value); ok && n >= 0 && n < o.Len() {
			*o.items = slices.Delete(*o.items, n, n+1)
		}
		return nil
	}
	s.remove(i)
	return nil
}

func (p *Package) applyRename(s *Section, c Change) error {
	if c.Option == "" {
		s.Name, s.Anonymous = c.Value, false
		p.enter(s)
		return nil
	}
	i := s.find(c.Option)
	if i < 0 {
		return ErrNotFound
	}
	s.rename(i, c.Value)
	return nil
}

// move puts a section at a position, counted without it; beyond the end is last. It reports
// whether that changed anything.
func (p *Package) move(s *Section, to int) bool {
	p.settle()
	from := slices.Index(p.sections, s)
	to = min(max(to, 0), len(p.sections)-1)
	if from == to {
		return false
	}
	p.sections = slices.Insert(slices.Delete(p.sections, from, from+1), to, s)
	p.unsettled = true
	return true
}

// settle drops deleted sections and numbers the others anew. It is put off until someone
// looks, so that many changes in a row take no longer than they are many.
func (p *Package) settle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.unsettled {
		return
	}
	p.unsettled = false
	if p.dead > 0 {
		p.sections = slices.DeleteFunc(p.sections, func(s *Section) bool { return s.dead })
		p.dead = 0
	}
	for _, info := range p.types {
		info.count = 0
	}
	for _, s := range p.sections {
		info := p.typeInfo(s.Type)
		s.Index = info.count
		info.count++
	}
}

// push appends to a list, which it makes if need be.
func (s *Section) push(option, value string) {
	if o := s.Option(option); o != nil {
		o.push(value, 0)
		return
	}
	s.add(Option{Name: option, IsList: true, items: &[]item{{text: value}}, in: s})
}

// dropEqual deletes the items of a list that equal value; a string is left alone.
func (s *Section) dropEqual(option, value string) {
	if o := s.Option(option); o != nil && o.IsList && o.items != nil {
		*o.items = slices.DeleteFunc(*o.items, func(it item) bool { return it.text == value })
	}
}
