// SPDX-License-Identifier: Apache-2.0

// Package lab is what tests of the whole program are made of: a ucid with directories of its
// own, in the test's process or beside it, asked over its socket, on a kernel of its own.
package lab

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ucid/internal/daemon"
	"ucid/internal/nltest"
	"ucid/internal/settings"
)

// Patience is how long a test waits for what has to happen.
const Patience = 30 * time.Second

// Router is a ucid of the test's own: its directories, and the daemon while one runs.
type Router struct {
	T        testing.TB
	Settings settings.Settings
	Log      Journal        // of the daemons that Start and Launch began
	Reload   chan os.Signal // what a daemon in this process gets
	AtEnd    func()         // takes away what was configured when the test is over: Cleanup

	stop func() error // ends the daemon in this process; nil while there is none
}

// New makes the directories, and a device wan whose other end is far.
func New(t testing.TB) *Router {
	t.Helper()
	nltest.Veth(t, "wan", "far", nil)
	dir := t.TempDir()
	r := &Router{T: t, Reload: make(chan os.Signal, 1)}
	r.AtEnd = r.Cleanup
	r.Settings = settings.Settings{
		ConfDir: filepath.Join(dir, "config"), SaveDir: filepath.Join(dir, "save"),
		RunDir: filepath.Join(dir, "run"), StateDir: filepath.Join(dir, "state"),
		Socket: filepath.Join(dir, "run", "ucid.sock"), LogLevel: slog.LevelInfo,
	}
	if err := os.Mkdir(r.Settings.ConfDir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.end)
	return r
}

func (r *Router) end() {
	r.AtEnd()
	if r.T.Failed() {
		r.T.Logf("log of the daemon:\n%s", r.Log.String())
	}
}

// Cleanup takes everything away, after a daemon in this process has ended.
func (r *Router) Cleanup() {
	if r.Runs() {
		r.Stop()
	}
	if _, err := daemon.Cleanup(context.Background(), r.Settings, slog.New(slog.DiscardHandler)); err != nil {
		r.T.Errorf("cleaning: %v", err)
	}
}

// Path is that of a package.
func (r *Router) Path(name string) string { return filepath.Join(r.Settings.ConfDir, name) }

// Write commits a package, as the tool does: a new file in the place of the old one.
func (r *Router) Write(name, text string) {
	r.T.Helper()
	temp := r.Path("." + name + ".new")
	err := os.WriteFile(temp, []byte(text), 0o600)
	if err == nil {
		err = os.Rename(temp, r.Path(name))
	}
	if err != nil {
		r.T.Fatal(err)
	}
}

// Read is the text of a package, or why there is none.
func (r *Router) Read(name string) string {
	text, err := os.ReadFile(r.Path(name))
	if err != nil {
		return "(" + err.Error() + ")"
	}
	return string(text)
}

// Eventually waits until check returns nil.
func Eventually(t testing.TB, check func() error) {
	t.Helper()
	nltest.Eventually(t, Patience, check)
}
