// SPDX-License-Identifier: Apache-2.0

package uci

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// model is a package as simple as can be: a slice of sections, each a slice of options.
type model []*modelSection

type modelSection struct {
	typ, name string // name is "" for an anonymous one
	options   []modelOption
}

type modelOption struct {
	name   string
	list   bool
	values []string
}

func (s *modelSection) find(option string) int {
	return slices.IndexFunc(s.options, func(o modelOption) bool { return o.name == option })
}

// text is the canonical file.
func (m model) text() string {
	var b strings.Builder
	quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
	for _, s := range m {
		b.WriteString("\nconfig " + s.typ)
		if s.name != "" {
			b.WriteString(" " + quote(s.name))
		}
		b.WriteString("\n")
		for _, o := range s.options {
			keyword := "option"
			if o.list {
				keyword = "list"
			}
			for _, v := range o.values {
				fmt.Fprintf(&b, "\t%s %s %s\n", keyword, o.name, quote(v))
			}
		}
	}
	return b.String() + "\n"
}

// walk makes random operations on a store and on the model.
type walk struct {
	t     *testing.T
	r     *rand.Rand
	store *Store
	m     model
	fresh int
}

func (w *walk) pick(of ...string) string { return of[w.r.IntN(len(of))] }

// target picks a section and how to address it.
func (w *walk) target() (*modelSection, string) {
	if len(w.m) == 0 {
		return nil, ""
	}
	i := w.r.IntN(len(w.m))
	s := w.m[i]
	if s.name != "" && w.r.IntN(2) == 0 {
		return s, s.name
	}
	n := 0
	for _, other := range w.m[:i] {
		if other.typ == s.typ {
			n++
		}
	}
	return s, extendedName(s.typ, n)
}

func (w *walk) check(what string, err error) {
	if err != nil {
		w.t.Fatalf("%s: %v", what, err)
	}
}

func (w *walk) step() {
	s, ref := w.target()
	option := w.pick("a", "b", "c", "d", "e")
	value := w.pick("1", "two words", "it's", "new\nline", "#", `\`, ";", "ü")
	addr := "p." + ref + "." + option
	op := w.r.IntN(13)
	if s == nil || len(w.m) < 3 {
		op = 0
	}
	switch op {
	case 0:
		w.newSection()
	case 1, 2, 3:
		w.check("set "+addr, w.store.Set(addr, value))
		s.set(option, modelOption{option, false, []string{value}})
	case 4, 5:
		w.check("add_list "+addr, w.store.AddList(addr, value))
		s.push(option, value)
	case 6:
		w.check("del_list "+addr, w.store.DelList(addr, value))
		s.drop(option, value)
	case 7:
		w.deleteOption(s, option, addr)
	case 8:
		w.check("delete", w.store.Delete("p."+ref))
		w.m = slices.DeleteFunc(w.m, func(o *modelSection) bool { return o == s })
	case 9:
		w.rename(s, ref)
	case 10:
		w.reorder(s, ref)
	case 11:
		if w.r.IntN(8) > 0 {
			return
		}
		w.check("commit", w.store.Commit("p"))
		w.clean()
		w.compare("config/p")
	case 12:
		w.deleteItem(s, option, addr)
	}
}

// clean drops lists without items, which no file can hold.
func (w *walk) clean() {
	for _, s := range w.m {
		s.options = slices.DeleteFunc(s.options, func(o modelOption) bool { return len(o.values) == 0 })
	}
}

func (w *walk) newSection() {
	typ := w.pick("t", "u", "my-type")
	if w.r.IntN(2) == 0 {
		_, err := w.store.Add("p", typ)
		w.check("add", err)
		w.m = append(w.m, &modelSection{typ: typ})
		return
	}
	w.fresh++
	name := fmt.Sprintf("s%d", w.fresh)
	w.check("set", w.store.Set("p."+name, typ))
	w.m = append(w.m, &modelSection{typ: typ, name: name})
}

func (s *modelSection) set(option string, o modelOption) {
	if i := s.find(option); i >= 0 {
		s.options[i] = o
	} else {
		s.options = append(s.options, o)
	}
}

func (s *modelSection) push(option, value string) {
	if i := s.find(option); i >= 0 {
		s.options[i].list = true
		s.options[i].values = append(s.options[i].values, value)
	} else {
		s.options = append(s.options, modelOption{option, true, []string{value}})
	}
}

func (s *modelSection) drop(option, value string) {
	if i := s.find(option); i >= 0 && s.options[i].list {
		s.options[i].values = slices.DeleteFunc(s.options[i].values, func(v string) bool { return v == value })
	}
}

func (w *walk) deleteOption(s *modelSection, option, addr string) {
	err := w.store.Delete(addr)
	if i := s.find(option); i >= 0 {
		w.check("delete "+addr, err)
		s.options = slices.Delete(s.options, i, i+1)
	} else if !errors.Is(err, ErrNotFound) {
		w.t.Fatalf("delete of a missing option: %v", err)
	}
}

func (w *walk) deleteItem(s *modelSection, option, addr string) {
	i := s.find(option)
	if i < 0 || !s.options[i].list {
		return
	}
	n := w.r.IntN(4)
	w.check("delete item", w.store.DeleteItem(addr, n))
	if n < len(s.options[i].values) {
		s.options[i].values = slices.Delete(s.options[i].values, n, n+1)
	}
}

func (w *walk) rename(s *modelSection, ref string) {
	w.fresh++
	name := fmt.Sprintf("s%d", w.fresh)
	if other := w.m[w.r.IntN(len(w.m))]; other.name != "" && other != s {
		if err := w.store.Rename("p."+ref, other.name); !errors.Is(err, ErrDuplicate) {
			w.t.Fatalf("rename to a name that is taken: %v", err)
		}
	}
	w.check("rename", w.store.Rename("p."+ref, name))
	s.name = name
}

func (w *walk) reorder(s *modelSection, ref string) {
	to := w.r.IntN(len(w.m) + 2)
	w.check("reorder", w.store.Reorder("p."+ref, to))
	i := slices.Index(w.m, s)
	w.m = slices.Delete(w.m, i, i+1)
	w.m = slices.Insert(w.m, min(to, len(w.m)), s)
}

// compare holds what the store says against the model: in memory, read anew, and the file.
func (w *walk) compare(file string) {
	w.t.Helper()
	want := w.m.text()
	p, err := w.store.Package("p")
	w.check("package", err)
	if got := string(Format{}.Append(nil, p)); got != want {
		w.t.Fatalf("got %q\nwant %q", got, want)
	}
	other := Open(w.store.ConfDir, w.store.saveDir())
	p, err = other.Package("p")
	w.check("package", err)
	if got := string(Format{}.Append(nil, p)); got != want {
		w.t.Fatalf("read anew: got %q\nwant %q", got, want)
	}
	checkIndexes(w.t, p)
	if file != "" {
		data, err := os.ReadFile(filepath.Join(filepath.Dir(w.store.ConfDir), file))
		w.check("read", err)
		if string(data) != want {
			w.t.Fatalf("file: got %q\nwant %q", data, want)
		}
	}
}

// checkIndexes checks that every section is found by its name and by its number.
func checkIndexes(t *testing.T, p *Package) {
	t.Helper()
	for s := range p.Sections() {
		if got := p.Lookup(extendedName(s.Type, s.Index)); got != s {
			t.Fatalf("@%s[%d] finds another section", s.Type, s.Index)
		}
		if got := p.Section(s.Name); got != s && !s.Anonymous {
			t.Fatalf("%s finds another section", s.Name)
		}
		for o := range s.Options() {
			if s.Option(o.Name) != o {
				t.Fatalf("%s.%s finds another option", s.Name, o.Name)
			}
		}
	}
}

// TestAgainstModel makes 100,000 random operations, a third of them with packages kept in
// memory.
func TestAgainstModel(t *testing.T) {
	for seed := range 10 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			conf := filepath.Join(dir, "config")
			if err := os.Mkdir(conf, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(conf, "p"), nil, 0o644); err != nil {
				t.Fatal(err)
			}
			w := &walk{t: t, r: rand.New(rand.NewPCG(uint64(seed), 1)), store: Open(conf, filepath.Join(dir, "save"))}
			if seed%3 != 0 {
				w.store.KeepLoaded()
			}
			for i := range 10_000 {
				w.step()
				if i%100 == 0 {
					w.compare("")
				}
			}
			w.check("commit", w.store.Commit("p"))
			w.clean()
			w.compare("config/p")
			w.check("close", w.store.Close())
		})
	}
}
