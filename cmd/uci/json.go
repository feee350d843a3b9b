// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strconv"
	"unicode/utf8"

	"ucid/uci"
)

// The functions here write JSON by hand: encoding/json would make the program half as large
// again.

// jsonString prints s as a JSON string; bytes that are no UTF-8 become U+FFFD.
func (o *output) jsonString(s string) {
	const digits = "0123456789abcdef"
	o.buf = append(o.buf, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			o.buf = append(o.buf, '\\', byte(r))
		case r == '\n':
			o.buf = append(o.buf, `\n`...)
		case r < ' ' || r == 127:
			o.buf = append(o.buf, '\\', 'u', '0', '0', digits[r>>4], digits[r&15])
		default:
			o.buf = utf8.AppendRune(o.buf, r)
		}
	}
	o.print(`"`)
}

// field starts a member of an object.
func (o *output) field(first *bool, name string) {
	if !*first {
		o.print(",")
	}
	*first = false
	o.jsonString(name)
	o.print(":")
}

func (o *output) jsonOption(opt *uci.Option) {
	if !opt.IsList {
		o.jsonString(opt.Value())
		return
	}
	o.print("[")
	first := true
	for _, v := range opt.All() {
		if !first {
			o.print(",")
		}
		first = false
		o.jsonString(v)
	}
	o.print("]")
}

// jsonSection prints a section as an object; what is no option starts with a dot.
func (o *output) jsonSection(s *uci.Section) {
	first := true
	o.print("{")
	o.field(&first, ".name")
	o.jsonString(s.Name)
	o.field(&first, ".type")
	o.jsonString(s.Type)
	o.field(&first, ".anonymous")
	o.print(strconv.FormatBool(s.Anonymous))
	o.field(&first, ".index")
	o.print(strconv.Itoa(s.Index))
	for opt := range s.Options() {
		o.field(&first, opt.Name)
		o.jsonOption(opt)
	}
	o.print("}")
}

func (o *output) jsonPackage(p *uci.Package) {
	first := true
	o.print("{")
	for s := range p.Sections() {
		o.field(&first, s.Name)
		o.jsonSection(s)
	}
	o.print("}")
}

// jsonGet prints an option, or the section if that is nil.
func (t *tool) jsonGet(s *uci.Section, o *uci.Option) {
	if o != nil {
		t.out.jsonOption(o)
	} else {
		t.out.jsonSection(s)
	}
	t.out.print("\n")
}

// jsonCommand runs show, export or changes. All packages make an object with a member for
// each.
func (t *tool) jsonCommand(name string, args []string) int {
	if len(args) == 1 {
		if err := t.jsonOne(name, args[0]); err != nil {
			return t.fail(err)
		}
		t.out.print("\n")
		return 0
	}
	packages, err := t.packages()
	if err != nil {
		return t.fail(err)
	}
	t.out.print("{")
	first := true
	for _, pkg := range packages {
		if _, err := t.store.Package(pkg); err != nil {
			t.fail(err)
			continue
		}
		t.out.field(&first, pkg)
		if err := t.jsonOne(name, pkg); err != nil {
			return t.fail(err)
		}
	}
	t.out.print("}\n")
	return 0
}

func (t *tool) jsonOne(name, arg string) error {
	tuple, err := uci.ParseTuple(arg)
	if err != nil {
		return err
	}
	p, changes, err := t.store.Pending(tuple.Package)
	switch {
	case err != nil:
		return err
	case name == "changes":
		t.out.jsonChanges(changes)
		return nil
	case name == "export" || tuple.Depth == 1:
		t.out.jsonPackage(p)
		return nil
	}
	s, o, err := p.Find(tuple)
	switch {
	case err != nil:
		return err
	case o != nil:
		t.out.jsonOption(o)
	default:
		t.out.jsonSection(s)
	}
	return nil
}

func (o *output) jsonChanges(changes []uci.Change) {
	o.print("[")
	for i, c := range changes {
		if i > 0 {
			o.print(",")
		}
		first := true
		o.print("{")
		o.field(&first, "op")
		o.jsonString(c.Op.String())
		for _, f := range [][2]string{{"package", c.Package}, {"section", c.Section}, {"option", c.Option}, {"value", c.Value}} {
			if f[1] != "" {
				o.field(&first, f[0])
				o.jsonString(f[1])
			}
		}
		o.print("}")
	}
	o.print("]")
}
