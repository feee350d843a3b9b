// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"slices"

	"ucid/internal/engine"
	"ucid/uci"
)

// A PlanRequest says what to plan. The zero value means the committed configuration.
type PlanRequest struct {
	Packages []string        `json:"packages,omitempty"` // only what these ask for, or had asked for; none: everything
	Files    map[string]File `json:"files,omitempty"`    // by package, in the place of the committed ones
	Revision int             `json:"revision,omitempty"` // a stored revision instead
}

// A File is a candidate for a package. The caller reads it, with his own rights.
type File struct {
	Path string `json:"path"` // for messages
	Text string `json:"text"`
}

// A Plan is what an apply would do now.
type Plan struct {
	Lines     []engine.Line  `json:"changes"`
	Conflicts []engine.Fault `json:"conflicts,omitempty"`
	Problems  []uci.Problem  `json:"problems,omitempty"`
	First     bool           `json:"first,omitempty"` // nothing was applied yet
}

// Plan says what an apply would do. It writes nothing.
func (c *Control) Plan(ctx context.Context, r PlanRequest) (Plan, error) {
	w, err := c.planned(ctx, r)
	if err != nil {
		return Plan{}, err
	}
	p, err := c.Engine.Plan(ctx, w.set)
	if err != nil {
		return Plan{}, err
	}
	applied, _, _ := c.current()
	plan := Plan{Lines: p.Lines, Conflicts: p.Conflicts, Problems: w.problems, First: applied == nil}
	return plan.only(r.Packages), nil
}

// planned compiles what a request asks about.
func (c *Control) planned(ctx context.Context, r PlanRequest) (*wish, error) {
	if r.Revision != 0 {
		w, _, err := c.prepareRevision(ctx, r.Revision)
		return w, err
	}
	w, _ := c.prepare(ctx)
	if len(r.Files) == 0 {
		return w, nil
	}
	applied, _, facts := c.current()
	from := w.from.clone()
	for name, file := range r.Files {
		from.replace(name, file)
	}
	return compile(from, applied, facts, c.Engine.Check), nil
}

// replace puts another file in the place of a package.
func (c *candidate) replace(name string, file File) {
	c.problems = slices.DeleteFunc(c.problems, func(p uci.Problem) bool { return p.Package == name })
	if err := c.set(name, file.Path, []byte(file.Text)); err != nil {
		c.problems = append(c.problems, problemOf(name, file.Path, err))
	}
}

// only leaves what some packages ask for.
func (p Plan) only(packages []string) Plan {
	if len(packages) == 0 {
		return p
	}
	p.Lines = slices.DeleteFunc(p.Lines, func(l engine.Line) bool { return !slices.Contains(packages, l.Origin.Package) })
	p.Conflicts = slices.DeleteFunc(p.Conflicts, func(f engine.Fault) bool { return !slices.Contains(packages, f.Origin.Package) })
	p.Problems = slices.DeleteFunc(p.Problems, func(b uci.Problem) bool { return !slices.Contains(packages, b.Package) })
	return p
}
