// SPDX-License-Identifier: Apache-2.0

package uci

import (
	"iter"
	"slices"
	"strconv"
	"sync"
)

// A Package is the content of one configuration file: ordered sections. It is not safe for
// use by several goroutines while one of them changes it.
type Package struct {
	name, file string
	sections   []*Section

	// allocated counts the sections ever made here, which generated names are built from.
	allocated int
	types     map[string]*typeInfo
	lastType  *typeInfo
	index     sectionIndex
	aliases   map[string]*Section // see aliasAdd
	dead      int                 // sections marked dead that are still in the slice
	unsettled bool                // see settle
	mu        sync.Mutex          // for what readers put off: settle and the index
	arena     arena
}

// typeInfo is what all sections of one type share.
type typeInfo struct {
	name  string
	hash  uint16
	count int
}

// NewPackage makes an empty package; file is what positions in it say.
func NewPackage(name, file string) *Package { return &Package{name: name, file: file} }

// Name is the name of the package, as in "network".
func (p *Package) Name() string { return p.name }

// File is the path it was read from.
func (p *Package) File() string { return p.file }

// Len is the number of sections.
func (p *Package) Len() int { return len(p.sections) - p.dead }

// Sections yields all sections in file order.
func (p *Package) Sections() iter.Seq[*Section] {
	return func(yield func(*Section) bool) {
		p.settle()
		for _, s := range p.sections {
			if !s.dead && !yield(s) {
				return
			}
		}
	}
}

// OfType yields the sections of one type in file order.
func (p *Package) OfType(typ string) iter.Seq[*Section] {
	return func(yield func(*Section) bool) {
		p.settle()
		p.settle()
		for _, s := range p.sections {
			if s.Type == typ && !s.dead && !yield(s) {
				return
			}
		}
	}
}

// Section finds a section by its name, also by a generated one; nil when there is none.
func (p *Package) Section(name string) *Section {
	p.settle()
	p.mu.Lock() // the index may have to be made
	defer p.mu.Unlock()
	return p.find(name)
}

// Lookup finds a section by name or by "@type[n]", where a negative n counts from the end
// and an empty type means any; nil when there is none.
func (p *Package) Lookup(ref string) *Section {
	if ValidName(ref) {
		return p.Section(ref)
	}
	p.settle()
	typ, n, ok := parseExtended(ref)
	if !ok {
		return nil
	}
	return p.nth(typ, n)
}

// nth finds the section number n of a type, from the end if n is negative; "" is any type.
func (p *Package) nth(typ string, n int) *Section {
	if n < 0 {
		for _, s := range slices.Backward(p.sections) {
			if s.isType(typ) {
				if n++; n == 0 {
					return s
				}
			}
		}
		return nil
	}
	for _, s := range p.sections {
		if s.isType(typ) {
			if n--; n < 0 {
				return s
			}
		}
	}
	return nil
}

// isType reports whether the section is there, and of the type; "" is any type.
func (s *Section) isType(typ string) bool { return !s.dead && (typ == "" || s.Type == typ) }

// extendedName gives "@type[n]".
func extendedName(typ string, n int) string {
	return "@" + typ + "[" + strconv.Itoa(n) + "]"
}

// newSection appends a section; an empty name makes it anonymous.
func (p *Package) newSection(typ, name string, line int) *Section {
	p.allocated++
	info := p.typeInfo(typ)
	s := p.arena.section()
	s.Type, s.Name, s.Anonymous = info.name, name, name == ""
	s.Index = info.count
	s.Pos = Pos{File: p.file, Line: line}
	if s.Anonymous {
		var b [24]byte
		s.Name = p.arena.string(anonymousName(b[:0], p.allocated, info.hash))
	}
	info.count++
	p.sections = append(p.sections, s)
	p.enter(s)
	return s
}

func (p *Package) typeInfo(typ string) *typeInfo {
	if p.lastType != nil && p.lastType.name == typ {
		return p.lastType
	}
	info := p.types[typ]
	if info == nil {
		if p.types == nil {
			p.types = make(map[string]*typeInfo)
		}
		info = &typeInfo{name: typ, hash: typeHash(typ)}
		p.types[typ] = info
	}
	p.lastType = info
	return info
}
