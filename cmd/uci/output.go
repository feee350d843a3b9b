// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"os"

	"ucid/uci"
)

// output collects what goes to standard output and remembers whether it got there.
type output struct {
	buf []byte
	err error
}

const outputBlock = 64 << 10

func (o *output) print(parts ...string) {
	for _, s := range parts {
		o.buf = append(o.buf, s...)
	}
	if len(o.buf) >= outputBlock {
		o.flush()
	}
}

// quote prints s in single quotes.
func (o *output) quote(s string) { o.buf = uci.AppendQuoted(o.buf, s) }

func (o *output) flush() {
	if len(o.buf) > 0 && o.err == nil {
		_, o.err = os.Stdout.Write(o.buf)
	}
	o.buf = o.buf[:0]
}

func (t *tool) stderr(text string) {
	t.out.flush()
	os.Stderr.WriteString(text)
}

// finish gives the exit code once all output is out; output that is lost is an error.
func (t *tool) finish(code int) int {
	t.out.flush()
	if t.out.err != nil && code == 0 {
		return t.fail(t.out.err)
	}
	return code
}

// Exit codes. That of add is finer than that of other commands.
const (
	exitInvalid   = 2
	exitNotFound  = 3
	exitIO        = 4
	exitParse     = 5
	exitDuplicate = 6
	exitStop      = 254 // ends a batch
	exitUsage     = 255
)

// fail reports an error.
func (t *tool) fail(err error) int {
	if !t.quiet {
		if e := (*uci.ParseError)(nil); t.lenientMessage(err, &e) {
			t.parseMessage(e)
		}
		t.stderr(t.name + ": " + t.message(err) + "\n")
	}
	return 1
}

// warn reports a line of a delta file that is no change, once.
func (t *tool) warn(p uci.Problem) {
	text := t.name + ": " + p.Pos().String() + ": " + p.Text + "\n"
	if !t.quiet && !t.warned[text] {
		if t.warned == nil {
			t.warned = make(map[string]bool)
		}
		t.warned[text] = true
		t.stderr(text)
	}
}

// lenientMessage reports whether a syntax error is printed once more without prefix: -S
// turns that on, and a later -s does not turn it off.
func (t *tool) lenientMessage(err error, e **uci.ParseError) bool {
	return t.lenient && t.store.Lenient == nil && errors.As(err, e)
}

func (t *tool) message(err error) string {
	switch code(err) {
	case exitIO:
		if e, ok := err.(editError); ok {
			return e.Error()
		}
		if e := (*os.PathError)(nil); errors.As(err, &e) && e.Op == "open" {
			return "I/O error"
		}
		return "I/O error (" + err.Error() + ")"
	case exitParse:
		if t.batch != nil && err == uci.ErrParse {
			return t.batch.Error("unknown", 0).Error()
		}
	}
	return err.Error()
}

// code is the number of an error in the C library.
func code(err error) int {
	switch {
	case errors.Is(err, uci.ErrInvalid):
		return exitInvalid
	case errors.Is(err, uci.ErrNotFound):
		return exitNotFound
	case errors.Is(err, uci.ErrParse):
		return exitParse
	case errors.Is(err, uci.ErrDuplicate):
		return exitDuplicate
	}
	return exitIO
}
