// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// testCase is one conformance case, see uci/testdata/conformance/README.md.
type testCase struct {
	Name     string            `json:"name"`
	Reason   string            `json:"reason,omitempty"` // in compat.jsonl: why it differs
	Files    map[string]text   `json:"files,omitempty"`
	Modes    map[string]string `json:"modes,omitempty"`
	Symlinks map[string]string `json:"symlinks,omitempty"`
	Mkdirs   []string          `json:"mkdirs,omitempty"`
	Nomk     []string          `json:"nomk,omitempty"`
	Steps    []step            `json:"steps,omitempty"`

	Expect     []outcome         `json:"expect"`
	After      map[string]text   `json:"after"`
	AfterModes map[string]string `json:"after_modes,omitempty"`
	AfterLinks map[string]text   `json:"after_links,omitempty"`
}

type step struct {
	Argv  []string `json:"argv"`
	Stdin text     `json:"stdin"`
}

type outcome struct {
	Stdout text `json:"stdout"`
	Stderr text `json:"stderr"`
	Exit   int  `json:"exit"`
}

// text is a string that need not be UTF-8.
type text string

func (s *text) UnmarshalJSON(b []byte) error {
	var plain string
	if json.Unmarshal(b, &plain) == nil {
		*s = text(plain)
		return nil
	}
	var coded struct{ B64 []byte }
	err := json.Unmarshal(b, &coded)
	*s = text(coded.B64)
	return err
}

func (s text) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(s)) {
		return json.Marshal(string(s))
	}
	return json.Marshal(map[string][]byte{"b64": []byte(s)})
}

// result is what a run gave.
type result struct {
	expect       []outcome
	after, links map[string]text
	modes        map[string]string
}

func (c *testCase) result() result {
	return result{c.Expect, c.After, c.AfterLinks, c.AfterModes}
}

func (c *testCase) take(r result) {
	c.Expect, c.After = r.expect, r.after
	if c.AfterModes != nil {
		c.AfterModes = r.modes
	}
	if c.AfterLinks != nil {
		c.AfterLinks = r.links
	}
}

var places = map[string]string{"@CONF@": "config", "@SAVE@": "save", "@SAVE2@": "save2", "@CONF2@": "conf2", "@IN@": "in"}

// run makes the files in a directory of its own and runs the steps.
func (c *testCase) run(t *testing.T) result {
	t.Helper()
	root := t.TempDir()
	c.prepare(t, root)
	var r result
	for _, s := range c.Steps {
		r.expect = append(r.expect, s.run(t, root))
	}
	r.collect(t, root)
	return r
}

func (c *testCase) prepare(t *testing.T, root string) {
	t.Helper()
	check := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	skip := strings.Join(c.Nomk, " ")
	for _, dir := range append([]string{"config", "save", "in"}, c.Mkdirs...) {
		if !strings.Contains(" "+skip+" ", " "+dir+" ") {
			check(os.MkdirAll(filepath.Join(root, dir), 0o755))
		}
	}
	for path, content := range c.Files {
		path = filepath.Join(root, path)
		check(os.MkdirAll(filepath.Dir(path), 0o755))
		check(os.WriteFile(path, []byte(content), 0o644))
	}
	for path, mode := range c.Modes {
		m, err := strconv.ParseUint(mode, 8, 32)
		check(err)
		check(os.Chmod(filepath.Join(root, path), fs.FileMode(m)))
	}
	for path, target := range c.Symlinks {
		check(os.Symlink(expand(target, root), filepath.Join(root, path)))
	}
}

func (s step) run(t *testing.T, root string) outcome {
	t.Helper()
	cmd := &exec.Cmd{Path: binary, Dir: root, Stdin: strings.NewReader(string(s.Stdin))}
	for _, a := range s.Argv {
		cmd.Args = append(cmd.Args, expand(a, root))
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return outcome{fold(stdout.String(), root), fold(stderr.String(), root), cmd.ProcessState.ExitCode()}
}

// expand puts directories in the place of their names, fold does the opposite.
func expand(s, root string) string {
	for name, dir := range places {
		s = strings.ReplaceAll(s, name, filepath.Join(root, dir))
	}
	return s
}

func fold(s, root string) text {
	for _, name := range []string{"@SAVE2@", "@CONF2@", "@CONF@", "@SAVE@", "@IN@"} {
		s = strings.ReplaceAll(s, filepath.Join(root, places[name]), name)
	}
	return text(strings.ReplaceAll(s, root, "@ROOT@"))
}

var temporary = regexp.MustCompile(`\.uci-[A-Za-z0-9]{6}$`)

// collect reads all files that are there at the end.
func (r *result) collect(t *testing.T, root string) {
	t.Helper()
	r.after, r.links, r.modes = make(map[string]text), make(map[string]text), make(map[string]string)
	for _, dir := range places {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, e fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) || err == nil && e.IsDir() {
				return nil
			}
			if err != nil {
				return err
			}
			name := temporary.ReplaceAllString(path[len(root)+1:], ".uci-XXXXXX")
			if e.Type()&fs.ModeSymlink != 0 {
				target, err := os.Readlink(path)
				r.links[name] = fold(target, root)
				return err
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			info, err := e.Info()
			r.after[name] = fold(string(data), root)
			r.modes[name] = fmt.Sprintf("%04o", info.Mode().Perm())
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// diff tells the first differences; "" when there are none.
func (c *testCase) diff(got result) string {
	var b strings.Builder
	for i, want := range c.Expect {
		if i >= len(got.expect) {
			fmt.Fprintf(&b, "step %d did not run\n", i)
		} else if got.expect[i] != want {
			var argv []string
			if i < len(c.Steps) {
				argv = c.Steps[i].Argv
			}
			fmt.Fprintf(&b, "step %d %q:\nwant %+v\n got %+v\n", i, argv, want, got.expect[i])
		}
	}
	diffMaps(&b, "file", c.After, got.after)
	if c.AfterLinks != nil {
		diffMaps(&b, "link", c.AfterLinks, got.links)
	}
	if c.AfterModes != nil {
		diffMaps(&b, "mode of", c.AfterModes, got.modes)
	}
	return b.String()
}

func diffMaps[T ~string](b *strings.Builder, what string, want, got map[string]T) {
	for name, w := range want {
		if g, ok := got[name]; !ok || g != w {
			fmt.Fprintf(b, "%s %s:\nwant %q\n got %q (there: %v)\n", what, name, w, g, ok)
		}
	}
	for name, g := range got {
		if _, ok := want[name]; !ok {
			fmt.Fprintf(b, "%s %s: unexpected: %q\n", what, name, g)
		}
	}
}
