// SPDX-License-Identifier: Apache-2.0

package uci

import "strings"

// Most lines of most files look alike. The functions here read those, and nothing else, with
// one look at each byte; they leave every other line to the lexer.

// fastLine reads the next line if it is "option NAME 'VALUE'" or "list NAME 'VALUE'" in the
// form in which files are written. It reports false, and has done nothing, when it is not.
func (ps *parser) fastLine() bool {
	text := ps.lex.text
	i := ps.lex.end
	if ps.section == nil || i+16 > len(text) || text[i] != '\t' {
		return false
	}
	var list bool
	switch {
	case text[i+1:i+8] == "option ":
		i += 8
	case text[i+1:i+6] == "list ":
		i, list = i+6, true
	default:
		return false
	}
	from := i
	for i < len(text) && class[text[i]]&className != 0 {
		i++
	}
	if i == from || i+2 >= len(text) || text[i] != ' ' || text[i+1] != '\'' {
		return false
	}
	value, end := quotedToEnd(text, i+2)
	if end < 0 {
		return false
	}
	ps.lex.skipLine(end)
	ps.option(text[from:i], value, list)
	return true
}

// quotedToEnd gives the text up to a quote that ends its line, and where the next line
// starts; -1 when it is anything else.
func quotedToEnd(text string, from int) (value string, next int) {
	n := strings.IndexByte(text[from:], '\'')
	if n < 0 || from+n+1 >= len(text) || text[from+n+1] != '\n' {
		return "", -1
	}
	value = text[from : from+n]
	if strings.IndexByte(value, '\n') >= 0 {
		return "", -1
	}
	return value, from + n + 2
}

// skipLine takes a line that ends before next as read.
func (l *lexer) skipLine(next int) {
	l.start, l.pos, l.stop, l.end, l.skew = l.end, next, next, next, 0
	l.first = l.lines
	l.lines++
}
