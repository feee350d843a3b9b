// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"fmt"
	"regexp"
	"slices"
)

// A condition of a script. With an error it is neither true nor false.
type condition interface {
	holds(*evaluation) (bool, error)
}

type (
	equals struct {
		variable string
		values   []string
	}
	matches struct {
		variable string
		patterns []*regexp.Regexp
	}
	has   []string
	allOf []condition
	anyOf []condition
	not   struct{ condition }
	isDir struct {
		place string
		path  template
	}
)

func (c equals) holds(e *evaluation) (bool, error) {
	value, ok := e.data[c.variable]
	return ok && slices.Contains(c.values, value), nil
}

func (c matches) holds(e *evaluation) (bool, error) {
	value, ok := e.data[c.variable]
	return ok && slices.ContainsFunc(c.patterns, func(p *regexp.Regexp) bool { return p.MatchString(value) }), nil
}

func (c has) holds(e *evaluation) (bool, error) {
	return slices.ContainsFunc(c, func(name string) bool { _, ok := e.data[name]; return ok }), nil
}

func (c allOf) holds(e *evaluation) (bool, error) { return firstThat(e, c, false) }
func (c anyOf) holds(e *evaluation) (bool, error) { return firstThat(e, c, true) }

// firstThat looks no further than the first condition with a wanted result: it decides.
func firstThat(e *evaluation, all []condition, wanted bool) (bool, error) {
	for _, c := range all {
		if ok, err := c.holds(e); err != nil || ok == wanted {
			return wanted, err
		}
	}
	return !wanted, nil
}

func (c not) holds(e *evaluation) (bool, error) {
	ok, err := c.condition.holds(e)
	return !ok, err
}

func (c isDir) holds(e *evaluation) (bool, error) {
	path, err := c.path.expand(e)
	if err == nil {
		var ok bool
		if ok, err = e.isDir(path); err == nil {
			return ok, nil
		}
	}
	return false, fmt.Errorf("%s: isdir: %w", c.place, err)
}

func (c *compiler) condition(n *node) (condition, error) {
	if n.kind != array || len(n.items) == 0 {
		return nil, n.errorf(`expected a condition, as ["eq", variable, value]`)
	}
	name, err := n.items[0].wantString("the name of a condition")
	if err != nil {
		return nil, err
	}
	switch name {
	case "eq", "regex":
		return c.comparison(n)
	case "has":
		return c.has(n)
	case "and":
		all, err := c.conditions(n.items[1:])
		return allOf(all), err
	case "or":
		all, err := c.conditions(n.items[1:])
		return anyOf(all), err
	case "not":
		return c.not(n)
	case "isdir":
		return c.isDir(n)
	default:
		return nil, n.items[0].errorf("unknown condition %s", quote(name))
	}
}

func (c *compiler) conditions(items []*node) ([]condition, error) {
	all := make([]condition, 0, len(items))
	for _, n := range items {
		one, err := c.condition(n)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

func (c *compiler) comparison(n *node) (condition, error) {
	name := n.items[0].text
	if err := n.wantArray(fmt.Sprintf("this is [%q, variable, value or list of values]", name), 3, 3); err != nil {
		return nil, err
	}
	variable, err := n.items[1].wantString("the name of a variable")
	if err != nil {
		return nil, err
	}
	values, err := n.items[2].oneOrMore("a value")
	if err != nil {
		return nil, err
	}
	if name == "eq" {
		return equals{variable, texts(values)}, nil
	}
	m := matches{variable: variable}
	for _, v := range values {
		p, err := c.pattern(v)
		if err != nil {
			return nil, err
		}
		m.patterns = append(m.patterns, p)
	}
	return m, nil
}

func (c *compiler) has(n *node) (condition, error) {
	if err := n.wantArray(`a has is ["has", variable or list of variables]`, 2, 2); err != nil {
		return nil, err
	}
	names, err := n.items[1].oneOrMore("the name of a variable")
	return has(texts(names)), err
}

func (c *compiler) not(n *node) (condition, error) {
	if err := n.wantArray(`a not is ["not", condition]`, 2, 2); err != nil {
		return nil, err
	}
	inner, err := c.condition(n.items[1])
	return not{inner}, err
}

func (c *compiler) isDir(n *node) (condition, error) {
	if err := n.wantArray(`an isdir is ["isdir", path]`, 2, 2); err != nil {
		return nil, err
	}
	if _, err := n.items[1].wantString("a path"); err != nil {
		return nil, err
	}
	c.stats = true
	path, err := readTemplate(n.items[1])
	return isDir{n.place(), path}, err
}

// oneOrMore reads a string or a list of strings.
func (n *node) oneOrMore(what string) ([]*node, error) {
	all := []*node{n}
	if n.kind == array {
		all = n.items
	}
	for _, one := range all {
		if _, err := one.wantString(what); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func texts(nodes []*node) []string {
	all := make([]string, len(nodes))
	for i, n := range nodes {
		all[i] = n.text
	}
	return all
}
