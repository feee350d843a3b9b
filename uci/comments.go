// SPDX-License-Identifier: Apache-2.0

package uci

import (
	"bytes"
	"strings"
)

// Rewrite gives the text of a package that was read from old and changed since. Sections
// that are as they were keep their text, comments and layout included; the others are
// written anew below the comments that stood above them. Where old is laid out so that its
// sections cannot be told apart, line by line, everything is written anew.
func (f Format) Rewrite(old []byte, p *Package) []byte {
	head, chunks, ok := takeApart(p.name, string(old))
	if !ok {
		return f.Append(nil, p)
	}
	text := append([]byte(nil), head...)
	for s := range p.Sections() {
		c := chunks[s.Name]
		switch {
		case c == nil || c.section.Anonymous != s.Anonymous:
			text = f.AppendSection(newline(text), s)
		case equalSections(c.section, s):
			text = append(newline(text), c.above+c.text...)
		default:
			text = append(newline(text), c.above...)
			text = append(text, f.AppendSection(nil, s)[1:]...) // without the blank line
		}
	}
	return newline(text)
}

// chunk is the text of one section.
type chunk struct {
	section *Section
	above   string // the comments and blank lines before it
	text    string
}

// newline ends the last line of text.
func newline(text []byte) []byte {
	if len(text) > 0 && text[len(text)-1] != '\n' {
		text = append(text, '\n')
	}
	return text
}

// takeApart takes a file apart: what is before the first section, and the chunk of each. It is
// not ok when a section is in two places, or two are on one line.
func takeApart(pkg, text string) (head string, chunks map[string]*chunk, ok bool) {
	ps := newParser(text)
	ps.pkg = NewPackage(pkg, "")
	chunks = make(map[string]*chunk)
	var order []*chunk
	var lines []int
	ok = true
	ps.starts = func(s *Section, line int) {
		if chunks[s.Name] != nil || len(lines) > 0 && lines[len(lines)-1] == line {
			ok = false
			return
		}
		c := &chunk{section: s}
		chunks[s.Name] = c
		order, lines = append(order, c), append(lines, line)
	}
	if ps.run() != nil || !ok || ps.lex.holes {
		return "", nil, false
	}
	return cutChunks(text, order, lines), chunks, true
}

// cutChunks cuts a text at the lines where sections start and gives what is before them.
func cutChunks(text string, order []*chunk, lines []int) (head string) {
	all := strings.SplitAfter(text, "\n")
	end := len(all)
	for i := len(order) - 1; i >= 0; i-- {
		start := lines[i] - 1
		order[i].text = strings.Join(all[start:end], "")
		end = start
		for end > 0 && isRemark(all[end-1]) {
			end--
		}
		order[i].above = strings.Join(all[end:start], "")
	}
	return strings.Join(all[:end], "")
}

// isRemark reports whether a line is a comment, or blank.
func isRemark(line string) bool {
	line = strings.TrimLeft(line, " \t\r\n")
	return line == "" || line[0] == '#'
}

// equalSections reports whether two sections would be written alike.
func equalSections(a, b *Section) bool {
	return a.Type == b.Type && bytes.Equal(appendOptions(nil, a), appendOptions(nil, b))
}
