// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	maxSize  = 64 << 10 // bytes of a text
	maxDepth = 32       // lists and tables in each other, the outermost one included
)

// An Error says what is wrong with a text, and where.
type Error struct {
	Place string // "triggers[0][1]": the script of the first trigger
	Text  string
}

func (e *Error) Error() string { return e.Place + ": " + e.Text }

type kind uint8

const (
	null kind = iota
	boolean
	number
	text
	array
	table
)

func (k kind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "a list", "a table"}[k]
}

// node is a JSON value that knows its place.
type node struct {
	kind   kind
	text   string  // of a string or a number
	items  []*node // of a list or a table
	parent *node
	index  int    // in the list
	key    string // in the table
}

func (n *node) place() string {
	switch {
	case n.parent == nil:
		return "triggers"
	case n.parent.kind == table:
		return n.parent.place() + "[" + quote(n.key) + "]"
	}
	return n.parent.place() + "[" + strconv.Itoa(n.index) + "]"
}

func (n *node) errorf(format string, args ...any) error {
	return &Error{Place: n.place(), Text: fmt.Sprintf(format, args...)}
}

// wantArray refuses what is no list, or has less than least or more than most elements.
func (n *node) wantArray(form string, least, most int) error {
	switch {
	case n.kind != array:
		return n.errorf("%s; found %v", form, n.kind)
	case len(n.items) < least:
		return n.errorf("%s; there are only %d elements", form, len(n.items))
	case len(n.items) > most:
		return n.items[most].errorf("%s; this element is too much", form)
	}
	return nil
}

func (n *node) wantString(what string) (string, error) {
	if n.kind != text {
		return "", n.errorf("expected %s, found %v", what, n.kind)
	}
	return n.text, nil
}

// readTree reads a text of limited size and depth.
func readTree(raw json.RawMessage) (*node, error) {
	root := &node{}
	if len(raw) > maxSize {
		return nil, root.errorf("%d bytes are too many, %d are allowed", len(raw), maxSize)
	}
	if !utf8.Valid(raw) {
		return nil, root.errorf("the text is not UTF-8")
	}
	var whole json.RawMessage
	if err := json.Unmarshal(raw, &whole); err != nil {
		return nil, root.errorf("not JSON: %v", err)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return root, root.read(d, 0)
}

// read fills the node with the next value. The text is known to be valid.
func (n *node) read(d *json.Decoder, depth int) error {
	token, err := d.Token()
	if err != nil {
		return n.errorf("not JSON: %v", err)
	}
	switch v := token.(type) {
	case json.Delim:
		if depth == maxDepth {
			return n.errorf("nested deeper than %d levels", maxDepth)
		}
		if v == '[' {
			n.kind = array
			return n.readItems(d, depth+1)
		}
		n.kind = table
		return n.readFields(d, depth+1)
	case json.Number:
		n.kind, n.text = number, v.String()
	case bool:
		n.kind = boolean
	case string:
		n.kind, n.text = text, v
		if strings.ContainsRune(v, 0) {
			return n.errorf("the string holds a zero byte")
		}
	}
	return nil
}

func (n *node) readItems(d *json.Decoder, depth int) error {
	for d.More() {
		item := &node{parent: n, index: len(n.items)}
		if err := item.read(d, depth); err != nil {
			return err
		}
		n.items = append(n.items, item)
	}
	_, err := d.Token()
	return err
}

func (n *node) readFields(d *json.Decoder, depth int) error {
	seen := map[string]bool{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return n.errorf("not JSON: %v", err)
		}
		item := &node{parent: n, key: token.(string)}
		if seen[item.key] {
			return item.errorf("given twice")
		}
		seen[item.key] = true
		if err := item.read(d, depth); err != nil {
			return err
		}
		n.items = append(n.items, item)
	}
	_, err := d.Token()
	return err
}

// quote shows foreign text: on one line, control characters escaped, cut after 60 bytes.
func quote(s string) string {
	const most = 60
	if len(s) <= most {
		return strconv.Quote(s)
	}
	return strconv.Quote(strings.ToValidUTF8(s[:most], "")) + "…"
}
