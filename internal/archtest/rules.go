// SPDX-License-Identifier: Apache-2.0

package archtest

import "slices"

// A rule says what packages may not import, and why.
type rule struct {
	name   string
	on     []string          // packages, as in matches
	except []string          // of those
	direct func(string) bool // whether an import of theirs is allowed; nil: all are
	deps   func(string) bool // the same for all they import in turn
}

// rules are those of docs and of the package comments, in one table.
var rules = []rule{
	{
		name: "a service compiles and does nothing else: it imports services, uci, engine, kinds and the standard library, " +
			"no other service and no driver",
		on: []string{"services/*"}, except: []string{"services/all", "services/servicetest"},
		direct: allowedInService,
		deps:   pure,
	},
	{
		name: "what services register with does not know any service",
		on:   []string{"services"},
		direct: func(path string) bool {
			below, own := ours(path)
			return own && matches(below, "uci", "internal/engine", "internal/kind/*") || pureStandard(path)
		},
		deps: pure,
	},
	{
		name: "the list of services is a list of services",
		on:   []string{"services/all"},
		direct: func(path string) bool {
			below, own := ours(path)
			return own && matches(below, "services/*")
		},
	},
	{
		name:   "the engine knows nothing of ours and touches nothing",
		on:     []string{"internal/engine"},
		direct: pureStandard,
		deps:   pure,
	},
	{
		name: "a kind is a value: only its driver touches the system",
		on:   []string{"internal/kind/*"},
		direct: func(path string) bool {
			below, own := ours(path)
			return own && matches(below, "internal/engine", "internal/kind/*") || pureStandard(path)
		},
		deps: pure,
	},
	{
		name: "the uci library imports the standard library alone",
		on:   []string{"uci/..."},
		direct: func(path string) bool {
			below, own := ours(path)
			return own && matches(below, "uci/...") || standard(path)
		},
	},
	{
		name: "only drivers, what they are built on, and probes, start programs and speak netlink; the daemon tries the program it is to become",
		on:   []string{"..."},
		except: []string{"internal/kind/*/driver/...", "services/*/driver/...", "internal/rtnl/...", "internal/netmon/...",
			"internal/nltest/...", "internal/probe", "internal/daemon", "internal/archtest", "cmd/mkpkg/...", "test/..."},
		direct: func(path string) bool { return !slices.Contains(systemImports, path) },
	},
	{
		name:   "viper reads the settings file alone: it would change the case of UCI names",
		on:     []string{"..."},
		except: []string{"internal/settings"},
		direct: func(path string) bool { return path != "github.com/spf13/viper" },
	},
	{
		name:   "go-uci is what our tests compare with, never what we run on",
		on:     []string{"..."},
		direct: func(path string) bool { return !matches(path, "github.com/digineo/go-uci/...") },
	},
}

// systemImports start programs or change the kernel.
var systemImports = []string{"os/exec", "github.com/vishvananda/netlink", "github.com/vishvananda/netlink/nl",
	"github.com/mdlayher/netlink", "github.com/jsimonetti/rtnetlink/v2", "github.com/google/nftables"}

// impure are packages of the standard library with which a package can do I/O, or give other
// results for the same input.
var impure = []string{"os", "os/exec", "os/signal", "os/user", "io/ioutil", "net", "net/http", "net/rpc", "net/smtp",
	"log", "log/slog", "log/syslog", "plugin", "math/rand", "math/rand/v2", "crypto/rand", "runtime", "unsafe", "flag"}

func pureStandard(path string) bool {
	return standard(path) && !slices.Contains(impure, path) || path == "log/slog"
}

func allowedInService(path string) bool {
	below, own := ours(path)
	if own {
		return matches(below, "services", "uci", "internal/engine", "internal/kind/*")
	}
	return standard(path) && !slices.Contains(impure, path)
}

// pure reports whether something that a pure package leads to is harmless: no program can be
// started, no socket opened and no driver called by way of it.
func pure(path string) bool {
	below, own := ours(path)
	if own {
		return !matches(below, "internal/kind/*/driver/...", "services/*/driver/...", "internal/rtnl", "internal/netmon")
	}
	return standard(path) && !slices.Contains([]string{"os/exec", "net", "net/http"}, path)
}
