// SPDX-License-Identifier: Apache-2.0

package uci

import "iter"

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

	options []Option
	index   map[string]int // positions in options, once there are many
	dead    bool           // deleted while changes are being replayed
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
			if !yield(&s.options[i]) {
				return
			}
		}
	}
}

// Len is the number of options.
func (s *Section) Len() int { return len(s.options) }

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

func (s *Section) find(name string) int {
	if s.index == nil {
		for i := range s.options {
			if s.options[i].Name == name {
				return i
			}
		}
		return -1
	}
	if i, ok := s.index[name]; ok {
		return i
	}
	return -1
}

// add appends an option that is not there yet.
func (s *Section) add(o Option) {
	s.options = append(s.options, o)
	s.indexLast()
}

func (s *Section) indexLast() {
	switch n := len(s.options); {
	case s.index != nil:
		s.index[s.options[n-1].Name] = n - 1
	case n > indexFrom:
		s.reindex()
	}
}

func (s *Section) reindex() {
	s.index = nil
	if len(s.options) <= indexFrom {
		return
	}
	s.index = make(map[string]int, 2*len(s.options))
	for i := len(s.options) - 1; i >= 0; i-- { // of equal names the first is found
		s.index[s.options[i].Name] = i
	}
}
