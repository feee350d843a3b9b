// SPDX-License-Identifier: Apache-2.0

package services

import (
	"iter"

	"ucid/internal/engine"
	"ucid/internal/kind/link"
	"ucid/uci"
)

// Topics of facts that services provide for each other; the name is that of a logical
// interface. What is not provided is not known.
const (
	InterfaceDevice = "interface.device" // the device it stands for
	InterfaceProto  = "interface.proto"
)

// A Builder collects what a service wants and answers what it asks about the world.
type Builder struct {
	globals  Globals
	set      *engine.Set
	problems []uci.Problem
	known    map[engine.Fact]string // observed
	provided map[engine.Fact]string // by services, in this round
	former   map[engine.Fact]string // by services, in the round before
	asked    map[engine.Fact]answer
	listed   map[string]engine.Map // topics asked for as a whole
	packages map[string]*uci.Package
}

// answer is what was said to a question.
type answer struct {
	value string
	ok    bool
}

// Want asks for an object. The section says why; it is not part of the object.
func Want[T comparable](b *Builder, object T, why uci.Meta) {
	engine.Want(b.set, object, origin(why))
}

// Expect makes room for n objects of a type. Without it Want grows the room as it goes.
func Expect[T comparable](b *Builder, n int) { engine.Reserve[T](b.set, n) }

func origin(m uci.Meta) engine.Origin {
	return engine.Origin{Package: m.Package(), File: m.Pos.File, Line: m.Pos.Line,
		Type: m.Type, Section: m.Ref(), Anonymous: m.Anonymous}
}

// Problem reports a mistake of the user. A section with a problem keeps the objects it had.
func (b *Builder) Problem(p uci.Problem) { b.problems = append(b.problems, p) }

// ItemProblem reports a mistake in one value of a list, at the line of that value.
func (b *Builder) ItemProblem(m uci.Meta, option, item, text string) {
	p := m.Problem(option, "%s", text)
	if s := m.Section(); s != nil && s.Option(option) != nil {
		for pos, value := range s.Option(option).All() {
			if value == item {
				p.Line = pos.Line
				break
			}
		}
	}
	b.Problem(p)
}

// Globals are the settings of the router as a whole.
func (b *Builder) Globals() Globals { return b.globals }

// Fact tells what is known; when the answer changes the configuration is compiled again.
func (b *Builder) Fact(topic, name string) (value string, ok bool) {
	f := engine.Fact{Topic: topic, Name: name}
	if a, again := b.asked[f]; again {
		return a.value, a.ok
	}
	value, ok = b.lookUp(f)
	b.asked[f] = answer{value, ok}
	return value, ok
}

func (b *Builder) lookUp(f engine.Fact) (string, bool) {
	for _, facts := range []map[engine.Fact]string{b.provided, b.former, b.known} {
		if value, ok := facts[f]; ok {
			return value, true
		}
	}
	return "", false
}

// Facts tells all that is known about a topic by observation, in the order of the names; when
// one of them changes, comes or goes the configuration is compiled again.
func (b *Builder) Facts(topic string) iter.Seq2[string, string] {
	all, again := b.listed[topic]
	if !again {
		all = listing(b.known, topic)
		b.listed[topic] = all
	}
	return all.All()
}

// listing is all that facts say about a topic.
func listing(facts map[engine.Fact]string, topic string) engine.Map {
	values := map[string]string{}
	for f, value := range facts {
		if f.Topic == topic {
			values[f.Name] = value
		}
	}
	return engine.MakeMap(values)
}

// Package is a package as it was read, for a service that has to look at sections of others:
// nothing in it is claimed by looking. It is nil when there is no such package.
func (b *Builder) Package(name string) *uci.Package {
	return b.packages[b.globals.packageFor(name)]
}

// Provide makes a fact known to all services.
func (b *Builder) Provide(topic, name, value string) {
	b.provided[engine.Fact{Topic: topic, Name: name}] = value
}

// Device finds the device of a logical interface: the one a service provides for it, else
// the device of that name, if there is one.
func (b *Builder) Device(iface string) (device string, ok bool) {
	if device, ok = b.Fact(InterfaceDevice, iface); ok {
		return device, true
	}
	_, ok = b.Fact(link.Index, iface)
	return iface, ok
}
