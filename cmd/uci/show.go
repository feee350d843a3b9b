// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"ucid/uci"
)

// errSilent is an error without a message.
var errSilent = errors.New("")

// packages lists the packages for a command without arguments.
func (t *tool) packages() ([]string, error) {
	dir := t.store.ConfDir
	pattern := filepath.Join(dir, "*")
	if strings.ContainsAny(dir, "*?[") { // the directory itself is taken for a pattern
		if found, _ := filepath.Glob(pattern); len(found) == 0 {
			return nil, uci.ErrNotFound
		}
	}
	names, err := t.store.Packages()
	if err != nil {
		return nil, uci.ErrNotFound
	}
	if len(names) == 0 && !hasFiles(dir) {
		return nil, uci.ErrNotFound
	}
	return names, nil
}

func hasFiles(dir string) bool {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if e.Name()[0] != '.' {
			return true
		}
	}
	return false
}

// lookAt runs get or revert.
func (t *tool) lookAt(name string, tuple uci.Tuple) error {
	if name == "revert" {
		if tuple.HasValue {
			return t.silently(tuple)
		}
		return t.store.Revert(tuple)
	}
	switch {
	case tuple.HasValue:
		return t.silently(tuple)
	case tuple.Depth == 1:
		_, err := t.store.Package(tuple.Package)
		return err
	}
	s, o, err := t.store.Find(tuple)
	switch {
	case err != nil:
		return err
	case t.json:
		t.jsonGet(s, o)
	case o == nil:
		t.out.print(s.Type, "\n")
	default:
		t.value(o, false)
	}
	return nil
}

// silently fails without a message, but for an address that is wrong in itself.
func (t *tool) silently(tuple uci.Tuple) error {
	if _, err := t.check(tuple); err != nil {
		return err
	}
	return errSilent
}

func (t *tool) show(tuple uci.Tuple) error {
	p, err := t.store.Package(tuple.Package)
	if err != nil {
		return err
	}
	if tuple.Depth == 1 {
		for s := range p.Sections() {
			name := s.Name
			if !t.plain {
				name = s.Ref()
			}
			t.section(p.Name()+"."+name, s)
		}
		return nil
	}
	s, o, err := p.Find(tuple)
	switch {
	case err != nil:
		return err
	case o == nil:
		t.section(p.Name()+"."+s.Name, s)
	default:
		t.out.print(p.Name(), ".", s.Name, ".", o.Name, "=")
		t.value(o, true)
	}
	return nil
}

func (t *tool) section(path string, s *uci.Section) {
	t.out.print(path, "=", s.Type, "\n")
	for o := range s.Options() {
		t.out.print(path, ".", o.Name, "=")
		t.value(o, true)
	}
}

// value prints a value and a newline. Without quotes, only list items that hold blanks get
// them.
func (t *tool) value(o *uci.Option, quotes bool) {
	first := true
	for _, v := range o.All() {
		if !first {
			t.out.print(t.delimiter)
		}
		first = false
		if quotes || o.IsList && strings.ContainsAny(v, " \t\r\n") {
			t.out.quote(v)
		} else {
			t.out.print(v)
		}
	}
	t.out.print("\n")
}

func (t *tool) changes(tuple uci.Tuple) error {
	p, changes, err := t.store.Pending(tuple.Package)
	if err == nil {
		err = malformed(p, tuple)
	}
	if err != nil {
		return err
	}
	for _, c := range changes {
		t.out.print(c.String(), "\n")
	}
	return nil
}

func (t *tool) export(tuple uci.Tuple) error {
	p, err := t.check(tuple)
	if err == nil {
		t.out.buf = uci.Format{Header: true, Names: t.store.Names}.Append(t.out.buf, p)
	}
	return err
}

// check reads the package of a tuple and makes sure that the tuple is well formed.
func (t *tool) check(tuple uci.Tuple) (*uci.Package, error) {
	p, err := t.store.Package(tuple.Package)
	if err != nil {
		return nil, err
	}
	return p, malformed(p, tuple)
}

// malformed gives an error for a section that is neither a name nor "@type[n]"; it need not
// exist.
func malformed(p *uci.Package, tuple uci.Tuple) error {
	if tuple.Depth == 1 {
		return nil
	}
	if _, _, err := p.Find(tuple); err == uci.ErrInvalid {
		return err
	}
	return nil
}
