// SPDX-License-Identifier: Apache-2.0

// Package servicetest runs the tests of services that are text files.
//
// A test is a txtar archive. Its comment tells the story; its files are
//
//	network, ucid …   UCI packages by name
//	facts             what is known of the system, "TOPIC NAME VALUE" a line; may be left out
//	wanted            the objects asked for, "KIND TEXT" a line, and below each what TEXT does not tell
//	problems          the mistakes found, without the directory of the file
//
// "go test ./services/NAME -update" writes the last two from what is.
package servicetest

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"ucid/internal/engine"
	"ucid/services"
	"ucid/uci"
)

var update = flag.Bool("update", false, "rewrite wanted and problems in the archives")

// Run runs every archive that the pattern matches. More kinds are those of the service's own.
func Run(t *testing.T, pattern string, more ...Kind) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no archive matches %s (%v)", pattern, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				rewrite(t, file, archive, slices.Concat(kinds, more))
				return
			}
			check(t, file, archive, slices.Concat(kinds, more))
		})
	}
}

// results are the parts of an archive that a run makes.
var results = []string{"wanted", "problems"}

// run compiles an archive and gives the text of each result.
func run(t testing.TB, archive *txtar.Archive, kinds []Kind) map[string]string {
	t.Helper()
	c := Compile(t, archive)
	return map[string]string{"wanted": wanted(t, c.Set, kinds), "problems": problems(c)}
}

// check compares what an archive says with what is.
func check(t testing.TB, file string, archive *txtar.Archive, kinds []Kind) {
	t.Helper()
	got := run(t, archive, kinds)
	for _, name := range results {
		if f := part(archive, name); string(f.Data) != got[name] {
			t.Errorf("%s: %s:\n%s", file, name, difference(string(f.Data), got[name]))
		}
	}
}

// rewrite makes an archive say what is.
func rewrite(t testing.TB, file string, archive *txtar.Archive, kinds []Kind) {
	t.Helper()
	got := run(t, archive, kinds)
	for _, name := range results {
		part(archive, name).Data = []byte(got[name])
	}
	if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

// part is a file of the archive; it is added when it is not there.
func part(archive *txtar.Archive, name string) *txtar.File {
	for i := range archive.Files {
		if archive.Files[i].Name == name {
			return &archive.Files[i]
		}
	}
	archive.Files = append(archive.Files, txtar.File{Name: name})
	return &archive.Files[len(archive.Files)-1]
}

// Compile compiles the packages of an archive with its facts.
func Compile(t testing.TB, archive *txtar.Archive) *services.Compilation {
	t.Helper()
	packages := map[string]*uci.Package{}
	facts := map[engine.Fact]string{}
	for _, f := range archive.Files {
		switch f.Name {
		case "wanted", "problems":
		case "facts":
			readFacts(t, facts, string(f.Data))
		default:
			p, err := uci.Parse(f.Name, "/etc/config/"+f.Name, f.Data)
			if err != nil {
				t.Fatal(err)
			}
			packages[f.Name] = p
		}
	}
	return services.Compile(packages, facts)
}

func readFacts(t testing.TB, facts map[engine.Fact]string, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		words := strings.SplitN(strings.TrimSpace(line), " ", 3)
		if len(words) == 3 {
			facts[engine.Fact{Topic: words[0], Name: words[1]}] = words[2]
		} else if words[0] != "" {
			t.Fatalf("facts: %q is not TOPIC NAME VALUE", line)
		}
	}
}

func problems(c *services.Compilation) string {
	var b strings.Builder
	for _, p := range c.Problems {
		text := strings.ReplaceAll(p.Error(), "/etc/config/", "")
		text = strings.TrimPrefix(text, p.Package+": ")
		if p.Warning {
			text = "warning: " + text
		}
		b.WriteString(text + "\n")
	}
	return b.String()
}
