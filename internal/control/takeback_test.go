// SPDX-License-Identifier: Apache-2.0

package control

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"ucid/uci"
)

// Each case is a package before a change, after it, as others have made it since, and as it
// has to be when the change is taken back; "-" is no file. A section is TYPE [NAME] and its
// options, all in one line.
var takeBackCases = []struct {
	name                     string
	before, after, now, want string
	conflict                 string // words of the one conflict
}{
	{"nothing else happened", "a x n=1", "a x n=2", "a x n=2", "a x n=1", ""},
	{"it is back already", "a x n=1", "a x n=2", "a x n=1", "a x n=1", ""},
	{"the change did nothing", "a x n=1", "a x n=1", "a x n=3", "a x n=3", ""},
	{"another option was edited", "a x n=1 m=1", "a x n=2 m=1", "a x n=2 m=5", "a x n=1 m=5", ""},
	{"an option was added", "a x n=1", "a x n=2", "a x n=2 m=5", "a x n=1 m=5", ""},
	{"an option was removed", "a x n=1 m=1", "a x n=2 m=1", "a x n=2", "a x n=1", ""},
	{"the same option was edited", "a x n=1", "a x n=2", "a x n=3", "a x n=3", "a 'x' option n"},
	{"both removed an option", "a x n=1 m=1", "a x m=1", "a x m=2", "a x m=2 n=1", ""},
	{"an option of the change was removed", "a x n=1 m=1", "a x n=2 m=1", "a x m=1", "a x m=1", "option n"},
	{"an added option", "a x m=1", "a x m=1 n=2", "a x m=3 n=2", "a x m=3", ""},
	{"an added option was edited", "a x m=1", "a x m=1 n=2", "a x m=1 n=4", "a x m=1 n=4", "option n"},
	{"a section was added", "a x n=1", "a x n=2", "a x n=2|a y n=9", "a x n=1|a y n=9", ""},
	{"an added section", "a x n=1", "a x n=1|a y n=2", "a x n=5|a y n=2", "a x n=5", ""},
	{"an added section was edited", "a x n=1", "a x n=1|a y n=2", "a x n=1|a y n=3", "a x n=1|a y n=3", "a 'y'"},
	{"an added section was removed", "a x n=1", "a x n=1|a y n=2", "a x n=3", "a x n=3", ""},
	{"a removed section comes back to its place", "a x n=1|a y n=2|a z n=3", "a x n=1|a z n=3", "a x n=1|a z n=4", "a x n=1|a y n=2|a z n=4", ""},
	{"a removed section was made again", "a x n=1|a y n=2", "a x n=1", "a x n=1|a y n=7", "a x n=1|a y n=7", "a 'y'"},
	{"a changed section was removed", "a x n=1|a y n=1", "a x n=2|a y n=1", "a y n=1", "a y n=1", "a 'x'"},
	{"another section was removed", "a x n=1|a y n=1", "a x n=2|a y n=1", "a x n=2", "a x n=1", ""},
	{"a type was changed", "a x n=1|a y n=1", "b x n=1|a y n=1", "b x n=1|a y n=2", "a x n=1|a y n=2", ""},
	{"a list", "a x l=1,2", "a x l=1,2,3", "a x l=1,2,3 m=1", "a x m=1 l=1,2", ""},
	{"a list was edited", "a x l=1,2", "a x l=1,2,3", "a x l=1,2,3,4", "a x l=1,2,3,4", "option l"},
	{"a list became an option", "a x l=1,2", "a x l=1", "a x l=1 m=1", "a x m=1 l=1,2", ""},

	{"an added file", "-", "a x n=1", "a x n=1", "-", ""},
	{"an added file with other things in it", "-", "a x n=1", "a x n=1|a y n=1", "a y n=1", ""},
	{"an added file that somebody emptied", "-", "a x n=1", "", "-", ""},
	{"an added file that is gone", "-", "a x n=1", "-", "-", ""},
	{"a removed file", "a x n=1", "-", "-", "a x n=1", ""},
	{"a removed file that was made again", "a x n=1", "-", "a y n=1", "a x n=1|a y n=1", ""},
	{"a file that somebody removed", "a x n=1", "a x n=2", "-", "-", "removed by somebody else"},
	{"an empty file became none", "", "-", "-", "", ""},
	{"none became an empty file", "-", "", "", "-", ""},

	{"an unnamed section", "a n=1|a n=2", "a n=1|a n=3", "a n=1 m=1|a n=3", "a n=1 m=1|a n=2", ""},
	{"an unnamed section was added behind", "a n=1", "a n=1|a n=2", "a n=1|a n=2|a n=3", "a n=1|a n=3", ""},
	{"an unnamed section was removed before", "a n=1|a n=2", "a n=1|a n=2|a n=3", "a n=2|a n=3", "a n=2", ""},
	{"an unnamed one that the change removed", "a n=1|a n=2|a n=3", "a n=2|a n=3", "a n=2|a n=3 m=1", "a n=1|a n=2|a n=3 m=1", ""},
	{"a changed unnamed one was edited elsewhere", "a n=1 m=1", "a n=2 m=1", "a n=2 m=5", "a n=1 m=5", ""},
	{"a changed unnamed one was removed", "a n=1|a n=2", "a n=1|a n=3", "a n=1", "a n=1", "@a[1]"},
	{"an added unnamed one was edited", "a n=1", "a n=1|a n=2", "a n=1|a n=9", "a n=1|a n=9", "@a[1]"},
	{"named ones moved the unnamed", "a x n=1|a n=1|a n=2", "a x n=1|a n=1|a n=3", "a n=1|a n=3", "a n=1|a n=2", ""},
	{"twins", "a n=1|a n=1", "a n=1|a n=1|a n=1", "a n=1|a n=1|a n=1|b n=1", "a n=1|a n=1|b n=1", ""},
}

func TestTakeBack(t *testing.T) {
	for _, c := range takeBackCases {
		t.Run(c.name, func(t *testing.T) {
			before, after, now := text(c.before), text(c.after), text(c.now)
			got, conflicts, err := takeBack("p", "/p", before, after, now)
			if err != nil {
				t.Fatal(err)
			}
			if lines(t, got) != lines(t, text(c.want)) {
				t.Errorf("%s\nwant %s", lines(t, got), lines(t, text(c.want)))
			}
			if said := strings.Join(conflicts, "; "); (c.conflict == "") != (said == "") || !strings.Contains(said, c.conflict) {
				t.Errorf("conflicts %q, want %q", said, c.conflict)
			}
			again, _, err := takeBack("p", "/p", before, after, got)
			if err != nil || lines(t, again) != lines(t, got) {
				t.Errorf("taken back again: %s, %v; want %s", lines(t, again), err, lines(t, got))
			}
		})
	}
}

// text writes out the short form.
func text(short string) []byte {
	if short == "-" {
		return nil
	}
	b := []byte{}
	for section := range strings.SplitSeq(short, "|") {
		for i, word := range strings.Fields(section) {
			name, value, isOption := strings.Cut(word, "=")
			switch {
			case i == 0:
				b = fmt.Appendf(b, "\nconfig %s", word)
			case !isOption:
				b = fmt.Appendf(b, " '%s'", word)
			case strings.Contains(value, ","):
				for item := range strings.SplitSeq(value, ",") {
					b = fmt.Appendf(b, "\n\tlist %s '%s'", name, item)
				}
			default:
				b = fmt.Appendf(b, "\n\toption %s '%s'", name, value)
			}
		}
		b = append(b, '\n')
	}
	return b
}

// lines is the meaning of a text, comparable.
func lines(t *testing.T, text []byte) string {
	t.Helper()
	if text == nil {
		return "-"
	}
	p, err := uci.Parse("p", "/p", text)
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	var b strings.Builder
	for s := range p.Sections() {
		fmt.Fprintf(&b, "%s", s.Type)
		if !s.Anonymous {
			b.WriteString(" " + s.Name)
		}
		for o := range s.Options() {
			fmt.Fprintf(&b, " %s=%q", o.Name, o.Values())
		}
		b.WriteString("\n")
	}
	return b.String()
}

// What nobody else has touched goes back to the byte, comments and all.
func TestTakeBackKeepsEveryByte(t *testing.T) {
	before := []byte("# mine\nconfig a x # here\n\toption n 1\n")
	got, conflicts, err := takeBack("p", "/p", before, text("a x n=2"), text("a x n=2"))
	if err != nil || string(got) != string(before) || len(conflicts) > 0 {
		t.Errorf("%q, %q, %v", got, conflicts, err)
	}
	now := []byte("# others\nconfig b y\n")
	got, _, err = takeBack("p", "/p", before, before, now)
	if err != nil || string(got) != string(now) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestTakeBackFromABrokenFile(t *testing.T) {
	_, _, err := takeBack("p", "/p", text("a x n=1"), text("a x n=2"), []byte("config 'a\n"))
	if err == nil || !strings.Contains(err.Error(), "cannot be read now") {
		t.Errorf("%v", err)
	}
	got, _, err := takeBack("p", "/p", []byte("config 'broken before\n"), text("a x n=2"), text("a x n=2"))
	if err != nil || string(got) != "config 'broken before\n" {
		t.Errorf("%q, %v", got, err)
	}
}

// Edits of others in sections that a random change does not touch always stay, and what the
// change did is always gone.
func TestTakeBackKeepsWhatOthersDid(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 2))
	random := func(prefix string) string {
		var sections []string
		for i := range 4 {
			if chance.IntN(3) > 0 {
				sections = append(sections, fmt.Sprintf("a %s%d n=%d m=%d", prefix, i, chance.IntN(3), chance.IntN(3)))
			}
		}
		return strings.Join(sections, "|")
	}
	for range 5000 {
		before, after := random("c"), random("c")
		theirs, edited := random("o"), random("o")
		join := func(a, b string) []byte { return text(strings.Trim(a+"|"+b, "|")) }
		got, conflicts, err := takeBack("p", "/p", join(before, theirs), join(after, theirs), join(after, edited))
		if err != nil || len(conflicts) > 0 || sorted(lines(t, got)) != sorted(lines(t, join(before, edited))) {
			t.Fatalf("%s → %s, others %s → %s: %v %q\n%s", before, after, theirs, edited, err, conflicts, got)
		}
	}
}

func FuzzTakeBack(f *testing.F) {
	for _, c := range takeBackCases {
		f.Add(string(text(c.before)), string(text(c.after)), string(text(c.now)))
	}
	f.Fuzz(func(t *testing.T, before, after, now string) {
		got, conflicts, err := takeBack("p", "/p", []byte(before), []byte(after), []byte(now))
		if err != nil || got == nil {
			return
		}
		if string(now) == after && len(conflicts) == 0 && string(got) != before {
			t.Errorf("%q, want %q", got, before)
		}
	})
}

func sorted(lines string) string {
	l := strings.Split(lines, "\n")
	slices.Sort(l)
	return strings.Join(l, "\n")
}
