// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"fmt"
	"reflect"
)

// A Line is one operation of a plan, for people.
type Line struct {
	Op     Op      `json:"op"`
	Ref    Ref     `json:"ref"`
	Text   string  `json:"text"`
	Fields []Field `json:"fields,omitempty"` // of a change in place: what is different
	Origin Origin  `json:"origin,omitzero"`
	Effect string  `json:"effect,omitempty"`
}

// A Field is a member of an object that differs.
type Field struct {
	Name string `json:"name"`
	Old  string `json:"old"`
	New  string `json:"new"`
}

func (p *draft[T, K]) line(i int) Line {
	c := p.changes[i]
	object := c.Object()
	l := Line{Op: c.Op, Ref: p.ref(i), Text: text(object), Origin: p.origin(object)}
	if c.Op == Modify {
		l.Fields = differences(c.Old, c.New)
	}
	if f, ok := p.t.d.(Forecaster[T]); ok {
		l.Effect = f.Effect(c)
	}
	return l
}

// differences lists the exported fields in which two structs differ. A value prints as its
// String method says, so a [Secret] stays hidden.
func differences(old, new any) []Field {
	a, b := reflect.ValueOf(old), reflect.ValueOf(new)
	if a.Kind() != reflect.Struct {
		return nil
	}
	var fields []Field
	for i := range a.NumField() {
		f := a.Type().Field(i)
		if f.IsExported() && !a.Field(i).Equal(b.Field(i)) {
			fields = append(fields, Field{f.Name, show(a.Field(i)), show(b.Field(i))})
		}
	}
	return fields
}

func show(v reflect.Value) string {
	if v.IsZero() {
		return "none"
	}
	return fmt.Sprint(v.Interface())
}

// A Plan is what an apply of a set would do now.
type Plan struct {
	Lines     []Line
	Conflicts []Fault
}

// Plan compares the set with the system and writes nothing.
func (e *Engine) Plan(ctx context.Context, set *Set) (Plan, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	aims, _ := e.aims(set)
	r := &run{e: e, kinds: e.kinds, aims: aims}
	passes, err := r.compare(ctx, true)
	if err != nil {
		return Plan{}, err
	}
	var plan Plan
	for _, s := range order(passes) {
		for i := s.from; i < s.to; i++ {
			plan.Lines = append(plan.Lines, s.pass.line(i))
		}
	}
	for _, p := range passes {
		plan.Conflicts = append(plan.Conflicts, p.conflicts()...)
	}
	return plan, nil
}
