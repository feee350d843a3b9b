// SPDX-License-Identifier: Apache-2.0

package uci

import "strconv"

// Stage makes one change at an address and saves it for a commit. See [Op] for what each
// needs; it cannot be OpAdd.
func (st *Store) Stage(op Op, t Tuple) error {
	return st.update(t.Package, func(p *Package) ([]Change, error) { return p.stage(op, t) })
}

func (st *Store) stageAt(op Op, address, value string) error {
	t, err := ParseTuple(address)
	if err != nil || t.HasValue || !ValidValue(value) {
		return ErrParse
	}
	t.Value, t.HasValue = value, true
	return st.Stage(op, t)
}

// Set sets the option at "package.section.option", or makes or retypes the section at
// "package.section". An empty value deletes.
func (st *Store) Set(address, value string) error { return st.stageAt(OpSet, address, value) }

// AddList appends to the list at an address; a string becomes its first item.
func (st *Store) AddList(address, value string) error { return st.stageAt(OpAddList, address, value) }

// DelList deletes the items of the list at an address that equal value.
func (st *Store) DelList(address, value string) error { return st.stageAt(OpDelList, address, value) }

// Rename gives the section or option at an address another name, which must be free.
func (st *Store) Rename(address, name string) error { return st.stageAt(OpRename, address, name) }

// Reorder moves the section at an address so that it ends at a position, from 0.
func (st *Store) Reorder(address string, position int) error {
	return st.stageAt(OpReorder, address, strconv.Itoa(position))
}

// Delete deletes the section or option at an address.
func (st *Store) Delete(address string) error {
	t, err := ParseTuple(address)
	if err != nil || t.HasValue {
		return ErrParse
	}
	return st.Stage(OpDelete, t)
}

// DeleteItem deletes item number i, from 0, of the list at an address.
func (st *Store) DeleteItem(address string, i int) error {
	return st.stageAt(OpDelete, address, strconv.Itoa(i))
}

// Add adds an anonymous section at the end of a package and gives its name.
func (st *Store) Add(pkg, typ string) (name string, err error) {
	err = st.update(pkg, func(p *Package) (changes []Change, err error) {
		changes, name, err = p.stageAdd(typ)
		return changes, err
	})
	return name, err
}

// Get gives the value at an address: of an option its string, or the last item of a list;
// of a section its type.
func (st *Store) Get(address string) (string, error) {
	s, o, err := st.lookup(address)
	switch {
	case err != nil:
		return "", err
	case o != nil:
		return o.Value(), nil
	}
	return s.Type, nil
}

// List gives all values of the option at an address.
func (st *Store) List(address string) ([]string, error) {
	_, o, err := st.lookup(address)
	if err == nil && o == nil {
		err = ErrInvalid
	}
	if err != nil {
		return nil, err
	}
	return o.Values(), nil
}

func (st *Store) lookup(address string) (*Section, *Option, error) {
	t, err := ParseTuple(address)
	if err != nil || t.HasValue {
		return nil, nil, ErrParse
	}
	return st.Find(t)
}

// Find finds what a tuple addresses, as [Package.Find] does, and keeps no more of a large
// package in memory than that needs.
func (st *Store) Find(t Tuple) (*Section, *Option, error) {
	pl, err := st.place(t.Package)
	if err != nil {
		return nil, nil, err
	}
	if st.cache == nil && st.Lenient == nil && t.forward() {
		pl.want = &t
	}
	s, err := st.loadAt(t.Package, pl)
	if err != nil {
		return nil, nil, err
	}
	return s.pkg.Find(t)
}

// forward reports whether a section is known to be meant as soon as it is read: it is when it
// is not counted from the end.
func (t Tuple) forward() bool {
	_, n, ok := parseExtended(t.Section)
	return ValidName(t.Section) || ok && n >= 0
}

// isMeant reports whether a tuple that is forward means a section that was just read.
func (p *Package) isMeant(s *Section, t Tuple) bool {
	if ValidName(t.Section) {
		return s.Name == t.Section
	}
	typ, n, _ := parseExtended(t.Section)
	if typ == "" {
		return p.sections[min(n, len(p.sections)-1)] == s
	}
	return s.Type == typ && s.Index == n
}

// Find finds what a tuple addresses: a section and, if it has one, its option. What is not
// there is [ErrNotFound].
func (p *Package) Find(t Tuple) (*Section, *Option, error) {
	p.settle()
	s, err := p.section(t)
	if err != nil {
		return nil, nil, err
	}
	if s == nil {
		return nil, nil, ErrNotFound
	}
	if t.Depth < 3 {
		return s, nil, nil
	}
	o := s.Option(t.Option)
	if o == nil {
		return nil, nil, ErrNotFound
	}
	return s, o, nil
}
