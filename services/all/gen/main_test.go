// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The list in the tree is the one that would be generated now: a folder without an import and
// an import without a folder both fail.
func TestListIsFresh(t *testing.T) {
	want, err := list("../..")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../all.go")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("services/all/all.go is stale, run: go generate ./services/all\nit has:\n%s\nit should have:\n%s", got, want)
	}
}

func TestList(t *testing.T) {
	dir := t.TempDir()
	for file, text := range map[string]string{
		"route/r.go":        "package route\nfunc init() { services.Register(\"route\") }\n",
		"gre/g.go":          "package gre\nfunc init() { services.Register[Config](\"gre\") }\n",
		"gre/h.go":          "package gre\n",
		"notes/README.md":   "services.Register(",
		"testing/a_test.go": "services.Register(",
		"plain/p.go":        "package plain\n",
	} {
		path := filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := list(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, imports, _ := strings.Cut(text, "import (\n")
	if want := "\t_ \"ucid/services/gre\"\n\t_ \"ucid/services/route\"\n)\n"; imports != want {
		t.Errorf("imports %q, want %q", imports, want)
	}
}
