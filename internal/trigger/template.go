// SPDX-License-Identifier: Apache-2.0

package trigger

import "strings"

// template is a text with variables.
type template []part

type part struct {
	literal  string
	variable string // if not empty, in place of the literal
}

// readTemplate splits a text at its variables.
func readTemplate(n *node) (template, error) {
	var t template
	for rest := n.text; rest != ""; {
		literal, after, found := strings.Cut(rest, "%")
		if literal != "" {
			t = append(t, part{literal: literal})
		}
		if !found {
			break
		}
		name, after, found := strings.Cut(after, "%")
		if !found {
			return nil, n.errorf("the variable in %s has no second %%", quote(n.text))
		}
		if name == "" {
			t = append(t, part{literal: "%"})
		} else {
			t = append(t, part{variable: name})
		}
		rest = after
	}
	return t, nil
}

// expand puts the variables in. It fails when the text would be longer than what the evaluation
// may still produce, or hold a zero byte, at which the kernel would cut it.
func (t template) expand(e *evaluation) (string, error) {
	var b strings.Builder
	for _, p := range t {
		s := p.literal
		if p.variable != "" {
			s = e.data[p.variable]
		}
		if e.room -= len(s); e.room < 0 {
			return "", errTooLong
		}
		b.WriteString(s)
	}
	if s := b.String(); !strings.ContainsRune(s, 0) {
		return s, nil
	}
	return "", errZeroByte
}
