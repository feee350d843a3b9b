// SPDX-License-Identifier: Apache-2.0

package term

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestSafe(t *testing.T) {
	for in, want := range map[string]string{
		"plain":              "plain",
		"größe 10 µs → ok":   "größe 10 µs → ok",
		"\x1b[2J":            `\x1b[2J`,
		"a\r\nb\tc":          `a\r\nb\tc`,
		"\u009b31m":          `\u009b31m`,
		"abc\u202etxt.exe":   `abc\u202etxt.exe`,
		"zero\u200bwidth":    `zero\u200bwidth`,
		"bad \xff\xfe bytes": `bad \ufffd\ufffd bytes`,
		"\x00\x7f":           `\x00\x7f`,
		"":                   "",
	} {
		if got := Safe(in); got != want {
			t.Errorf("Safe(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestSafeLines(t *testing.T) {
	if got := SafeLines("a\n\x1b[2J\nproblem: fake\n\n", "  "); got != "a\n  \\x1b[2J\n  problem: fake" {
		t.Errorf("%q", got)
	}
}

func FuzzSafe(f *testing.F) {
	for _, seed := range []string{"", "ok", "\x1b]0;x\a", "\xff\u009b", "\u2066a\u2069", "😀\U000e0001"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		safe := Safe(text)
		if !utf8.ValidString(safe) || strings.ContainsFunc(safe, func(r rune) bool { return unicode.In(r, unicode.C) }) {
			t.Errorf("Safe(%q) = %q", text, safe)
		}
		if Safe(safe) != safe {
			t.Errorf("Safe(%q) is not safe", text)
		}
	})
}

// What SafeJSON makes of a text means the same and moves no cursor.
func FuzzSafeJSON(f *testing.F) {
	for _, seed := range []string{"", "ok", "\x1b]0;x\a", "\u009b31m", "\u2066a\u2069", "😀\U000e0001", `\"`, "<&>"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		text = strings.ToValidUTF8(text, "?")
		plain, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		safe := SafeJSON(string(plain))
		var back string
		if err := json.Unmarshal([]byte(safe), &back); err != nil || back != text {
			t.Errorf("%q became %q (%v)", text, back, err)
		}
		if strings.ContainsFunc(safe, func(r rune) bool { return unicode.In(r, unicode.C) }) {
			t.Errorf("SafeJSON(%q) = %q", plain, safe)
		}
	})
}

func TestPainterFollowsTheEnvironment(t *testing.T) {
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, c := range []struct {
		name, force string
		want        bool
	}{{"not a terminal", "", false}, {"forced", "1", true}} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("FORCE_COLOR", c.force)
			t.Setenv("NO_COLOR", "")
			if For(&bytes.Buffer{}) != Painter(c.want) || For(file) != Painter(c.want) {
				t.Errorf("painting is not %v", c.want)
			}
		})
	}
}

func TestPaint(t *testing.T) {
	if got := Painter(true).Paint(Red, "x"); got != "\x1b[31mx\x1b[0m" {
		t.Errorf("%q", got)
	}
	if got := Painter(false).Paint(Red, "x") + Painter(true).Paint(Red, ""); got != "x" {
		t.Errorf("%q", got)
	}
}
