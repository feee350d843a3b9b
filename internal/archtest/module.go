// SPDX-License-Identifier: Apache-2.0

// Package archtest holds the tests of the shape of the tree: which package may import which,
// and what every file has. The rules stand in its tests, each with its reason.
package archtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path"
	"strings"
)

// Package is what "go list" says of a package of the module.
type Package struct {
	ImportPath string
	Dir        string
	Imports    []string // of files that are no tests
	Deps       []string // those, and what they import in turn
	GoFiles    []string
}

// Path is the import path below the module: "services/route".
func (p Package) Path() string { return strings.TrimPrefix(p.ImportPath, module) }

const module = "ucid/"

// load lists all packages of the module that a directory is in, for one operating system and
// architecture, those with errors as well.
func load(dir, goarch string) ([]Package, error) {
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Dir,Imports,Deps,GoFiles", module+"...")
	cmd.Dir = dir
	cmd.Env = append(cmd.Environ(), "GOOS=linux", "GOARCH="+goarch, "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		return nil, fmt.Errorf("cannot list packages: %w", err)
	}
	var all []Package
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p Package
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("cannot read the list of packages: %w", err)
		}
		all = append(all, p)
	}
}

// standard reports whether an import path is of the standard library.
func standard(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	return !strings.Contains(first, ".") && first != "ucid"
}

// ours gives an import path below the module; ok is false when it is of another one.
func ours(name string) (below string, ok bool) { return strings.CutPrefix(name, module) }

// matches reports whether a path below the module is one of the patterns of [path.Match]; one
// that ends in "/..." takes what is below it too, and "..." is everything.
func matches(name string, patterns ...string) bool {
	for _, p := range patterns {
		prefix, tree := strings.CutSuffix(p, "/...")
		for at := name; p != "..."; at = path.Dir(at) {
			if ok, _ := path.Match(prefix, at); ok { // the patterns are constants
				return true
			}
			if !tree || at == "." {
				break
			}
		}
		if p == "..." {
			return true
		}
	}
	return false
}
