// SPDX-License-Identifier: Apache-2.0

package uci

import "errors"

// deltaLine is one logical line of a delta file.
type deltaLine struct {
	Change
	err  error  // why it is no change
	line int    // from 1
	text string // as it stands in the file
	torn bool   // the file ends inside a quote
}

// parseDelta reads the lines of a delta file of a package. A line that is none is kept, with
// its error: the others are not the worse for it.
func parseDelta(pkg, text string) []deltaLine {
	var lines []deltaLine
	var words arena
	lex := newLexer(text, words.string)
	for lex.next() {
		d := deltaLine{line: lex.line()}
		d.Change, d.err = deltaChange(&lex, pkg)
		d.torn = d.err == errSingle || d.err == errDouble
		d.text = lex.text[lex.start:lex.end]
		lines = append(lines, d)
	}
	return lines
}

// errBlank is the error of a line that is empty or a comment. It is nothing to report.
var errBlank = errors.New("blank")

func deltaChange(lex *lexer, pkg string) (Change, error) {
	op := Op(lex.cur())
	switch op {
	case OpAdd, OpDelete, OpRename, OpReorder, OpAddList, OpDelList:
		lex.pos++
	default:
		op = OpSet
	}
	word, err := lex.arg()
	if err != nil {
		return Change{}, err
	}
	if lex.pos < lex.stop {
		return Change{}, errMany
	}
	if word == "" && op == OpSet {
		return Change{}, errBlank
	}
	c, err := parseChange(op, word)
	if err == nil && c.Package != pkg {
		err = ErrInvalid
	}
	return c, err
}
