// SPDX-License-Identifier: Apache-2.0

package tree_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	gouci "github.com/digineo/go-uci"

	"ucid/uci/tree"
)

// common are the methods both have, with the same arguments and results.
type common interface {
	LoadConfig(name string, forceReload bool) error
	Commit() error
	Revert(configs ...string)
	GetSections(config, secType string) ([]string, bool)
	Get(config, section, option string) ([]string, bool)
	GetLast(config, section, option string) (string, bool)
	GetBool(config, section, option string) (bool, bool)
	Set(config, section, option string, values ...string) bool
	Del(config, section, option string)
	AddSection(config, section, typ string) error
	DelSection(config, section string)
}

var _, _ common = (*tree.Tree)(nil), gouci.Tree(nil)

// configs gives every configuration file of the conformance cases.
func configs(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../testdata/conformance/*.jsonl")
	if err != nil || len(files) == 0 {
		t.Fatal("no conformance cases", err)
	}
	var texts []string
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			var c struct{ Files map[string]string }
			if json.Unmarshal([]byte(line), &c) != nil {
				continue
			}
			for path, text := range c.Files {
				if strings.HasPrefix(path, "config/") && len(text) < 1<<16 {
					texts = append(texts, text)
				}
			}
		}
	}
	slices.Sort(texts)
	return slices.Compact(texts)
}

// TestReadsWhatGoUCIReads compares the two on each file that both can read.
func TestReadsWhatGoUCIReads(t *testing.T) {
	both := 0
	for _, text := range configs(t) {
		if strings.ContainsAny(text, "#;\\\x00") || strings.Contains(text, "''") {
			continue // where go-uci is known to read something else
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "p"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		ours, theirs := tree.NewTree(dir), gouci.NewTree(dir)
		if ours.LoadConfig("p", false) != nil || !loads(theirs) {
			continue
		}
		both++
		compare(t, text, ours, theirs)
	}
	if both < 50 {
		t.Errorf("only %d files can be compared", both)
	}
}

// loads reports whether go-uci reads the config; it panics on some.
func loads(t gouci.Tree) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	return t.LoadConfig("p", false) == nil
}

func compare(t *testing.T, text string, ours, theirs common) {
	t.Helper()
	for _, word := range words(text) {
		a, okA := ours.GetSections("p", word)
		b, okB := theirs.GetSections("p", word)
		if okA != okB || !slices.Equal(a, b) {
			t.Errorf("%q: sections of type %s: %q, go-uci %q", text, word, a, b)
			return
		}
		for _, section := range a {
			compareSection(t, text, section, ours, theirs)
		}
	}
}

func compareSection(t *testing.T, text, section string, ours, theirs common) {
	t.Helper()
	for _, option := range words(text) {
		a, _ := ours.Get("p", section, option)
		b, _ := theirs.Get("p", section, option)
		if !slices.Equal(distinct(a), b) {
			t.Errorf("%q: %s.%s: %q, go-uci %q", text, section, option, a, b)
		}
	}
}

// distinct drops the repeated items of a list, as go-uci does.
func distinct(values []string) (kept []string) {
	for _, v := range values {
		if !slices.Contains(kept, v) {
			kept = append(kept, v)
		}
	}
	return kept
}

func words(text string) []string {
	found := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n'\"", r) })
	slices.Sort(found)
	return slices.Compact(found)
}

// TestWritesWhatGoUCIWrites makes the same changes with both and reads the result back with
// each other.
func TestWritesWhatGoUCIWrites(t *testing.T) {
	const text = "\nconfig t 'a'\n\toption x '1'\n\tlist l 'p'\n\tlist l 'q'\n\nconfig t\n\toption y '2'\n\n"
	change := func(tr common) {
		tr.Set("p", "a", "x", "two words")
		tr.Set("p", "a", "l", "1", "2", "3")
		tr.Set("p", "@t[1]", "z", "on")
		tr.Del("p", "@t[1]", "y")
		if err := tr.AddSection("p", "c", "u"); err != nil {
			t.Error(err)
		}
		tr.Set("p", "c", "k", "v")
		if err := tr.Commit(); err != nil {
			t.Error(err)
		}
	}
	var read []common
	for _, of := range []func(string) common{
		func(d string) common { return tree.NewTree(d) },
		func(d string) common { return gouci.NewTree(d) },
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "p"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		change(of(dir))
		read = append(read, tree.NewTree(dir), gouci.NewTree(dir))
	}
	for _, other := range read[1:] {
		compare(t, text+" u c k z", read[0], other)
	}
}

func TestTree(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "p")
	if err := os.WriteFile(path, []byte("config t 'a'\n\toption on 'yes'\n\toption empty ''\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	tr := tree.NewTree(dir)
	if v, ok := tr.GetBool("p", "a", "on"); !v || !ok {
		t.Error("GetBool")
	}
	if tr.Set("p", "nope", "x", "1") || tr.Set("nope", "a", "x", "1") {
		t.Error("Set succeeds where nothing is")
	}
	if !tr.SetType("p", "a", "l", tree.TypeList, "it's") || tr.AddSection("q", "", "u") != nil {
		t.Error("SetType, AddSection")
	}
	tr.Set("p", "a", "gone", "1")
	tr.DelSection("q", "@u[5]")
	if err := tr.Commit(); err != nil {
		t.Fatal(err)
	}
	again := tree.NewTree(dir)
	if got, _ := again.Get("p", "a", "l"); !reflect.DeepEqual(got, []string{"it's"}) {
		t.Errorf("list: %q", got)
	}
	if names, ok := again.GetSections("q", "u"); !ok || !slices.Equal(names, []string{"@u[0]"}) {
		t.Errorf("sections: %q", names)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode: %v %v", info.Mode(), err)
	}
	again.Set("p", "a", "l", "x")
	again.Revert()
	if got, _ := again.GetLast("p", "a", "l"); got != "it's" {
		t.Errorf("after Revert: %q", got)
	}
}
