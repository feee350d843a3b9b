// SPDX-License-Identifier: Apache-2.0

package uci

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

// names is what a list of named things is held against: each has a mark that it keeps.
type names []struct{ name, mark string }

func (n names) find(name string) int {
	for i := range n {
		if n[i].name == name {
			return i
		}
	}
	return -1
}

// checked runs one step; taken says that it has to be refused.
func checked(t *testing.T, err error, taken bool) {
	t.Helper()
	if taken != errors.Is(err, ErrDuplicate) || !taken && err != nil {
		t.Fatalf("taken %v: %v", taken, err)
	}
}

// TestManyOptions makes, renames and deletes options of one section until its index has been
// rebuilt many times.
func TestManyOptions(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	p := NewPackage("p", "")
	checked(t, p.SetType("s", "t"), false)
	var want names
	for i := range 20_000 {
		name, to := fmt.Sprintf("n%d", r.IntN(150)), fmt.Sprintf("n%d", r.IntN(150))
		at := want.find(name)
		switch {
		case at < 0:
			checked(t, p.Set("s", name, fmt.Sprint(i)), false)
			want = append(want, struct{ name, mark string }{name, fmt.Sprint(i)})
		case r.IntN(3) > 0:
			checked(t, p.Delete("s", name), false)
			want = slices.Delete(want, at, at+1)
		case want.find(to) < 0 || to == name:
			checked(t, p.Rename("s", name, to), false)
			want[at].name = to
		default:
			checked(t, p.Rename("s", name, to), true)
		}
		if i%50 == 0 {
			compareOptions(t, p.Section("s"), want)
		}
	}
}

func compareOptions(t *testing.T, s *Section, want names) {
	t.Helper()
	i := 0
	for o := range s.Options() {
		if i >= len(want) || o.Name != want[i].name || o.Value() != want[i].mark || s.Option(o.Name) != o {
			t.Fatalf("option %d is %s '%s'", i, o.Name, o.Value())
		}
		i++
	}
	if i != len(want) || s.Len() != i {
		t.Fatalf("%d options, Len is %d, want %d", i, s.Len(), len(want))
	}
}

// TestManySections does the same with the sections of a package, and moves them.
func TestManySections(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	p := NewPackage("p", "")
	var want names
	for i := range 20_000 {
		name, to := fmt.Sprintf("n%d", r.IntN(150)), fmt.Sprintf("n%d", r.IntN(150))
		at := want.find(name)
		switch {
		case at < 0:
			checked(t, p.SetType(name, "t"), false)
			checked(t, p.Set(name, "mark", fmt.Sprint(i)), false)
			want = append(want, struct{ name, mark string }{name, fmt.Sprint(i)})
		case r.IntN(3) > 0:
			checked(t, p.Delete(name, ""), false)
			want = slices.Delete(want, at, at+1)
		case r.IntN(2) > 0:
			pos := r.IntN(len(want))
			checked(t, p.Reorder(name, pos), false)
			s := want[at]
			want = slices.Insert(slices.Delete(want, at, at+1), pos, s)
		case want.find(to) < 0 || to == name:
			checked(t, p.Rename(name, "", to), false)
			want[at].name = to
		default:
			checked(t, p.Rename(name, "", to), true)
		}
		if i%50 == 0 {
			compareSections(t, p, want)
		}
	}
}

func compareSections(t *testing.T, p *Package, want names) {
	t.Helper()
	i := 0
	for s := range p.Sections() {
		mark, _ := s.Get("mark")
		if i >= len(want) || s.Name != want[i].name || mark != want[i].mark || p.Section(s.Name) != s ||
			s.Index != i || p.Lookup(fmt.Sprintf("@t[%d]", i-len(want))) != s {
			t.Fatalf("section %d is %s with mark %s and index %d", i, s.Name, mark, s.Index)
		}
		i++
	}
	if i != len(want) || p.Len() != i {
		t.Fatalf("%d sections, Len is %d, want %d", i, p.Len(), len(want))
	}
}

// TestReadersShareAPackage is for the race detector: what readers put off they do one at a
// time.
func TestReadersShareAPackage(t *testing.T) {
	text, _ := sectionsOf(10_000, "config t\n")
	p, err := Parse("p", "p", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	checked(t, p.Delete("@t[3]", ""), false)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for s := range p.Sections() {
				if p.Section(s.Name) != s || p.Lookup(s.Ref()) != s {
					t.Errorf("%s is another section", s.Name)
				}
			}
		})
	}
	wg.Wait()
}
