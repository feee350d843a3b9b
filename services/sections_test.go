// SPDX-License-Identifier: Apache-2.0

package services_test

import (
	"testing"

	"ucid/internal/engine"
	"ucid/services"
)

// bad is what a section with a Problem is held by.
func bad(t *testing.T, text string) (services.Section, *services.Compilation) {
	t.Helper()
	c := compile(t, text)
	for s := range c.BadSections() {
		return s, c
	}
	t.Fatal("no section is bad")
	return services.Section{}, nil
}

// The objects of a named section are those of its name, in this package and of this type.
func TestBadSectionHoldsItsObjects(t *testing.T) {
	s, c := bad(t, "-- shared --\nconfig reader 'one'\n\toption asker 'bad'\nconfig reader 'two'\n")
	if len(c.BadSections()) != 1 {
		t.Errorf("bad sections: %v", c.BadSections())
	}
	held := map[string]bool{}
	for _, w := range engine.Wishes[note](c.Set) {
		held[w.Origin.Section] = s.Holds(w.Origin)
	}
	if !held["one"] || held["two"] {
		t.Errorf("held: %v", held)
	}
	for _, o := range []engine.Origin{
		{Package: "other", Type: "reader", Section: "one"},
		{Package: "shared", Type: "writer", Section: "one"},
		{Package: "shared", Type: "reader", Section: "@reader[0]", Anonymous: true},
	} {
		if s.Holds(o) {
			t.Errorf("holds %+v", o)
		}
	}
}

// Anonymous sections are named by position, which an edit moves. So a bad one holds the
// objects of all anonymous sections of its type, and none of a named one.
func TestBadAnonymousSectionHoldsItsType(t *testing.T) {
	s, c := bad(t, "-- shared --\nconfig reader\nconfig reader\n\toption asker 'bad'\nconfig reader 'named'\n")
	held := map[string]bool{}
	for _, w := range engine.Wishes[note](c.Set) {
		held[w.Origin.Section] = s.Holds(w.Origin)
	}
	if !held["@reader[0]"] || !held["@reader[1]"] || held["named"] {
		t.Errorf("held: %v", held)
	}
}

// A value that cannot be decoded makes its section bad as well, and that one alone.
func TestBadValueMakesSectionBad(t *testing.T) {
	c := compile(t, "-- ucid --\nconfig globals 'globals'\n\toption auto_apply 'perhaps'\n-- shared --\nconfig reader 'one'\n")
	want := services.Section{Package: "ucid", Type: "globals", Name: "globals"}
	if got := c.BadSections(); len(got) != 1 || !got[want] {
		t.Errorf("bad sections: %v", got)
	}
	equal(t, "notes", notes(c), "asker: nothing")
}

// The kept objects of a bad section come from the former set.
func TestKeepFromFormerSet(t *testing.T) {
	former := compile(t, "-- shared --\nconfig reader 'one'\n\toption known 'k'\nconfig reader 'two'\n-- facts --\ntold k old\n")
	s, _ := bad(t, "-- shared --\nconfig reader 'one'\n\toption asker 'bad'\n")
	set := &engine.Set{}
	set.Keep(former.Set, s.Holds)
	if w := engine.Wishes[note](set); len(w) != 1 || w[0].Object.Text != "old" {
		t.Errorf("kept: %v", w)
	}
}
