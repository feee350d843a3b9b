// SPDX-License-Identifier: Apache-2.0

package uci

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

var units = map[string]time.Duration{
	"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour,
}

func newField(sf reflect.StructField, index []int, tag string) *field {
	name, settings := parseTag(tag)
	f := &field{name: name, index: index, typ: sf.Type, elem: sf.Type, unit: time.Second}
	if !sf.IsExported() || !ValidName(name) {
		panic(fmt.Sprintf("uci: field %s: cannot use it with tag %q", sf.Name, tag))
	}
	for _, s := range settings {
		if err := f.setting(s); err != nil {
			panic(fmt.Sprintf("uci: field %s: %v", sf.Name, err))
		}
	}
	f.resolveType()
	if f.set = setterFor(f); f.set == nil {
		panic(fmt.Sprintf("uci: field %s: cannot decode into %v", sf.Name, sf.Type))
	}
	f.resolveLimits(sf.Name)
	return f
}

func (f *field) setting(s setting) (err error) {
	switch s.key {
	case "required":
		f.required = true
	case "nosplit":
		f.nosplit = true
	case "default":
		f.def, f.hasDef = s.value, true
	case "enum":
		f.enum = strings.Split(s.value, "|")
	case "alias":
		f.aliases = strings.Split(s.value, "|")
	case "min":
		f.limits[0] = s.value
	case "max":
		f.limits[1] = s.value
	case "unit":
		if f.unit = units[s.value]; f.unit == 0 {
			err = fmt.Errorf("unknown unit %q", s.value)
		}
	case "datatype":
		f.datatype = s.value
		f.check, err = parseDatatype(s.value)
	default:
		err = fmt.Errorf("unknown setting %q", s.key)
	}
	return err
}

// resolveType finds whether the field is a list or a pointer, and of what.
func (f *field) resolveType() {
	switch t := f.typ; {
	case isText(t):
	case t.Kind() == reflect.Pointer:
		f.pointer, f.elem = true, t.Elem()
	case t.Kind() == reflect.Slice:
		f.list, f.elem = true, t.Elem()
	}
	f.secret = f.elem == secretType
}

func (f *field) resolveLimits(name string) {
	for i, limit := range []**float64{&f.min, &f.max} {
		if f.limits[i] == "" {
			continue
		}
		v, err := f.limit(f.limits[i])
		if err != nil {
			panic(fmt.Sprintf("uci: field %s: bad limit %q", name, f.limits[i]))
		}
		*limit = &v
	}
}

// limit reads a bound: a duration in nanoseconds, or a number.
func (f *field) limit(s string) (float64, error) {
	if f.elem == durationType {
		d, err := parseDuration(s, f.unit)
		return float64(d), err
	}
	return strconv.ParseFloat(s, 64)
}

// within reports what v should have been, "" when it is inside the bounds.
func (f *field) within(v float64) string {
	if (f.min == nil || v >= *f.min) && (f.max == nil || v <= *f.max) {
		return ""
	}
	switch {
	case f.max == nil:
		return "at least " + f.limits[0]
	case f.min == nil:
		return "at most " + f.limits[1]
	}
	return "between " + f.limits[0] + " and " + f.limits[1]
}

// setDefault puts the default into a struct.
func (f *field) setDefault(dst reflect.Value) {
	if !f.hasDef {
		return
	}
	v := dst.FieldByIndex(f.index)
	values := []string{f.def}
	if f.list {
		values = strings.Fields(f.def)
	}
	if want := f.store(v, values); want != "" {
		panic(fmt.Sprintf("uci: default of %s: '%s' is not %s", f.name, f.def, want))
	}
}

// store puts values that need no position into v; it gives what a bad one should have been.
func (f *field) store(v reflect.Value, values []string) (want string) {
	if f.list {
		v.Set(reflect.MakeSlice(f.typ, len(values), len(values)))
		for i, s := range values {
			if want := f.one(v.Index(i), s); want != "" {
				return want
			}
		}
		return ""
	}
	return f.one(f.target(v), values[0])
}

// target is where a scalar goes: the field, or what its pointer is made to point to.
func (f *field) target(v reflect.Value) reflect.Value {
	if f.pointer {
		v.Set(reflect.New(f.elem))
		return v.Elem()
	}
	return v
}

// one checks one value and puts it into v.
func (f *field) one(v reflect.Value, s string) (want string) {
	if f.enum != nil && !contains(f.enum, s) {
		return "one of " + strings.Join(f.enum, ", ")
	}
	if f.check != nil {
		if want := f.check(s); want != "" {
			return want
		}
	}
	return f.set(v, s)
}

func contains(list []string, s string) bool {
	for _, e := range list {
		if e == s {
			return true
		}
	}
	return false
}
