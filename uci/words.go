// SPDX-License-Identifier: Apache-2.0

package uci

import (
	"errors"
	"strings"
)

var (
	errSingle = errors.New("EOF with unterminated '")
	errDouble = errors.New(`EOF with unterminated "`)
)

// pieces reads a word of several pieces: quoted ones, plain ones, escapes, joined lines.
func (l *lexer) pieces() (string, error) {
	l.word = l.word[:0]
	from := l.offset()
	for first := true; first || l.pos < l.stop && !isSpace(l.text[l.pos]); first = false {
		switch c := l.cur(); c {
		case '\'':
			if err := l.single(); err != nil {
				return "", err
			}
		case '"':
			if err := l.double(); err != nil {
				return "", err
			}
		case '#':
			l.stop = l.pos
		case 0:
		case ';':
			return l.semicolon(from), nil
		case '\\':
			if l.escape() {
				l.take()
			}
		default:
			l.take()
		}
	}
	if l.pos < l.stop {
		l.pos++ // the blank that ends the word
	}
	return l.keep(l.word), nil
}

// semicolon ends a word. Where nothing was removed from the word the end of the string
// falls on the semicolon itself, and so the rest of the line is lost: an oddity of the
// format's first implementation that decides what a file means.
func (l *lexer) semicolon(from int) string {
	if l.offset()-from == len(l.word) {
		l.stop = l.pos
	}
	return l.keep(l.word)
}

func (l *lexer) take() {
	l.word = append(l.word, l.text[l.pos])
	l.pos++
}

// single reads up to the closing quote, over lines if need be; nothing is special inside.
func (l *lexer) single() error {
	l.pos++
	for {
		rest := l.text[l.pos:l.stop]
		if n := strings.IndexByte(rest, '\''); n >= 0 {
			l.word = append(l.word, rest[:n]...)
			l.pos += n + 1
			return nil
		}
		l.word = append(l.word, rest...)
		l.pos = l.stop
		if !l.more() {
			return errSingle
		}
	}
}

// double reads up to the closing quote; a backslash makes the next byte stand for itself.
func (l *lexer) double() error {
	l.pos++
	for {
		rest := l.text[l.pos:l.stop]
		n := strings.IndexAny(rest, `"\`)
		if n < 0 {
			l.word = append(l.word, rest...)
			l.pos = l.stop
			if !l.more() {
				return errDouble
			}
			continue
		}
		l.word = append(l.word, rest[:n]...)
		l.pos += n
		if rest[n] == '"' {
			l.pos++
			return nil
		}
		if l.escape() {
			l.take()
		}
	}
}

// cutNUL gives the text as a reader of C strings sees it: what follows a NUL on its physical
// line is gone, newline included. A NUL that starts a read ends the line so far; one is left
// in the text to mark that.
func cutNUL(text string) string {
	var b strings.Builder
	for text != "" {
		line := text
		if n := strings.IndexByte(text, '\n'); n >= 0 {
			line = text[:n+1]
		}
		text = text[len(line):]
		if n := strings.IndexByte(line, 0); n >= 0 {
			line = line[:max(n, 0)]
			if n == 0 {
				line = "\x00"
			}
		}
		b.WriteString(line)
	}
	return b.String()
}
