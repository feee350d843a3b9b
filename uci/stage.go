// SPDX-License-Identifier: Apache-2.0

package uci

import (
	"errors"
	"strconv"
)

// ErrNotNumber is the error for the index of a list item that is no number.
var ErrNotNumber = errors.New("not a number")

// section finds the section a tuple names; nil when there is none. A string that is neither
// a name nor "@type[n]" is ErrInvalid.
func (p *Package) section(t Tuple) (*Section, error) {
	if t.Depth < 2 {
		return nil, nil
	}
	if ValidName(t.Section) {
		return p.find(t.Section), nil
	}
	typ, n, ok := parseExtended(t.Section)
	if !ok {
		return nil, ErrInvalid
	}
	return p.nth(typ, n), nil
}

// stage makes one change for a user: it checks it, applies it, and gives what a delta file
// has to hold; nothing when there is nothing to do.
func (p *Package) stage(op Op, t Tuple) ([]Change, error) {
	s, err := p.section(t)
	if err != nil {
		return nil, err
	}
	c := Change{Op: op, Package: p.name, Section: t.Section, Option: t.Option, Value: t.Value, HasValue: t.HasValue}
	if s != nil {
		var ok bool
		if c.Section, ok = p.deltaName(s); !ok {
			return nil, refuse(ErrInvalid, "Invalid argument (commit first: '"+s.Name+"' is the name of a new section, too)")
		}
	}
	needed, err := p.check(s, &c)
	if err != nil || !needed {
		return nil, err
	}
	if err := p.apply(c); err != nil {
		return nil, err
	}
	return []Change{c}, nil
}

// check says whether a change is allowed, and whether it is needed. It completes c.
func (p *Package) check(s *Section, c *Change) (needed bool, err error) {
	switch c.Op {
	case OpSet:
		return p.checkSet(s, c)
	case OpDelete:
		return p.checkDelete(s, c)
	case OpRename:
		return p.checkRename(s, c)
	case OpReorder:
		return p.checkReorder(s, c)
	case OpAddList, OpDelList:
		return checkList(s, c)
	}
	return false, ErrInvalid
}

func (p *Package) checkSet(s *Section, c *Change) (bool, error) {
	switch {
	case !c.HasValue, s == nil && (c.Option != "" || c.Section == ""):
		return false, ErrInvalid
	case c.Option == "" && c.Value != "" && !ValidType(c.Value):
		return false, ErrInvalid
	case c.Value == "":
		c.Op, c.HasValue = OpDelete, false
		return s != nil && (c.Option == "" || s.Option(c.Option) != nil), nil
	case s == nil && !ValidName(c.Section):
		return false, ErrNotFound // "@type[n]" where there is no nth
	case s == nil:
		return true, nil
	case c.Option == "":
		return s.Type != c.Value, nil
	}
	o := s.Option(c.Option)
	return o == nil || o.IsList || o.value != c.Value, nil
}

func (p *Package) checkDelete(s *Section, c *Change) (bool, error) {
	c.HasValue = c.Value != ""
	if c.HasValue {
		if _, ok := scanInt(c.Value); !ok {
			return false, ErrNotNumber
		}
	}
	switch {
	case c.Section == "":
		return false, ErrInvalid
	case s == nil || c.Option != "" && s.Option(c.Option) == nil:
		return false, ErrNotFound
	case !c.HasValue:
		return true, nil
	}
	if c.Option == "" || !s.Option(c.Option).IsList {
		return false, refuse(ErrInvalid, "Invalid argument (an index needs a list)")
	}
	n, _ := scanInt(c.Value)
	return n >= 0 && n < s.Option(c.Option).Len(), nil
}

// checkRename refuses a name that is taken: the two would become one when the file is next
// read.
func (p *Package) checkRename(s *Section, c *Change) (bool, error) {
	switch {
	case c.Section == "":
		return false, ErrInvalid
	case s == nil || c.Option != "" && s.Option(c.Option) == nil:
		return false, ErrNotFound
	case !c.HasValue:
		return false, ErrInvalid
	case !ValidName(c.Value):
		return false, refuse(ErrInvalid, "Invalid argument (not a name: '"+c.Value+"')")
	case c.Option != "" && c.Option != c.Value && s.Option(c.Value) != nil:
		p.settle()
		return false, refuse(ErrDuplicate, "Duplicate entry ("+s.Ref()+" has an option '"+c.Value+"')")
	case c.Option == "":
		if other := p.find(c.Value); other != nil && other != s {
			return false, refuse(ErrDuplicate, "Duplicate entry (there is a section '"+c.Value+"')")
		}
	}
	return true, nil
}

func (p *Package) checkReorder(s *Section, c *Change) (bool, error) {
	if s == nil || !c.HasValue {
		return false, ErrNotFound
	}
	p.settle()
	at := position(c.Value)
	c.Option, c.Value = "", strconv.Itoa(at)
	return p.sections[min(max(at, 0), len(p.sections)-1)] != s, nil
}

func checkList(s *Section, c *Change) (bool, error) {
	if s == nil || !c.HasValue {
		return false, ErrInvalid
	}
	if c.Op == OpAddList {
		if c.Option == "" {
			return false, refuse(ErrInvalid, "Invalid argument (a list needs an option)")
		}
		return true, nil
	}
	o := s.Option(c.Option)
	return o != nil && o.IsList, nil
}

// stageAdd adds an anonymous section and gives its name.
func (p *Package) stageAdd(typ string) ([]Change, string, error) {
	if !ValidType(typ) {
		return nil, "", refuse(ErrInvalid, "Invalid argument (not a section type: '"+typ+"')")
	}
	c := Change{Op: OpAdd, Package: p.name, Section: p.freeName(typ), Value: typ, HasValue: true}
	err := p.apply(c)
	return []Change{c}, c.Section, err
}

// Set sets an option of a section to a string; an empty one deletes it.
func (p *Package) Set(section, option, value string) error {
	return p.edit(OpSet, Tuple{Section: section, Option: option, Value: value, HasValue: true, Depth: 3})
}

// SetType makes a named section at the end, or changes the type of one.
func (p *Package) SetType(section, typ string) error {
	return p.edit(OpSet, Tuple{Section: section, Value: typ, HasValue: true, Depth: 2})
}

// Add adds an anonymous section at the end and gives its generated name.
func (p *Package) Add(typ string) (name string, err error) {
	_, name, err = p.stageAdd(typ)
	return name, err
}

// AddList appends to a list; a string becomes its first item.
func (p *Package) AddList(section, option, value string) error {
	return p.edit(OpAddList, Tuple{Section: section, Option: option, Value: value, HasValue: true, Depth: 3})
}

// DelList deletes all items of a list that equal value.
func (p *Package) DelList(section, option, value string) error {
	return p.edit(OpDelList, Tuple{Section: section, Option: option, Value: value, HasValue: true, Depth: 3})
}

// SetList makes an option a list of these values; none deletes it.
func (p *Package) SetList(section, option string, values ...string) error {
	if err := p.Delete(section, option); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	for _, v := range values {
		if err := p.AddList(section, option, v); err != nil {
			return err
		}
	}
	return nil
}

// Delete deletes an option, or with an empty option the section.
func (p *Package) Delete(section, option string) error {
	return p.edit(OpDelete, Tuple{Section: section, Option: option, Depth: 3})
}

// Rename renames a section, or with an option that option. A name that is taken is refused.
func (p *Package) Rename(section, option, name string) error {
	return p.edit(OpRename, Tuple{Section: section, Option: option, Value: name, HasValue: true, Depth: 3})
}

// Reorder moves a section so that it ends at a position, from 0; beyond the end is last.
func (p *Package) Reorder(section string, position int) error {
	s := p.Lookup(section)
	if s == nil {
		return ErrNotFound
	}
	p.move(s, position)
	return nil
}

func (p *Package) edit(op Op, t Tuple) error {
	if op != OpDelete && t.Depth == 3 && !ValidName(t.Option) && !(op == OpRename && t.Option == "") || !ValidValue(t.Value) {
		return ErrInvalid
	}
	_, err := p.stage(op, t)
	return err
}
