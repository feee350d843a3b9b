// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

var updateCompat = flag.Bool("update-compat", false, "record what the tool does in the cases of testdata/compat.jsonl")

// TestConformance replays what OpenWrt's tool did. A case listed in testdata/compat.jsonl is
// held to what is written there; one listed in testdata/known-failures.txt has to fail.
func TestConformance(t *testing.T) {
	cases := readCases(t, "../../uci/testdata/conformance/*.jsonl")
	if len(cases) != 978 {
		t.Fatalf("%d cases, want 978", len(cases))
	}
	compat := readCases(t, "testdata/compat.jsonl")
	known := readLines(t, "testdata/known-failures.txt")
	var mu sync.Mutex
	t.Run("cases", func(t *testing.T) {
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				got := c.run(t)
				want := c
				mu.Lock()
				if own, ok := compat[name]; ok {
					if *updateCompat {
						own.take(got)
					}
					want = own
				}
				mu.Unlock()
				diff := want.diff(got)
				switch listed := slices.Contains(known, name); {
				case listed && diff == "":
					t.Error("passes now: remove it from testdata/known-failures.txt")
				case !listed && diff != "":
					t.Error(diff)
				}
			})
		}
	})
	if *updateCompat {
		writeCases(t, "testdata/compat.jsonl", compat)
	}
	for name, own := range compat {
		if cases[name] == nil {
			t.Errorf("testdata/compat.jsonl: there is no case %s", name)
		} else if cases[name].diff(own.result()) == "" {
			t.Errorf("testdata/compat.jsonl: %s is no difference", name)
		}
	}
}

// TestCompatIsDocumented holds docs/uci-compat.md and the list of differences together.
func TestCompatIsDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/uci-compat.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := make(map[string]string)
	for _, s := range strings.Split(string(doc), "\n## ")[1:] {
		reason, body, _ := strings.Cut(s, ":")
		_, body, _ = strings.Cut(body, "Cases: ")
		sections[reason], _, _ = strings.Cut(body, "\n")
	}
	compat := readCases(t, "testdata/compat.jsonl")
	for name, c := range compat {
		if !strings.Contains(sections[c.Reason], "`"+name+"`") {
			t.Errorf("docs/uci-compat.md: section %q does not name %s", c.Reason, name)
		}
	}
	named := 0
	for _, body := range sections {
		named += strings.Count(body, "`") / 2
	}
	if named != len(compat) {
		t.Errorf("docs/uci-compat.md names %d cases, the list has %d", named, len(compat))
	}
}

func readCases(t *testing.T, pattern string) map[string]*testCase {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	cases := make(map[string]*testCase)
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(data) {
			c := new(testCase)
			if err := json.Unmarshal(line, c); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			cases[c.Name] = c
		}
	}
	return cases
}

func writeCases(t *testing.T, file string, cases map[string]*testCase) {
	t.Helper()
	var names []string
	for name := range cases {
		names = append(names, name)
	}
	slices.Sort(names)
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	for _, name := range names {
		if err := enc.Encode(cases[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(file, buf.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// readLines gives the lines of a file that are neither empty nor comments.
func readLines(t *testing.T, file string) []string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for sc := bufio.NewScanner(bytes.NewReader(data)); sc.Scan(); {
		if line := strings.TrimSpace(sc.Text()); line != "" && line[0] != '#' {
			lines = append(lines, line)
		}
	}
	return lines
}
