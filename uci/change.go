// SPDX-License-Identifier: Apache-2.0

package uci

import "strings"

// Op is what a change does, as the byte that starts its line in a delta file.
type Op byte

const (
	OpSet     Op = 0   // set an option, or make or retype a section
	OpAdd     Op = '+' // add an anonymous section
	OpDelete  Op = '-' // delete a section, an option or, by its index, a list item
	OpRename  Op = '@'
	OpReorder Op = '^' // move a section; the value is its new position
	OpAddList Op = '|'
	OpDelList Op = '~' // delete all list items that equal the value
)

// A Change is one staged step: a line of a delta file.
type Change struct {
	Op       Op
	Package  string
	Section  string
	Option   string // "" for a change of the section
	Value    string
	HasValue bool // a deletion may have none
}

// AppendText appends the line of the delta file.
func (c Change) AppendText(b []byte) ([]byte, error) {
	if c.Op != OpSet {
		b = append(b, byte(c.Op))
	}
	b = c.appendPath(b)
	if c.HasValue {
		b = append(b, '=')
		b = AppendQuoted(b, c.Value)
	}
	return append(b, '\n'), nil
}

// String shows the change as "uci changes" does: "network.lan.mtu='1400'",
// "-network.lan.mtu", "network.lan.dns+='192.0.2.1'".
func (c Change) String() string {
	var b []byte
	if c.Op == OpDelete {
		b = append(b, '-')
	}
	b = c.appendPath(b)
	switch {
	case c.Op == OpDelete || !c.HasValue:
		return string(b)
	case c.Op == OpAddList:
		b = append(b, '+')
	case c.Op == OpDelList:
		b = append(b, '-')
	}
	return string(AppendQuoted(append(b, '='), c.Value))
}

func (c Change) appendPath(b []byte) []byte {
	b = append(b, c.Package...)
	b = append(b, '.')
	b = append(b, c.Section...)
	if c.Option != "" {
		b = append(b, '.')
		b = append(b, c.Option...)
	}
	return b
}

// AppendQuoted appends s in single quotes, a quote in it the way a shell wants it.
func AppendQuoted(b []byte, s string) []byte {
	b = append(b, '\'')
	for {
		i := strings.IndexByte(s, '\'')
		if i < 0 {
			break
		}
		b = append(b, s[:i]...)
		b = append(b, `'\''`...)
		s = s[i+1:]
	}
	b = append(b, s...)
	return append(b, '\'')
}

// parseChange makes a change of the word of a delta line, which follows the operation.
func parseChange(op Op, word string) (Change, error) {
	t, err := ParseTuple(word)
	if err != nil {
		return Change{}, err
	}
	c := Change{
		Op: op, Package: t.Package, Section: t.Section, Option: t.Option,
		Value: t.Value, HasValue: t.HasValue,
	}
	if t.Depth < 2 || !ValidName(t.Section) || !c.complete() {
		return c, ErrInvalid
	}
	return c, nil
}

// complete reports whether a change has what its operation needs.
func (c Change) complete() bool {
	switch c.Op {
	case OpReorder:
		return c.HasValue && c.Option == ""
	case OpRename:
		return c.HasValue && ValidName(c.Value)
	case OpAddList, OpDelList:
		return c.Option != "" && c.HasValue
	case OpDelete:
		return true
	}
	return c.HasValue
}

// String names the operation as the commands of the uci tool do.
func (op Op) String() string {
	switch op {
	case OpSet:
		return "set"
	case OpAdd:
		return "add"
	case OpDelete:
		return "delete"
	case OpRename:
		return "rename"
	case OpReorder:
		return "reorder"
	case OpAddList:
		return "add_list"
	case OpDelList:
		return "del_list"
	}
	return "Op(" + string(rune(op)) + ")"
}
