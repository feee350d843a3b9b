// SPDX-License-Identifier: Apache-2.0

package servicetest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"ucid/internal/engine"
	"ucid/internal/kind/addr"
	"ucid/internal/kind/file"
	"ucid/internal/kind/proc"
	"ucid/internal/kind/route"
	"ucid/internal/kind/rule"
)

// A Kind prints the objects of one kind.
type Kind func(*engine.Set) []string

// Of is the Kind of the objects T. told are the fields that the text of an object tells
// already; those of the others that are not zero are shown below it.
func Of[T comparable](kind string, told ...string) Kind {
	return func(s *engine.Set) []string {
		var lines []string
		for _, w := range engine.Wishes[T](s) {
			lines = append(lines, fmt.Sprintf("%s %v\n%s", kind, w.Object, details(reflect.ValueOf(w.Object), told)))
		}
		return lines
	}
}

var kinds = []Kind{
	Of[addr.Addr](addr.Kind, "Dev", "Prefix", "Peer", "Broadcast", "NoRoute"),
	Of[route.Route](route.Kind, "Table", "Dst", "Src", "TOS", "Metric", "Type", "Gateway", "Dev", "PrefSrc",
		"MTU", "Onlink", "Valid", "Nexthops"),
	Of[rule.Rule](rule.Kind, "IPv6", "Priority", "Invert", "In", "Out", "Src", "Dst", "TOS", "Mark", "MarkMask",
		"IPProto", "Sport", "Dport", "UID", "Action", "Table", "Goto", "Suppress"),
	Of[proc.Proc](proc.Kind, "Name", "Command", "User"),
	Of[file.File](file.Kind, "Path", "Mode", "Content"),
}

// details shows the fields of an object that its text leaves out, one a line.
func details(v reflect.Value, told []string) string {
	var b strings.Builder
	if v.Kind() != reflect.Struct {
		return ""
	}
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		if !v.Field(i).IsZero() && !slices.Contains(told, name) {
			fmt.Fprintf(&b, "\t%s %+v\n", name, v.Field(i))
		}
	}
	return b.String()
}

// wanted shows all objects of a set, in the order they were asked for, kind by kind.
func wanted(t testing.TB, s *engine.Set, kinds []Kind) string {
	t.Helper()
	var all []string
	for _, k := range kinds {
		all = append(all, k(s)...)
	}
	if len(all) != s.Len() {
		t.Errorf("%d objects are of a kind that the test does not know: hand it to servicetest.Run", s.Len()-len(all))
	}
	return strings.Join(all, "")
}

// difference shows which lines come and go.
func difference(want, got string) string {
	w, g := strings.SplitAfter(want, "\n"), strings.SplitAfter(got, "\n")
	var b strings.Builder
	for _, line := range w {
		if !slices.Contains(g, line) {
			b.WriteString("- " + line)
		}
	}
	for _, line := range g {
		if !slices.Contains(w, line) {
			b.WriteString("+ " + line)
		}
	}
	if b.Len() == 0 {
		return "the same lines in another order:\n" + got
	}
	return b.String()
}
