// SPDX-License-Identifier: Apache-2.0

package uci

import "strings"

// arena hands out the small pieces of a package from large blocks, so that reading a file
// costs a few allocations in all.
type arena struct {
	sections []Section
	options  pool[Option]
	items    pool[item]
	lists    [][]item
	text     strings.Builder
}

const (
	sectionBlock = 64
	listBlock    = 64
	poolBlock    = 256
	textBlock    = 4096
)

// section gives a zero section.
func (a *arena) section() *Section {
	if len(a.sections) == 0 {
		a.sections = make([]Section, sectionBlock)
	}
	s := &a.sections[0]
	a.sections = a.sections[1:]
	return s
}

// list gives an empty list.
func (a *arena) list() *[]item {
	if len(a.lists) == 0 {
		a.lists = make([][]item, listBlock)
	}
	l := &a.lists[0]
	a.lists = a.lists[1:]
	return l
}

// string keeps a copy of b.
func (a *arena) string(b []byte) string {
	if a.text.Cap()-a.text.Len() < len(b) {
		a.text = strings.Builder{}
		a.text.Grow(max(textBlock, len(b)))
	}
	from := a.text.Len()
	a.text.Write(b)
	return a.text.String()[from:]
}

// pool keeps many slices in few blocks.
type pool[T any] struct {
	run []T // the slice that grows, at the end of its block
}

// extend gives s with a zero value more. A slice that is extended again and again grows in
// place; more guesses how many follow, when it is long and has to be put elsewhere.
func (p *pool[T]) extend(s []T, more func() int) ([]T, *T) {
	n := len(s)
	switch {
	case n == 0 || n != len(p.run) || &s[0] != &p.run[0]:
		p.run = p.run[len(p.run):]
		p.move(s, more)
	case n == cap(p.run):
		p.move(s, more)
	}
	p.run = p.run[:n+1]
	return p.run[: n+1 : n+1], &p.run[n]
}

// move makes a copy of s the run.
func (p *pool[T]) move(s []T, more func() int) {
	if cap(p.run) <= len(s) || len(p.run) > 0 {
		p.grow(len(s), more)
	}
	p.run = append(p.run, s...)
}

// grow starts a block with room for a slice of n and what it may grow by.
func (p *pool[T]) grow(n int, more func() int) {
	room := max(poolBlock, 2*n)
	if n >= poolBlock {
		room = n + max(n/4, more()+1)
	}
	p.run = make([]T, 0, room)
}
