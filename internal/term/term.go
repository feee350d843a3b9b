// SPDX-License-Identifier: Apache-2.0

// Package term prints for people: colours on a terminal only, and text of foreign origin
// without control characters.
package term

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"

	"golang.org/x/sys/unix"
)

// A Style is a colour or weight (ECMA-48 SGR).
type Style string

const (
	Green  Style = "32"
	Yellow Style = "33"
	Red    Style = "31"
	Bold   Style = "1"
	Faint  Style = "2"
)

// A Painter colours text, or leaves it alone.
type Painter bool

// For returns a painter for w: it paints when w is a terminal, unless NO_COLOR is set.
// FORCE_COLOR paints anywhere.
func For(w io.Writer) Painter {
	if os.Getenv("FORCE_COLOR") != "" {
		return true
	}
	return Painter(IsTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb")
}

// IsTerminal reports whether w is a terminal.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// Paint gives text a style.
func (p Painter) Paint(style Style, text string) string {
	if !p || text == "" {
		return text
	}
	return "\x1b[" + string(style) + "m" + text + "\x1b[0m"
}

// Safe shows foreign text: control characters, and what changes the direction of writing,
// appear as escapes.
func Safe(text string) string {
	if strings.IndexFunc(text, unsafe) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if unsafe(r) {
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// SafeLines is Safe for a text of several lines: those after the first begin with indent, so
// that no foreign line can pass for one of ours.
func SafeLines(text, indent string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i, line := range lines {
		lines[i] = Safe(line)
	}
	return strings.Join(lines, "\n"+indent)
}

// SafeJSON does the same inside the strings of a JSON text, which means the same afterwards.
func SafeJSON(text string) string {
	if strings.IndexFunc(text, unsafeJSON) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if !unsafeJSON(r) {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}

// unsafeJSON leaves out what JSON itself escapes and the line feeds between its values.
func unsafeJSON(r rune) bool { return r >= 0x7f && unsafe(r) }

func unsafe(r rune) bool { return unicode.Is(unicode.C, r) || r == unicode.ReplacementChar }
