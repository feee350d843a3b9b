// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"regexp"
	"regexp/syntax"
)

// maxPatterns is what the patterns of one list may cost together, in about the instructions of
// the compiled program: a{1000} is short but not small.
const maxPatterns = 4096

// pattern compiles a regular expression in which a dot matches a newline, as in POSIX.
func (c *compiler) pattern(n *node) (*regexp.Regexp, error) {
	tree, err := syntax.Parse(n.text, syntax.Perl|syntax.DotNL)
	if err != nil {
		return nil, n.errorf("bad pattern %s: %v", quote(n.text), err)
	}
	if c.patternRoom -= cost(tree); c.patternRoom < 0 {
		return nil, n.errorf("the patterns of these triggers are too large together")
	}
	re, err := regexp.Compile("(?s)" + n.text)
	if err != nil {
		return nil, n.errorf("bad pattern %s: %v", quote(n.text), err)
	}
	return re, nil
}

// cost is at least about the number of instructions of the compiled expression.
func cost(tree *syntax.Regexp) int {
	n := 1 + len(tree.Rune)
	for _, sub := range tree.Sub {
		n += cost(sub)
	}
	if tree.Op == syntax.OpRepeat {
		n *= max(1, tree.Min, tree.Max)
	}
	return n
}
