// SPDX-License-Identifier: Apache-2.0

package control

import (
	"maps"
	"slices"

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
	compiled := services.Compile(c.packages, facts)
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

// keep lets bad sections ask for what they had, and notes where that comes from.
func (w *wish) keep(former *wish, bad map[services.Section]bool) {
	if former == nil || len(bad) == 0 {
		return
	}
	sections := slices.Collect(maps.Keys(bad))
	w.set.Keep(former.set, func(o engine.Origin) bool {
		return slices.ContainsFunc(sections, func(s services.Section) bool { return s.Holds(o) })
	})
	w.frozen = former.freeze(sections)
}

// freeze says which revision each section had its objects from, when this wish was applied.
func (w *wish) freeze(sections []services.Section) []revision.Frozen {
	var frozen []revision.Frozen
	var fresh []revision.Section
	for _, s := range sections {
		stored := revision.Section{Package: s.Package, Type: s.Type, Name: s.Name, Anonymous: s.Anonymous}
		if older := w.frozenIn(stored); older != nil {
			frozen = append(frozen, revision.Frozen{Sections: []revision.Section{stored}, Packages: older.Packages})
		} else {
			fresh = append(fresh, stored)
		}
	}
	if len(fresh) > 0 {
		frozen = append(frozen, revision.Frozen{Sections: fresh, Packages: w.from.sums()})
	}
	return frozen
}

func (w *wish) frozenIn(s revision.Section) *revision.Frozen {
	for i := range w.frozen {
		if slices.Contains(w.frozen[i].Sections, s) {
			return &w.frozen[i]
		}
	}
	return nil
}

// mistakes are the problems that are not just warnings.
func (w *wish) mistakes() []uci.Problem {
	return slices.DeleteFunc(slices.Clone(w.problems), func(p uci.Problem) bool { return p.Warning })
}
