// SPDX-License-Identifier: Apache-2.0

package uci

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// seeds gives the inputs of the conformance cases: files whose path has the prefix, the
// arguments of commands, or what they read from standard input.
func seeds(f *testing.F, pick func(c seedCase) []string) {
	f.Helper()
	files, err := filepath.Glob("testdata/conformance/*.jsonl")
	if err != nil || len(files) == 0 {
		f.Fatal("no conformance cases", err)
	}
	seen := make(map[string]bool)
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			var c seedCase
			if json.Unmarshal([]byte(line), &c) != nil {
				continue // a case with bytes that are no text
			}
			for _, s := range pick(c) {
				if len(s) < 4096 && !seen[s] {
					seen[s] = true
					f.Add(s)
				}
			}
		}
	}
}

type seedCase struct {
	Files map[string]string
	Steps []struct {
		Argv  []string
		Stdin string
	}
}

func filesBelow(dir string) func(c seedCase) []string {
	return func(c seedCase) (texts []string) {
		for path, text := range c.Files {
			if strings.HasPrefix(path, dir) {
				texts = append(texts, text)
			}
		}
		return texts
	}
}

func FuzzParse(f *testing.F) {
	seeds(f, filesBelow("config/"))
	f.Fuzz(func(t *testing.T, text string) {
		checkRoundTrip(t, text)
		ps := newParser(text)
		ps.pkg = NewPackage("p", "p")
		ps.lenient = func(*ParseError) {}
		if err := ps.run(); err != nil {
			t.Errorf("a lenient reader fails: %v", err)
		}
	})
}

// checkRoundTrip checks that what is written reads back as the same, and that writing it
// again changes nothing.
func checkRoundTrip(t *testing.T, text string) {
	t.Helper()
	p, err := Parse("p", "p", []byte(text))
	if err != nil {
		return
	}
	first := string(Format{}.Append(nil, p))
	again, err := Parse("p", "p", []byte(first))
	if err != nil {
		t.Fatalf("cannot read back %q: %v", first, err)
	}
	if second := string(Format{}.Append(nil, again)); second != first {
		t.Errorf("written as %q, then as %q", first, second)
	}
	if d := Diff(p, again); len(d) > 0 {
		t.Errorf("reads back differently: %v", d)
	}
}

func FuzzDelta(f *testing.F) {
	seeds(f, filesBelow("save/"))
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse("p", "p", []byte("config t 'a'\n\toption x '1'\n\tlist l 'a'\nconfig t\nconfig u 'b'\n"))
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range parseDelta("p", text) {
			if l.err != nil {
				continue
			}
			p.apply(l.Change)
			checkLine(t, l.Change)
		}
		p.settle()
		if n := len(parseDelta("p", text)); n > strings.Count(text, "\n")+strings.Count(text, "\x00")+1 {
			t.Errorf("%d lines", n)
		}
	})
}

// checkLine checks that a change reads back from its line.
func checkLine(t *testing.T, c Change) {
	t.Helper()
	line, _ := c.AppendText(nil)
	back := parseDelta("p", string(line))
	if len(back) != 1 || back[0].err != nil || back[0].Change != c {
		t.Errorf("%+v is written as %q and read as %+v", c, line, back)
	}
}

func FuzzTuple(f *testing.F) {
	seeds(f, func(c seedCase) (args []string) {
		for _, s := range c.Steps {
			args = append(args, s.Argv[1:]...)
		}
		return args
	})
	f.Fuzz(func(t *testing.T, s string) {
		tuple, err := ParseTuple(s)
		if err != nil {
			return
		}
		p, _ := Parse("p", "p", []byte("config t 'a'\n\toption x '1'\nconfig t\n"))
		for _, op := range []Op{OpSet, OpDelete, OpRename, OpReorder, OpAddList, OpDelList} {
			changes, err := p.stage(op, tuple)
			if err != nil {
				continue
			}
			for _, c := range changes {
				checkLine(t, c)
			}
		}
	})
}

func FuzzBatch(f *testing.F) {
	seeds(f, func(c seedCase) (texts []string) {
		for _, s := range c.Steps {
			texts = append(texts, s.Stdin)
		}
		return texts
	})
	f.Fuzz(func(t *testing.T, text string) {
		whole := scanAll(t, NewScanner(strings.NewReader(text)), text)
		drip := scanAll(t, NewScanner(&dripReader{text}), text)
		if whole != drip {
			t.Errorf("read at once %q, in drips %q", whole, drip)
		}
	})
}

func scanAll(t *testing.T, s *Scanner, text string) string {
	var b strings.Builder
	for n := 0; ; n++ {
		words, more, err := s.Scan(4)
		if !more {
			return b.String()
		}
		if n > len(text) {
			t.Fatal("does not end")
		}
		b.WriteString(strings.Join(words, "\x01"))
		if err != nil {
			b.WriteString(err.(*ParseError).Reason)
		}
		b.WriteByte('\x02')
	}
}

// dripReader gives one byte at a time.
type dripReader struct{ rest string }

func (r *dripReader) Read(b []byte) (int, error) {
	n, err := strings.NewReader(r.rest).Read(b[:min(1, len(b))])
	r.rest = r.rest[n:]
	return n, err
}
