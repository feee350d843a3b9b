// SPDX-License-Identifier: Apache-2.0

package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// breaks lists what a package imports against a rule.
func (r rule) breaks(p Package) []string {
	path := p.Path()
	if !matches(path, r.on...) || matches(path, r.except...) {
		return nil
	}
	var bad []string
	for _, i := range p.Imports {
		if r.direct != nil && !r.direct(i) {
			bad = append(bad, i)
		}
	}
	for _, i := range p.Deps {
		if r.deps != nil && !r.deps(i) && !slices.Contains(bad, i) {
			bad = append(bad, i+" (by way of others)")
		}
	}
	return bad
}

func TestImports(t *testing.T) {
	for _, goarch := range []string{"amd64", "mipsle"} {
		packages, err := load(root, goarch)
		if err != nil {
			t.Fatal(err)
		}
		if len(packages) < 10 {
			t.Fatalf("only %d packages were found", len(packages))
		}
		for _, r := range rules {
			for _, p := range packages {
				for _, bad := range r.breaks(p) {
					t.Errorf("%s imports %s, but: %s", p.Path(), bad, r.name)
				}
			}
		}
	}
}

// strangers lists what a package in the folder of a service imports of other services.
func strangers(p Package) []string {
	own, ok := service(p.ImportPath)
	if !ok {
		return nil
	}
	var bad []string
	for _, i := range p.Imports {
		if other, ok := service(i); ok && other != own {
			bad = append(bad, i)
		}
	}
	return bad
}

// service names the service in whose folder a package is.
func service(importPath string) (name string, ok bool) {
	below, _ := ours(importPath)
	below, ok = strings.CutPrefix(below, "services/")
	name, _, _ = strings.Cut(below, "/")
	return name, ok && name != "all" && name != "servicetest"
}

func TestServicesAreStrangers(t *testing.T) {
	packages, err := load(root, "amd64")
	if err != nil {
		t.Fatal(err)
	}
	driver := Package{ImportPath: module + "services/gre/driver", Imports: []string{
		module + "services/route", module + "services/route/driver", module + "services", module + "services/gre", "net"}}
	if got := strangers(driver); !slices.Equal(got, driver.Imports[:2]) {
		t.Errorf("strangers of a driver: %q", got)
	}
	for _, p := range packages {
		for _, bad := range strangers(p) {
			t.Errorf("%s imports %s, but one service does not know another", p.Path(), bad)
		}
	}
}

// Each rule finds what it forbids and lets pass what it should.
func TestRules(t *testing.T) {
	tests := []struct {
		path, imports string
		bad           bool
	}{
		{"services/gre", "ucid/internal/kind/link", false},
		{"services/gre", "ucid/services", false},
		{"services/gre", "net/netip", false},
		{"services/gre", "ucid/services/route", true},
		{"services/gre", "ucid/internal/kind/link/driver", true},
		{"services/gre", "ucid/internal/settings", true},
		{"services/gre", "os", true},
		{"services/gre", "net", true},
		{"services/gre", "github.com/miekg/dns", true},
		{"services/gre/driver", "os/exec", false},
		{"services/gre/driver", "github.com/vishvananda/netlink", false},
		{"services/servicetest", "os", false},
		{"services/all", "ucid/services/gre", false},
		{"services/all", "os", true},
		{"services", "ucid/services/route", true},
		{"internal/engine", "log/slog", false},
		{"internal/engine", "ucid/uci", true},
		{"internal/engine", "os", true},
		{"internal/kind/route", "ucid/internal/engine", false},
		{"internal/kind/route", "ucid/internal/rtnl", true},
		{"internal/kind/route/driver", "ucid/internal/rtnl", false},
		{"uci", "os", false},
		{"uci/tree", "ucid/uci", false},
		{"uci/tree", "ucid/internal/engine", true},
		{"uci", "golang.org/x/sys/unix", true},
		{"uci/tree", "github.com/digineo/go-uci", true},
		{"cmd/ucid", "github.com/spf13/viper", true},
		{"internal/settings", "github.com/spf13/viper", false},
		{"cmd/ucid", "os/exec", true},
		{"internal/control", "github.com/google/nftables", true},
	}
	for _, test := range tests {
		p := Package{ImportPath: module + test.path, Imports: []string{test.imports}}
		var broken []string
		for _, r := range rules {
			broken = append(broken, r.breaks(p)...)
		}
		if (len(broken) > 0) != test.bad {
			t.Errorf("%s importing %s: broken %q, want bad %v", test.path, test.imports, broken, test.bad)
		}
	}
	indirect := Package{ImportPath: module + "services/gre", Deps: []string{"os/exec"}}
	if len(rules[0].breaks(indirect)) == 0 {
		t.Error("a service may start programs by way of others")
	}
}

// clock are the functions of package time that make a result depend on when it is computed.
var clock = []string{"Now", "Since", "Until", "After", "AfterFunc", "Sleep", "Tick", "NewTimer", "NewTicker"}

// A service is a pure function: it reads no clock and starts no goroutine.
func TestServicesArePure(t *testing.T) {
	folders, err := filepath.Glob(root + "/services/*/*.go")
	if err != nil || len(folders) == 0 {
		t.Fatalf("no service was found: %v", err)
	}
	for _, file := range folders {
		folder := filepath.Base(filepath.Dir(file))
		if strings.HasSuffix(file, "_test.go") || folder == "servicetest" || folder == "all" {
			continue
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, file, nil, 0)
		if err != nil {
			t.Error(err)
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s: a service starts no goroutine", set.Position(n.Pos()))
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clock, n.Sel.Name) {
					t.Errorf("%s: a service reads no clock: time.%s", set.Position(n.Pos()), n.Sel.Name)
				}
			}
			return true
		})
	}
}

const licence = "// SPDX-License-Identifier: Apache-2.0\n"

// Every Go file says its licence in its first line.
func TestLicence(t *testing.T) {
	n := 0
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && (e.Name() == ".git" || e.Name() == "node_modules"):
			return fs.SkipDir
		case e.IsDir() || !strings.HasSuffix(path, ".go"):
			return nil
		}
		n++
		text, err := os.ReadFile(path)
		if err == nil && !strings.HasPrefix(string(text), licence) {
			t.Errorf("%s does not start with %q", path, licence)
		}
		return err
	})
	if err != nil || n < 50 {
		t.Errorf("%d files were read: %v", n, err)
	}
}
