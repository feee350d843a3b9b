// SPDX-License-Identifier: Apache-2.0

package uci

import (
	"io"
	"strings"
)

// A Scanner reads lines of words with the quoting rules of configuration files, as the batch
// mode of the uci tool takes them. It reads no more than it needs to know a line, so that a
// program may write one and wait for what comes of it.
type Scanner struct {
	in    io.Reader
	lex   lexer
	eof   bool
	err   error
	words []string
	base  int // newlines that no longer count
}

// NewScanner reads from r.
func NewScanner(r io.Reader) *Scanner {
	s := &Scanner{in: r}
	s.lex = newLexer("", func(b []byte) string { return string(b) })
	return s
}

// Scan reads the words of the next line: up to limit of them, up to an empty one or a
// semicolon; what follows on the line is dropped. It is false at the end of the input. The
// error is a *[ParseError]; scanning may go on after it.
func (s *Scanner) Scan(limit int) (words []string, more bool, err error) {
	for {
		before := s.lex
		if s.lex.end < len(s.lex.text) || s.eof {
			words, more, err = s.line(limit)
			if s.eof || !more || !s.cut(err) {
				return words, more, err
			}
			s.lex = before
		}
		s.fill()
	}
}

func (s *Scanner) line(limit int) ([]string, bool, error) {
	s.lex.short = false
	if !s.lex.next() {
		return nil, false, nil
	}
	s.words = s.words[:0]
	for len(s.words) < limit {
		w, err := s.lex.arg()
		if err != nil {
			return nil, true, s.Error(err.Error(), s.lex.offset())
		}
		if w == "" {
			break
		}
		s.words = append(s.words, w)
	}
	return s.words, true, nil
}

// cut reports whether the line may go on in input that was not read yet.
func (s *Scanner) cut(err error) bool {
	return s.lex.end == len(s.lex.text) && (err != nil || s.lex.short || !strings.HasSuffix(s.lex.text, "\n"))
}

// Error makes an error at the current line.
func (s *Scanner) Error(reason string, offset int) *ParseError {
	return &ParseError{Reason: reason, Line: s.lex.lines - s.base, Byte: offset, At: s.lex.line()}
}

// Restart makes the lines of errors count from the next line on.
func (s *Scanner) Restart() { s.base = s.lex.lines }

// Err is what reading failed with.
func (s *Scanner) Err() error { return s.err }

// Rest gives all input that follows the current line.
func (s *Scanner) Rest() string {
	for !s.eof {
		s.fill()
	}
	rest := s.lex.text[s.lex.end:]
	s.lex.end = len(s.lex.text)
	return rest
}

// fill reads more, as much again as waits for its line's end.
func (s *Scanner) fill() {
	rest := s.lex.text[s.lex.end:]
	buf := make([]byte, max(4096, len(rest)))
	n, err := s.in.Read(buf)
	if err != nil {
		s.eof = true
		if err != io.EOF {
			s.err = err
		}
	}
	text := rest + string(buf[:n])
	if strings.IndexByte(text, 0) >= 0 && !s.lex.holes {
		text = s.cutAll(text)
	}
	s.lex.text, s.lex.pos, s.lex.stop, s.lex.end, s.lex.start = text, 0, 0, 0, 0
}

// cutAll reads the rest of an input with NUL bytes, whose meaning depends on where lines end.
func (s *Scanner) cutAll(text string) string {
	rest, err := io.ReadAll(s.in)
	if err != nil {
		s.err = err
	}
	s.eof, s.lex.holes = true, true
	return cutNUL(text + string(rest))
}
