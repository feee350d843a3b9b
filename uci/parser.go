// SPDX-License-Identifier: Apache-2.0

package uci

import (
	"errors"
	"strconv"
	"strings"
)

// A ParseError says why and where text is not UCI. Reason is in the words of the first
// implementation, as scripts and users know them.
type ParseError struct {
	Package, File string
	Reason        string
	Line          int // newlines read so far: 0 in a file without any
	Byte          int // offset into the logical line
	At            int // the line, from 1, on which the bad command starts
}

func (e *ParseError) Error() string {
	return "Parse error (" + e.Reason + ") at line " + strconv.Itoa(e.Line) +
		", byte " + strconv.Itoa(e.Byte)
}

// Problem gives the error as a Problem about the whole file.
func (e *ParseError) Problem() Problem {
	return Problem{Package: e.Package, File: e.File, Line: e.At, Text: "cannot parse: " + e.Reason}
}

// Parse reads the text of a package. file is what positions say. The error is a *ParseError.
func Parse(pkg, file string, data []byte) (*Package, error) {
	return parseText(pkg, file, string(data))
}

func parseText(pkg, file, text string) (*Package, error) {
	ps := newParser(text)
	ps.pkg = NewPackage(pkg, file)
	if err := ps.run(); err != nil {
		return nil, err
	}
	return ps.pkg, nil
}

// parser fills packages from text.
type parser struct {
	lex     lexer
	pkg     *Package
	section *Section
	skip    bool // nobody wants its options
	text    arena

	// lenient goes on after an error, which is handed to it.
	lenient func(*ParseError)
	// stream, when set, gives the package that a "package NAME" line starts; otherwise
	// such lines are only checked.
	stream func(name string) (*Package, error)
	// starts, when set, hears of each section line.
	starts func(s *Section, line int)
	// merge, when set, gets what the text says as changes of the package, and makes them.
	merge func(Change) error
	// want, when set, is the one section whose options are kept.
	want *Tuple
	// more is linesAhead.
	more func() int
}

func newParser(text string) *parser {
	ps := new(parser)
	ps.lex = newLexer(text, ps.text.string)
	ps.more = ps.linesAhead
	return ps
}

var (
	errCommand  = errors.New("invalid command")
	errFew      = errors.New("insufficient arguments")
	errMany     = errors.New("too many arguments")
	errName     = errors.New("invalid character in name field")
	errType     = errors.New("invalid character in type field")
	errNoName   = errors.New("attempting to import a file without a package name")
	errNoConfig = errors.New("option/list command found before the first section")
	errOther    = errors.New("section of different type overwrites prior section with same name")
)

func (ps *parser) run() error {
	plain := ps.merge == nil && !ps.lex.holes
	for {
		if plain && ps.fastLine() {
			continue
		}
		if !ps.lex.next() {
			break
		}
		err := ps.line()
		if err == nil {
			continue
		}
		if err == ErrDuplicate {
			return err
		}
		perr := ps.failed(err)
		if ps.lenient == nil {
			return perr
		}
		ps.lenient(perr)
	}
	if ps.pkg != nil {
		ps.pkg.settle()
	}
	return nil
}

func (ps *parser) failed(err error) *ParseError {
	e := &ParseError{Reason: err.Error(), Line: ps.lex.lines, Byte: ps.lex.offset(), At: ps.lex.line()}
	if ps.pkg != nil {
		e.Package, e.File = ps.pkg.name, ps.pkg.file
	}
	return e
}

// line reads the commands of one logical line.
func (ps *parser) line() error {
	for ps.lex.blanks(); ; {
		word, ended := ps.lex.keyword()
		if word == "" || word[0] == '#' {
			return nil
		}
		command, ok := commandOf(word)
		if !ok {
			return errCommand
		}
		if ended {
			return errors.New(command.noun() + " without name")
		}
		if err := ps.allowed(command); err != nil {
			return err
		}
		ps.lex.skipKeyword(word)
		if err := ps.command(command); err != nil {
			return err
		}
	}
}

type command uint8

const (
	cmdPackage command = iota
	cmdConfig
	cmdOption
	cmdList
)

// noun is what a message calls the thing a command makes.
func (c command) noun() string { return [...]string{"package", "config", "option", "option"}[c] }

func commandOf(word string) (command, bool) {
	switch word {
	case "option", "o":
		return cmdOption, true
	case "list", "l":
		return cmdList, true
	case "config", "c":
		return cmdConfig, true
	case "package", "p":
		return cmdPackage, true
	}
	return 0, false
}

// allowed reports whether a command may stand here.
func (ps *parser) allowed(c command) error {
	switch {
	case c == cmdConfig && ps.pkg == nil:
		return errNoName
	case c >= cmdOption && ps.section == nil:
		return errNoConfig
	}
	return nil
}

func (ps *parser) command(c command) error {
	switch c {
	case cmdPackage:
		return ps.packageLine()
	case cmdConfig:
		return ps.configLine()
	}
	return ps.optionLine(c == cmdList)
}

func (ps *parser) packageLine() error {
	name, err := ps.required()
	if err != nil {
		return err
	}
	if !validStreamName(name) {
		return errName
	}
	if err := ps.eol(); err != nil || ps.stream == nil {
		return err
	}
	ps.section = nil
	ps.pkg, err = ps.stream(name)
	return err
}

func (ps *parser) configLine() error {
	typ, err := ps.required()
	if err != nil {
		return err
	}
	if !ValidType(typ) {
		return errType
	}
	name, err := ps.lex.arg()
	if err != nil {
		return err
	}
	if name != "" && !ValidName(name) {
		return errName
	}
	if err := ps.eol(); err != nil {
		return err
	}
	return ps.config(typ, name)
}

// config starts a section, or goes on with the one of that name.
func (ps *parser) config(typ, name string) error {
	var s *Section
	if name != "" {
		s = ps.pkg.find(name)
	}
	if s != nil && s.Type != typ && ps.lenient == nil {
		return errOther
	}
	if ps.merge != nil {
		return ps.mergeConfig(s, typ, name)
	}
	switch {
	case s == nil:
		s = ps.pkg.newSection(typ, name, ps.lex.line())
	case s.Type != typ:
		s.Type = ps.pkg.typeInfo(typ).name
		ps.pkg.unsettled = true
	}
	if ps.starts != nil {
		ps.starts(s, ps.lex.line())
	}
	ps.section = s
	ps.skip = ps.want != nil && !ps.pkg.isMeant(s, *ps.want)
	return nil
}

func (ps *parser) optionLine(list bool) error {
	name, err := ps.required()
	if err != nil {
		return err
	}
	if !ValidName(name) {
		return errName
	}
	value, err := ps.lex.arg()
	if err != nil {
		return err
	}
	if err := ps.eol(); err != nil {
		return err
	}
	if ps.merge != nil {
		return ps.mergeOption(name, value, list)
	}
	ps.option(name, value, list)
	return nil
}

func (ps *parser) option(name, value string, list bool) {
	if ps.skip {
		return
	}
	s, line := ps.section, int32(ps.lex.line())
	hash := s.hash(name)
	i := s.findHash(name, hash)
	if i < 0 {
		if list || value != "" { // an empty option says nothing
			ps.newOption(name, value, list, line)
			s.enter(len(s.options)-1, hash, ps.more)
		}
		return
	}
	switch o := &s.options[i]; {
	case list:
		o.toList()
		ps.item(o, value, line)
	case value != "":
		o.set(value, line)
	}
}

func (ps *parser) newOption(name, value string, list bool, line int32) {
	s, a := ps.section, &ps.pkg.arena
	var o *Option
	s.options, o = a.options.extend(s.options, ps.more)
	o.Name, o.line, o.in = name, line, s
	if list {
		o.IsList, o.items = true, a.list()
		ps.item(o, value, line)
	} else {
		o.value = value
	}
}

func (ps *parser) item(o *Option, value string, line int32) {
	var it *item
	*o.items, it = ps.pkg.arena.items.extend(*o.items, ps.more)
	it.text, it.line = value, line
}

// linesAhead guesses how many options follow in the open section: lines up to the next one.
func (ps *parser) linesAhead() int {
	text := ps.lex.text[ps.lex.end:]
	if n := strings.Index(text, "\nconfig"); n >= 0 {
		text = text[:n]
	}
	return min(strings.Count(text, "\n"), len(text)/12)
}

func (ps *parser) required() (string, error) {
	w, err := ps.lex.arg()
	if err == nil && w == "" {
		err = errFew
	}
	return w, err
}

// eol checks that no word is left. A lenient reader ignores one.
func (ps *parser) eol() error {
	ps.lex.space()
	if ps.lex.pos >= ps.lex.stop {
		return nil
	}
	w, err := ps.lex.arg()
	if err == nil && w != "" && ps.lenient == nil {
		err = errMany
	}
	return err
}
