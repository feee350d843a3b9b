// SPDX-License-Identifier: Apache-2.0

package services

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"ucid/internal/engine"
	"ucid/uci"
)

// A Compilation is what the configuration asks for.
type Compilation struct {
	Set      *engine.Set
	Globals  Globals
	Problems []uci.Problem // mistakes and, marked as such, warnings
	asked    map[engine.Fact]answer
	listed   map[string]engine.Map
	provided map[engine.Fact]string
}

// roundsOfFacts bounds how often services may change what they provide to each other.
const roundsOfFacts = 8

// Compile turns packages, by name, into wanted objects.
func Compile(packages map[string]*uci.Package, facts map[engine.Fact]string) *Compilation {
	globals, decoding := DecodeGlobals(packages[GlobalsPackage])
	c := &Compilation{provided: map[engine.Fact]string{}}
	for range roundsOfFacts {
		b := &Builder{globals: globals, set: &engine.Set{}, known: facts, former: c.provided,
			provided: map[engine.Fact]string{}, asked: map[engine.Fact]answer{},
			listed: map[string]engine.Map{}, packages: packages}
		b.problems = append(b.problems, decoding.Problems...)
		all := claims{}
		if p := packages[GlobalsPackage]; p != nil {
			all.add(p, slices.Clip(decoding.Claims)) // they are added again in each round
		}
		for _, s := range registry {
			s.compile(s.decode(b, packages, all), b)
		}
		c = &Compilation{Set: b.set, Globals: globals, asked: b.asked, listed: b.listed, provided: b.provided,
			Problems: inOrder(append(b.problems, unclaimed(all)...))}
		if !b.answersMoved() {
			return c
		}
	}
	c.Problems = append(c.Problems, uci.Problem{Text: "the services do not agree about what they provide to each other; what the last round said is used"})
	return c
}

// answersMoved reports whether a fact was provided after somebody asked for it, or is not
// provided any more.
func (b *Builder) answersMoved() bool {
	b.former = nil
	for f, a := range b.asked {
		if value, ok := b.lookUp(f); value != a.value || ok != a.ok {
			return true
		}
	}
	return false
}

// unclaimed warns about options that no service knows.
func unclaimed(all claims) []uci.Problem {
	var problems []uci.Problem
	for p, made := range all {
		if slices.ContainsFunc(made, func(c uci.Claim) bool { return len(c.Unknown) > 0 }) {
			problems = append(problems, p.Unclaimed(made)...)
		}
	}
	return problems
}

// inOrder sorts problems by their place in the files.
func inOrder(problems []uci.Problem) []uci.Problem {
	slices.SortStableFunc(problems, func(a, b uci.Problem) int {
		return cmp.Or(strings.Compare(a.Package, b.Package), cmp.Compare(a.Line, b.Line))
	})
	return problems
}

// Stale reports whether the facts would now be answered differently, so that the
// configuration has to be compiled again.
func (c *Compilation) Stale(facts map[engine.Fact]string) bool {
	for f, a := range c.asked {
		if _, ours := c.provided[f]; ours {
			continue
		}
		if value, ok := facts[f]; value != a.value || ok != a.ok {
			return true
		}
	}
	for topic, all := range c.listed {
		if listing(facts, topic) != all {
			return true
		}
	}
	return false
}

// BadSections returns the sections with a problem, by package and reference.
func (c *Compilation) BadSections() map[Section]bool {
	bad := map[Section]bool{}
	for _, p := range c.Problems {
		if !p.Warning {
			bad[Section{p.Package, p.Type, p.Section, p.Anonymous}] = true
		}
	}
	return bad
}

// A Section names a section across revisions of a configuration.
type Section struct {
	Package, Type, Name string
	Anonymous           bool
}

// Holds reports whether an object's origin is the section. Anonymous sections are named by
// position, which an edit moves, so all those of one type count as one.
func (s Section) Holds(o engine.Origin) bool {
	if o.Package != s.Package || o.Type != s.Type || o.Anonymous != s.Anonymous {
		return false
	}
	return s.Anonymous || o.Section == s.Name
}

// Provided returns what the services told each other.
func (c *Compilation) Provided() map[engine.Fact]string { return maps.Clone(c.provided) }
