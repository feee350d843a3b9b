// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"os"
	"strings"
	"syscall"

	"ucid/uci"
)

// Options that take an argument.
const withArgument = "cCdfpPt"

var errUsage = errors.New("")

// options reads the options, which may stand anywhere before a "--", and gives the other
// arguments.
func (t *tool) options(args []string) (rest []string, err error) {
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			return append(rest, args...), nil
		case arg == "--json":
			t.json = true
		case len(arg) < 2 || arg[0] != '-':
			rest = append(rest, arg)
		default:
			if args, err = t.cluster(arg[1:], args); err != nil {
				return nil, err
			}
		}
	}
	return rest, nil
}

// cluster reads the options of one argument, as in "-qXc dir"; it gives the arguments that
// are left.
func (t *tool) cluster(letters string, args []string) ([]string, error) {
	for letters != "" {
		letter := letters[0]
		letters = letters[1:]
		if strings.IndexByte(withArgument, letter) < 0 {
			if err := t.flag(letter); err != nil {
				return nil, err
			}
			continue
		}
		if letters == "" {
			if len(args) == 0 {
				return nil, errors.New("option requires an argument -- '" + string(letter) + "'")
			}
			letters, args = args[0], args[1:]
		}
		return args, t.argument(letter, letters)
	}
	return args, nil
}

func (t *tool) flag(letter byte) error {
	switch letter {
	case 'm':
		t.merge = true
	case 'n':
		t.store.Names = true
	case 'N':
		t.store.Names = false
	case 'q':
		t.quiet = true
	case 's':
		t.strict()
	case 'S':
		t.lenient = true
		t.store.Lenient = t.parseMessage
	case 'X':
		t.plain = true
	case 'L':
		return errUsage
	default:
		return errors.New("invalid option -- '" + string(letter) + "'")
	}
	return nil
}

// strict undoes -S, but for the messages -S turned on.
func (t *tool) strict() {
	if t.lenient {
		t.store.Lenient = nil
	}
}

func (t *tool) argument(letter byte, value string) error {
	switch letter {
	case 'c':
		t.store.ConfDir = value
	case 'C':
		t.store.Override = value
	case 'd':
		t.delimiter = value
	case 'f':
		return t.open(value)
	case 'p':
		t.store.AddDeltaDir(value)
	case 'P':
		t.store.SetSaveDir(value)
		t.noCommit = true
	case 't':
		t.store.SetSaveDir(value)
	}
	return nil
}

// inputError is a file for -f that cannot be used.
type inputError struct{ text string }

func (e inputError) Error() string { return e.text }

func (t *tool) open(path string) error {
	if t.input != os.Stdin {
		return inputError{"Too many input files.\n"}
	}
	f, err := os.Open(path)
	if err == nil {
		if info, serr := f.Stat(); serr == nil && info.IsDir() {
			err = syscall.EISDIR
		}
	}
	if err != nil {
		return inputError{t.name + ": " + reason(err)}
	}
	t.input = f
	return nil
}

// reason is the bare system error in err, as C's strerror words it.
func reason(err error) string {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return err.Error()
	}
	text := errno.Error()
	return strings.ToUpper(text[:1]) + text[1:]
}

// badOption reports what options found wrong.
func (t *tool) badOption(err error) int {
	if _, ok := err.(inputError); ok {
		t.stderr(err.Error())
		return 1
	}
	if err != errUsage {
		t.stderr(t.name + ": " + err.Error() + "\n")
	}
	t.usage()
	return 0
}

// parseMessage reports a line that a lenient reader skips.
func (t *tool) parseMessage(e *uci.ParseError) { t.stderr(e.Error() + "\n") }
