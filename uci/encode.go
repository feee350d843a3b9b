// SPDX-License-Identifier: Apache-2.0

package uci

import (
	"encoding"
	"net/netip"
	"reflect"
	"strconv"
	"time"
)

// Encode makes a package of what cfg holds, a struct as [Package.Decode] fills it or a
// pointer to one. Sections are named by their Meta; without one, or without a name in it,
// they are anonymous. An option is left out when its field is zero, empty or nil, or has the
// default. The problems are what decoding the package finds wrong: a value that is none of
// its enum, a required option without a value.
func Encode(pkg string, cfg any) (*Package, []Problem) {
	v := reflect.Indirect(reflect.ValueOf(cfg))
	p := NewPackage(pkg, "")
	for _, g := range planOf(v.Type()).groups {
		for _, s := range sectionValues(v.Field(g.field), g.shape) {
			g.encode(p, s)
		}
	}
	return p, p.Decode(reflect.New(v.Type()).Interface()).Problems
}

// sectionValues gives the section structs in a field.
func sectionValues(v reflect.Value, sh shape) (values []reflect.Value) {
	switch {
	case sh == manySections:
		for i := range v.Len() {
			values = append(values, v.Index(i))
		}
	case sh == oneSection:
		values = append(values, v)
	case !v.IsNil():
		values = append(values, v.Elem())
	}
	return values
}

func (g *group) encode(p *Package, v reflect.Value) {
	var m Meta
	if g.sections.meta != nil {
		m = v.FieldByIndex(g.sections.meta).Interface().(Meta)
	}
	name := m.Name
	if m.Anonymous {
		name = ""
	}
	s := p.newSection(g.typ, name, 0)
	if g.option != "" && g.values[0] != "" {
		if _, own := g.sections.names[g.option]; !own {
			s.add(Option{Name: g.option, value: g.values[0], in: s})
		}
	}
	for _, f := range g.sections.fields {
		f.encode(s, v.FieldByIndex(f.index))
	}
}

// encode adds the option of a field to a section.
func (f *field) encode(s *Section, v reflect.Value) {
	if f.list {
		for i := range v.Len() {
			s.push(f.name, f.text(v.Index(i)))
		}
		return
	}
	if f.pointer {
		if v.IsNil() {
			return
		}
		v = v.Elem()
	} else if v.IsZero() && !f.hasDef {
		return
	}
	if text := f.text(v); text != "" && !(f.hasDef && f.isDefault(v)) {
		s.add(Option{Name: f.name, value: text, in: s})
	}
}

func (f *field) isDefault(v reflect.Value) bool {
	def := reflect.New(f.elem).Elem()
	return f.one(def, f.def) == "" && f.text(def) == f.text(v)
}

// text gives one value as an option has it.
func (f *field) text(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case Secret:
		return x.Reveal()
	case time.Duration:
		return f.duration(x)
	case netip.Addr:
		if !x.IsValid() {
			return ""
		}
	case netip.Prefix:
		if !x.IsValid() {
			return ""
		}
	}
	if m, ok := v.Interface().(encoding.TextMarshaler); ok {
		text, err := m.MarshalText()
		if err != nil {
			return ""
		}
		return string(text)
	}
	switch v.Kind() {
	case reflect.Bool:
		if v.Bool() {
			return "1"
		}
		return "0"
	case reflect.String:
		return v.String()
	case reflect.Float32, reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, v.Type().Bits())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return strconv.FormatUint(v.Uint(), 10)
	}
	return strconv.FormatInt(v.Int(), 10)
}

// duration gives a whole number of the field's unit, or a number that carries its unit.
func (f *field) duration(d time.Duration) string {
	if d%f.unit == 0 {
		return strconv.FormatInt(int64(d/f.unit), 10)
	}
	return d.String()
}
