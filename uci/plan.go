// SPDX-License-Identifier: Apache-2.0

package uci

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"
)

// configPlan is how a struct passed to Decode maps to sections.
type configPlan struct {
	groups []*group
	byType map[string][]*group
}

// group is one field of it: the sections of a type, perhaps only those whose option has one
// of some values.
type group struct {
	field    int
	typ      string
	option   string // filter; "" takes every section
	values   []string
	shape    shape
	sections *sectionPlan
}

type shape uint8

const (
	manySections shape = iota
	oneSection
	pointerSection
)

// sectionPlan is how a section struct maps to options. Encode and the schema read it too.
type sectionPlan struct {
	typ      reflect.Type
	meta     []int // field index of the embedded Meta; nil when there is none
	fields   []*field
	names    map[string]fieldRef
	template reflect.Value // a struct that holds the defaults
}

// fieldRef leads from an option name to the field. rank is 0 for the main name, and n for
// the nth older one.
type fieldRef struct{ field, rank int }

// field is one option of a section.
type field struct {
	name     string
	aliases  []string
	index    []int
	typ      reflect.Type // of the whole field
	elem     reflect.Type // of one value
	list     bool
	pointer  bool
	required bool
	nosplit  bool
	secret   bool
	hasDef   bool
	def      string
	enum     []string
	min, max *float64
	limits   [2]string // min and max as they were written
	unit     time.Duration
	datatype string
	check    check
	set      setter
}

var (
	configPlans  sync.Map // reflect.Type → *configPlan
	sectionPlans sync.Map // reflect.Type → *sectionPlan
)

// planOf gives the plan of a config struct type. It panics when the struct or its tags are
// wrong, which only the programmer can mend.
func planOf(t reflect.Type) *configPlan {
	if p, ok := configPlans.Load(t); ok {
		return p.(*configPlan)
	}
	if t.Kind() != reflect.Struct {
		panic(fmt.Sprintf("uci: %v is not a struct", t))
	}
	p := &configPlan{byType: make(map[string][]*group)}
	for i := range t.NumField() {
		if tag, ok := t.Field(i).Tag.Lookup("uci"); ok && tag != "-" {
			g := newGroup(t.Field(i), i, tag)
			p.groups = append(p.groups, g)
			p.byType[g.typ] = append(p.byType[g.typ], g)
		}
	}
	actual, _ := configPlans.LoadOrStore(t, p)
	return actual.(*configPlan)
}

func newGroup(sf reflect.StructField, i int, tag string) *group {
	typ, settings := parseTag(tag)
	g := &group{field: i, typ: typ}
	t := sf.Type
	switch t.Kind() {
	case reflect.Slice:
		t = t.Elem()
	case reflect.Pointer:
		g.shape, t = pointerSection, t.Elem()
	default:
		g.shape = oneSection
	}
	if len(settings) > 1 || typ == "" || t.Kind() != reflect.Struct {
		panic(fmt.Sprintf("uci: field %s: cannot use it with tag %q", sf.Name, tag))
	}
	for _, s := range settings {
		g.option, g.values = s.key, strings.Split(s.value, "|")
	}
	g.sections = sectionPlanOf(t)
	return g
}

func sectionPlanOf(t reflect.Type) *sectionPlan {
	if p, ok := sectionPlans.Load(t); ok {
		return p.(*sectionPlan)
	}
	p := &sectionPlan{typ: t, names: make(map[string]fieldRef)}
	p.collect(t, nil)
	p.template = reflect.New(t).Elem()
	for i, f := range p.fields {
		for rank, name := range append([]string{f.name}, f.aliases...) {
			if _, taken := p.names[name]; taken {
				panic(fmt.Sprintf("uci: %v has two fields for option %q", t, name))
			}
			p.names[name] = fieldRef{i, rank}
		}
		f.setDefault(p.template)
	}
	actual, _ := sectionPlans.LoadOrStore(t, p)
	return actual.(*sectionPlan)
}

var metaType = reflect.TypeFor[Meta]()

// collect gathers the fields of t, those of embedded structs included.
func (p *sectionPlan) collect(t reflect.Type, at []int) {
	for i := range t.NumField() {
		sf := t.Field(i)
		index := append(at[:len(at):len(at)], i)
		tag, tagged := sf.Tag.Lookup("uci")
		switch {
		case tagged && tag != "-":
			p.fields = append(p.fields, newField(sf, index, tag))
		case sf.Type == metaType:
			p.meta = index
		case sf.Anonymous && sf.Type.Kind() == reflect.Struct:
			p.collect(sf.Type, index)
		}
	}
}

// matches reports whether the group takes the section.
func (g *group) matches(s *Section) bool {
	if g.option == "" {
		return true
	}
	value, _ := s.Get(g.option)
	for _, v := range g.values {
		if v == value {
			return true
		}
	}
	return false
}
