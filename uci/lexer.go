// SPDX-License-Identifier: Apache-2.0

package uci

import "strings"

// lexer reads words from UCI text: configuration files, delta files and batch scripts share
// it. A logical line is one physical line, or several when a quote or a backslash joins them.
// Words are pieces of the text wherever nothing had to be removed from them.
type lexer struct {
	text  string
	pos   int // the next byte
	stop  int // where the visible part of the line ends: a comment hides the rest
	end   int // where the next physical line starts
	start int // of the logical line
	skew  int // bytes that continuation took out of the logical line
	lines int // newlines read so far
	first int // newlines read before this logical line

	word  []byte // a word being put together
	keep  func([]byte) string
	holes bool // the text has NUL bytes, see cutNUL
	short bool // the line goes on, but the text has ended
}

func newLexer(text string, keep func([]byte) string) lexer {
	l := lexer{text: text, keep: keep}
	if strings.IndexByte(text, 0) >= 0 {
		l.text, l.holes = cutNUL(text), true
	}
	return l
}

// next goes to the next logical line; false at the end of the text.
func (l *lexer) next() bool {
	if l.end >= len(l.text) {
		return false
	}
	l.start, l.pos, l.skew, l.first = l.end, l.end, 0, l.lines
	l.readLine()
	return true
}

// more joins the next physical line to this one, in place of what is left of it.
func (l *lexer) more() bool {
	l.skew += l.end - l.pos
	l.pos = l.end
	if l.end >= len(l.text) {
		l.short = true
		return false
	}
	l.readLine()
	return l.pos < l.stop
}

func (l *lexer) readLine() {
	rest := l.text[l.end:]
	n := strings.IndexByte(rest, '\n') + 1
	if n == 0 {
		n = len(rest)
	}
	if l.holes {
		if i := strings.IndexByte(rest[:n], 0); i >= 0 {
			l.stop = l.end + i
			l.end = l.stop + 1
			return
		}
	}
	l.end += n
	l.stop = l.end
	if l.text[l.end-1] == '\n' {
		l.lines++
	}
}

// cur is the byte at pos, 0 at the end of the line.
func (l *lexer) cur() byte {
	if l.pos < l.stop {
		return l.text[l.pos]
	}
	return 0
}

// offset is how far into the logical line the lexer is, in bytes.
func (l *lexer) offset() int { return l.pos - l.start - l.skew }

// line is the number, from 1, of the physical line on which the logical line starts.
func (l *lexer) line() int { return l.first + 1 }

// escape passes a backslash. It reports false when that joined the next line to this one,
// true when the byte now at pos stands for itself.
func (l *lexer) escape() bool {
	l.pos++
	rest := l.text[min(l.pos, l.stop):l.stop]
	if rest == "" || rest[0] == '\n' || rest == "\r\n" {
		l.more()
		return false
	}
	return true
}

// space passes blanks and joined lines. A backslash before anything else is passed as well:
// what follows it starts a word like any other byte.
func (l *lexer) space() {
	for {
		l.blanks()
		if l.cur() != '\\' || l.escape() {
			return
		}
	}
}

func (l *lexer) blanks() {
	for l.pos < l.stop && isSpace(l.text[l.pos]) {
		l.pos++
	}
}

// keyword reads a command: up to a blank or tab, newline included. ended reports that no
// blank followed it.
func (l *lexer) keyword() (word string, ended bool) {
	i := l.pos
	for i < l.stop && (l.text[i] == ' ' || l.text[i] == '\t') {
		i++
	}
	from := i
	for ; i < l.stop; i++ {
		if c := l.text[i]; c == ' ' || c == '\t' {
			return l.text[from:i], false
		}
	}
	return l.text[from:i], true
}

// arg reads the next word; "" when there is none, or an empty one.
func (l *lexer) arg() (string, error) {
	l.space()
	if l.pos >= l.stop {
		return "", nil
	}
	switch c := l.text[l.pos]; {
	case c == '\'':
		if w, ok := l.quoted(); ok {
			return w, nil
		}
	case c == ';':
		l.pos++
		return "", nil
	default:
		if w, ok := l.plain(); ok {
			return w, nil
		}
	}
	return l.pieces()
}

// plain reads a word that needs no work and ends at a blank or with the line.
func (l *lexer) plain() (string, bool) {
	i := l.pos
	for i < l.stop && class[l.text[i]]&classPlain != 0 {
		i++
	}
	if i < l.stop && !isSpace(l.text[i]) {
		return "", false
	}
	w := l.text[l.pos:i]
	l.pos = min(i+1, l.stop)
	return w, true
}

// quoted reads a word that is one piece in single quotes on one line.
func (l *lexer) quoted() (string, bool) {
	from := l.pos + 1
	n := strings.IndexByte(l.text[from:l.stop], '\'')
	if n < 0 {
		return "", false
	}
	to := from + n
	if to+1 < l.stop && !isSpace(l.text[to+1]) {
		return "", false
	}
	l.pos = min(to+2, l.stop)
	return l.text[from:to], true
}

// skipKeyword passes a keyword and the blank behind it.
func (l *lexer) skipKeyword(word string) {
	for l.text[l.pos] == ' ' || l.text[l.pos] == '\t' {
		l.pos++
	}
	l.pos += len(word) + 1
}
