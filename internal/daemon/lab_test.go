// SPDX-License-Identifier: Apache-2.0

package daemon_test

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"ucid/internal/control"
	"ucid/test/lab"
)

// newRouter is one that says all it does, and is emptied at the end.
func newRouter(t testing.TB) *lab.Router {
	t.Helper()
	r := lab.New(t)
	r.Settings.LogLevel = slog.LevelDebug
	r.AtEnd = func() { empty(r) }
	return r
}

// running is newRouter with a configuration and a daemon.
func running(t testing.TB, network string) *lab.Router {
	t.Helper()
	r := newRouter(t)
	r.Write("network", network)
	r.Start()
	return r
}

// empty takes back what was configured the way a user does, whoever runs at the end of the
// test: by applying a configuration with nothing in it.
func empty(r *lab.Router) {
	for _, name := range leftovers(r) {
		os.RemoveAll(r.Path(name))
	}
	if !r.Runs() {
		r.Start()
	}
	r.Applied()
	lab.Eventually(r.T, func() error {
		if left := r.Services(); len(left) > 0 {
			return fmt.Errorf("children are left: %+v", left)
		}
		return nil
	})
	r.Stop()
}

// leftovers are the names in the directory of the configuration, which is made if it is not there.
func leftovers(r *lab.Router) []string {
	entries, err := os.ReadDir(r.Settings.ConfDir)
	if err != nil {
		os.MkdirAll(r.Settings.ConfDir, 0o755)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// wantProblem expects that one of the problems holds all the words.
func wantProblem(t testing.TB, change control.Change, words ...string) {
	t.Helper()
	for _, p := range change.Problems {
		if holdsAll(p.Error(), words) {
			return
		}
	}
	t.Errorf("no problem says %q: %v", words, change.Problems)
}

func holdsAll(text string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}
