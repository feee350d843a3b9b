// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"reflect"
	"slices"
	"strconv"
)

// Origin is the place in the configuration that asked for an object. It is kept beside the
// object, not in it: a moved line is no change.
type Origin struct {
	Package string `json:"package,omitempty"`
	File    string `json:"file,omitempty"`
	Type    string `json:"type,omitempty"`
	Section string `json:"section,omitempty"`
	Line    int    `json:"line,omitempty"`
	// Anonymous sections are named by their position, so the name does not tell
	// which section it was before an edit.
	Anonymous bool `json:"anonymous,omitempty"`
}

// String is "FILE:LINE", or "" when nothing in a file asked.
func (o Origin) String() string {
	if o.File == "" {
		return ""
	}
	return o.File + ":" + strconv.Itoa(o.Line)
}

// A Wish is an object somebody wants, and where they said so.
type Wish[T comparable] struct {
	Object T
	Origin Origin
}

// A Set is all that is wanted, by kind. The zero Set is empty and ready to use.
type Set struct {
	lists map[reflect.Type]wishes
}

// wishes is a *list[T] whose type is not known.
type wishes interface {
	len() int
	keep(from wishes, match func(Origin) bool)
	drop(match func(Origin) bool)
	empty() wishes
}

type list[T comparable] struct {
	items []Wish[T]
	kept  int // how many of them, at the end, come from an older set
}

func (l *list[T]) len() int { return len(l.items) }

func (l *list[T]) keep(from wishes, match func(Origin) bool) {
	for _, w := range from.(*list[T]).items {
		if match(w.Origin) {
			l.items = append(l.items, w)
			l.kept++
		}
	}
}

func (l *list[T]) drop(match func(Origin) bool) {
	l.items = slices.DeleteFunc(l.items, func(w Wish[T]) bool { return match(w.Origin) })
}

func (l *list[T]) empty() wishes { return &list[T]{} }

// listOf returns the list of T in s, which it makes when it is not there.
func listOf[T comparable](s *Set) *list[T] {
	t := reflect.TypeFor[T]()
	if l, ok := s.lists[t]; ok {
		return l.(*list[T])
	}
	if s.lists == nil {
		s.lists = map[reflect.Type]wishes{}
	}
	l := &list[T]{}
	s.lists[t] = l
	return l
}

// Want adds object to s. Its type says which driver it is for.
func Want[T comparable](s *Set, object T, at Origin) {
	l := listOf[T](s)
	l.items = append(l.items, Wish[T]{object, at})
}

// Reserve makes room for n more objects of type T.
func Reserve[T comparable](s *Set, n int) {
	l := listOf[T](s)
	l.items = slices.Grow(l.items, n)
}

// Wishes returns the objects of type T in s, in the order they were asked for.
func Wishes[T comparable](s *Set) []Wish[T] { return listOf[T](s).items }

// Len is the number of objects wanted.
func (s *Set) Len() int {
	n := 0
	for _, l := range s.lists {
		n += l.len()
	}
	return n
}

// Drop takes the objects whose origin matches out of s. It must come before [Set.Keep].
func (s *Set) Drop(match func(Origin) bool) {
	for _, l := range s.lists {
		l.drop(match)
	}
}

// Keep adds to s the objects of from whose origin matches. An object whose identity s wants
// already loses against the new one, without a clash.
func (s *Set) Keep(from *Set, match func(Origin) bool) {
	if s.lists == nil {
		s.lists = map[reflect.Type]wishes{}
	}
	for t, l := range from.lists {
		own, ok := s.lists[t]
		if !ok {
			own = l.empty()
			s.lists[t] = own
		}
		own.keep(l, match)
	}
}
