// SPDX-License-Identifier: Apache-2.0

package control

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"ucid/internal/engine"
	"ucid/internal/revision"
	"ucid/services"
	"ucid/uci"
)

// A wish is a compiled configuration, ready to be applied: sections with a problem ask for
// what they asked for when they were good.
type wish struct {
	from     *candidate
	compiled *services.Compilation
	set      *engine.Set
	problems []uci.Problem
	frozen   []revision.Frozen
}

// compile turns a candidate into a wish. check says what drivers refuse; former is the wish
// that is applied, nil when there is none.
func compile(c *candidate, former *wish, facts map[engine.Fact]string, check func(*engine.Set) []engine.Objection) *wish {
	compiled := services.Compile(c.packages(), facts)
	c.release()
	w := &wish{from: c, compiled: compiled, set: compiled.Set}
	w.problems = append(slices.Clone(c.problems), compiled.Problems...)
	bad := compiled.BadSections()
	w.withhold(bad)
	if check != nil {
		w.object(check(w.set), bad)
	}
	w.keep(former, bad)
	return w
}

// object takes the sections out that a driver refuses.
func (w *wish) object(objections []engine.Objection, bad map[services.Section]bool) {
	refused := map[services.Section]bool{}
	for _, o := range objections {
		w.problems = append(w.problems, uci.Problem{Package: o.Origin.Package, File: o.Origin.File, Line: o.Origin.Line,
			Type: o.Origin.Type, Section: o.Origin.Section, Anonymous: o.Origin.Anonymous, Text: o.Text})
		refused[sectionOf(o.Origin)] = true
	}
	w.withhold(refused)
	maps.Copy(bad, refused)
}

func sectionOf(o engine.Origin) services.Section {
	return services.Section{Package: o.Package, Type: o.Type, Name: o.Section, Anonymous: o.Anonymous}
}

// withhold drops what bad sections ask for.
func (w *wish) withhold(bad map[services.Section]bool) {
	if len(bad) > 0 {
		w.set.Drop(func(o engine.Origin) bool { return bad[sectionOf(o)] })
	}
}

// keep lets bad sections ask for what they had, and notes where that comes from: a section
// that asked for nothing good yet has nothing, also after a restart.
func (w *wish) keep(former *wish, bad map[services.Section]bool) {
	if len(bad) == 0 {
		return
	}
	if former == nil {
		former = &wish{set: &engine.Set{}, from: &candidate{}}
	}
	sections := slices.SortedFunc(maps.Keys(bad), compareSections)
	held := holder(sections)
	w.set.Keep(former.set, held)
	w.frozen = former.freeze(sections)
}

// holder returns the question whether an object was asked for by one of the sections.
func holder(sections []services.Section) func(engine.Origin) bool {
	held := make(map[services.Section]bool, len(sections))
	for _, s := range sections {
		held[place(s)] = true
	}
	return func(o engine.Origin) bool { return held[place(sectionOf(o))] }
}

// place is a section as it can be found again. Anonymous sections are named by position,
// which an edit moves, so all those of one type count as one.
func place(s services.Section) services.Section {
	if s.Anonymous {
		s.Name = ""
	}
	return s
}

func compareSections(a, b services.Section) int {
	return cmp.Or(strings.Compare(a.Package, b.Package), strings.Compare(a.Type, b.Type), strings.Compare(a.Name, b.Name))
}

// freeze says which configuration each section had its objects from, when this wish was
// applied. What it says depends on the sections alone, so that asking again changes nothing.
func (w *wish) freeze(sections []services.Section) []revision.Frozen {
	older, now := w.frozenBySection(), w.from.sums()
	var frozen []revision.Frozen
	at := map[string]int{} // configuration → its place in frozen
	for _, s := range sections {
		packages, ok := older[s]
		if !ok {
			packages = now
		}
		key := fmt.Sprint(packages)
		i, ok := at[key]
		if !ok {
			i, at[key] = len(frozen), len(frozen)
			frozen = append(frozen, revision.Frozen{Packages: packages})
		}
		frozen[i].Sections = append(frozen[i].Sections, revision.Section(s))
	}
	return frozen
}

func (w *wish) frozenBySection() map[services.Section]map[string]revision.Sum {
	packages := map[services.Section]map[string]revision.Sum{}
	for _, f := range w.frozen {
		for _, s := range f.Sections {
			packages[services.Section(s)] = f.Packages
		}
	}
	return packages
}

// stands reports whether compiling the candidate would give this wish again. One with
// problems is always compiled: what a driver refused it may take now.
func (w *wish) stands(from *candidate, facts map[engine.Fact]string) bool {
	return w != nil && len(w.problems)+len(from.problems) == 0 && maps.EqualFunc(w.from.contents, from.contents, bytes.Equal) &&
		!w.compiled.Stale(facts)
}

// globalsOf are the settings of the router in a wish, which may be nil.
func globalsOf(w *wish) services.Globals {
	if w == nil {
		g, _ := services.DecodeGlobals(nil)
		return g
	}
	return w.compiled.Globals
}
