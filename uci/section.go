// SPDX-License-Identifier: Apache-2.0

package uci

import (
	"iter"
	"slices"
)

// indexFrom is the number of options or sections from which on a name index is kept;
// below it a linear search is faster.
const indexFrom = 16

// A Section is one "config TYPE [NAME]" of a package with its options. Its fields are
// for reading; the methods of [Package] change it.
type Section struct {
	Name      string // generated for an anonymous section, as in "cfg01b619"
	Type      string
	Anonymous bool
	Index     int // 0 for the first section of this type
	Pos       Pos

	options []Option   // deleted ones among them
	index   *nameTable // positions in options, once there are many
	looks   uint64     // one bit for the look of each name, see look
	gone    int        // how many options are deleted
	dead    bool       // the section is deleted, see settle
}

// Label names the section for people: "route 'office'", "route @route[2]".
func (s *Section) Label() string { return label(s.Type, s.Ref(), s.Anonymous) }

// Ref is the name by which a user addresses the section: its name, or "@type[n]".
func (s *Section) Ref() string {
	if s.Anonymous {
		return extendedName(s.Type, s.Index)
	}
	return s.Name
}

// Options yields the options in file order. They are valid until the section is changed.
func (s *Section) Options() iter.Seq[*Option] {
	return func(yield func(*Option) bool) {
		for i := range s.options {
			if o := &s.options[i]; !o.dead && !yield(o) {
				return
			}
		}
	}
}

// Len is the number of options.
func (s *Section) Len() int { return len(s.options) - s.gone }

// Option finds an option by name; nil when there is none. It is valid until the section is
// changed.
func (s *Section) Option(name string) *Option {
	if i := s.find(name); i >= 0 {
		return &s.options[i]
	}
	return nil
}

// Get gives the value of an option; of a list, the last item.
func (s *Section) Get(name string) (value string, ok bool) {
	o := s.Option(name)
	if o == nil {
		return "", false
	}
	return o.Value(), true
}

// List gives all values of an option: the items of a list, or the one string.
func (s *Section) List(name string) []string {
	if o := s.Option(name); o != nil {
		return o.Values()
	}
	return nil
}

// look gives the bit for a name by which most names differ.
func look(name string) uint64 {
	n := len(name)
	if n == 0 {
		return 0
	}
	return 1 << ((uint(name[n-1])*7 ^ uint(name[0])*3 ^ uint(name[n/2])*5 ^ uint(n)) & 63)
}

func (s *Section) find(name string) int { return s.findHash(name, s.hash(name)) }

// hash is what findHash and enter want of a name: the bit of its look in a short section.
func (s *Section) hash(name string) uint64 {
	if s.index != nil {
		return s.index.hash(name)
	}
	return look(name)
}

func (s *Section) findHash(name string, hash uint64) int {
	if s.index != nil {
		for i := range s.index.candidates(hash) {
			if o := &s.options[i]; o.Name == name && !o.dead {
				return i
			}
		}
		return -1
	}
	if s.looks&hash == 0 {
		return -1
	}
	for i := range s.options {
		if o := &s.options[i]; o.Name == name && !o.dead {
			return i
		}
	}
	return -1
}

// add appends an option that is not there yet.
func (s *Section) add(o Option) {
	s.options = append(s.options, o)
	s.enter(len(s.options)-1, s.hash(o.Name), s.Len)
}

// enter makes option i findable by its name; more guesses how many follow.
func (s *Section) enter(i int, hash uint64, more func() int) {
	switch {
	case s.index == nil && len(s.options) <= indexFrom:
		s.looks |= hash
	case s.index == nil || s.index.full():
		s.reindex(len(s.options) + more())
	default:
		s.index.insert(hash, i)
	}
}

// reindex makes an index with that much room.
func (s *Section) reindex(room int) {
	s.index = newNameTable(max(room, len(s.options)+1))
	for i := range s.options {
		if o := &s.options[i]; !o.dead {
			s.index.insert(s.index.hash(o.Name), i)
		}
	}
}

// remove deletes an option. Its place is taken back once half of the places are free, so that
// deleting many takes no longer than they are many.
func (s *Section) remove(i int) {
	s.options[i] = Option{Name: s.options[i].Name, dead: true}
	s.gone++
	if 2*s.gone < len(s.options) && s.index != nil {
		return
	}
	s.options = slices.DeleteFunc(s.options, func(o Option) bool { return o.dead })
	s.gone = 0
	if s.index != nil {
		s.reindex(2 * len(s.options))
	}
}

// rename gives an option another name. Where that is taken the first of the two is found.
func (s *Section) rename(i int, name string) {
	taken := s.find(name) >= 0
	s.options[i].Name = name
	if s.enter(i, s.hash(name), s.Len); taken && s.index != nil {
		s.reindex(2 * len(s.options))
	}
}
