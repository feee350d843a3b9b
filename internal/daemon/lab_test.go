// SPDX-License-Identifier: Apache-2.0

package daemon_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"ucid/internal/api/sock"
	"ucid/internal/control"
	"ucid/internal/daemon"
	procdriver "ucid/internal/kind/proc/driver"
	"ucid/internal/nltest"
	"ucid/internal/settings"
)

// patience is how long a test waits for what has to happen.
const patience = 20 * time.Second

// router is a ucid of the test's own: its directories, and the daemon while one runs.
type router struct {
	t      testing.TB
	s      settings.Settings
	log    journal
	reload chan os.Signal
	stop   func() error // ends the daemon in this process; nil while there is none
}

// newRouter makes the directories, and a device wan whose other end is far.
func newRouter(t testing.TB) *router {
	t.Helper()
	nltest.Veth(t, "wan", "far", nil)
	dir := t.TempDir()
	r := &router{t: t, reload: make(chan os.Signal, 1)}
	r.s = settings.Settings{
		ConfDir: filepath.Join(dir, "config"), SaveDir: filepath.Join(dir, "save"),
		RunDir: filepath.Join(dir, "run"), StateDir: filepath.Join(dir, "state"),
		Socket: filepath.Join(dir, "run", "ucid.sock"), LogLevel: slog.LevelDebug,
	}
	if err := os.Mkdir(r.s.ConfDir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.clean)
	return r
}

// running is newRouter with a configuration and a daemon.
func running(t testing.TB, network string) *router {
	t.Helper()
	r := newRouter(t)
	r.write("network", network)
	r.start()
	return r
}

// clean takes back what was configured, whoever runs at the end of the test.
func (r *router) clean() {
	for _, name := range r.leftovers() {
		os.RemoveAll(filepath.Join(r.s.ConfDir, name))
	}
	if r.stop == nil {
		r.start()
	}
	r.applied()
	eventually(r.t, func() error {
		if left := r.services(); len(left) > 0 {
			return fmt.Errorf("children are left: %+v", left)
		}
		return nil
	})
	r.end()
	if r.t.Failed() {
		r.t.Logf("log of the daemon:\n%s", r.log.String())
	}
}

func (r *router) leftovers() []string {
	entries, err := os.ReadDir(r.s.ConfDir)
	if err != nil {
		os.MkdirAll(r.s.ConfDir, 0o755)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// write commits a package, as the tool does: a new file in the place of the old one.
func (r *router) write(name, text string) {
	r.t.Helper()
	path := filepath.Join(r.s.ConfDir, name)
	err := os.WriteFile(path+".new", []byte(text), 0o600)
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// start runs the daemon in this process and waits until it answers.
func (r *router) start() {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- daemon.Run(ctx, r.s, slog.New(slog.NewTextHandler(&r.log, &slog.HandlerOptions{Level: r.s.LogLevel})), r.reload)
	}()
	r.stop = func() error { cancel(); return <-ended }
	eventually(r.t, func() error {
		select {
		case err := <-ended:
			ended <- err
			r.t.Fatalf("the daemon ended: %v\n%s", err, r.log.String())
		default:
		}
		_, err := ask[control.Status](r, "status", nil)
		return err
	})
}

// end stops the daemon, which must not complain.
func (r *router) end() {
	r.t.Helper()
	if err := r.stop(); err != nil {
		r.t.Errorf("the daemon ended with: %v", err)
	}
	r.stop = nil
}

// restart ends the daemon and starts another.
func (r *router) restart() {
	r.t.Helper()
	r.end()
	r.start()
}

// ask makes one call on a connection of its own.
func ask[T any](r *router, method string, params any) (T, error) {
	var result T
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	client, err := sock.Dial(ctx, r.s.Socket)
	if err != nil {
		return result, err
	}
	defer client.Close()
	err = client.Call(ctx, method, params, &result)
	return result, err
}

func must[T any](r *router, method string, params any) T {
	r.t.Helper()
	result, err := ask[T](r, method, params)
	if err != nil {
		r.t.Fatalf("%s: %v", method, err)
	}
	return result
}

// apply is "ucid reload".
func (r *router) apply() control.Change {
	r.t.Helper()
	change := must[control.Change](r, "apply", nil)
	return must[control.Change](r, "wait", map[string]string{"id": change.ID})
}

// applied is apply that has to end well.
func (r *router) applied() control.Change {
	r.t.Helper()
	change := r.apply()
	if !change.OK() {
		r.t.Fatalf("not ok: %+v", change)
	}
	return change
}

func (r *router) status() control.Status {
	r.t.Helper()
	return must[control.Status](r, "status", map[string]any{"all": true})
}

func (r *router) services() []procdriver.Info {
	r.t.Helper()
	return must[[]procdriver.Info](r, "service.list", nil)
}

// child waits until the process runs and returns its pid.
func (r *router) child(name string, other ...int) int {
	r.t.Helper()
	pid := 0
	eventually(r.t, func() error {
		for _, p := range r.services() {
			if p.Name == name && p.State == "running" && (len(other) == 0 || p.Pid != other[0]) {
				pid = p.Pid
				return nil
			}
		}
		return fmt.Errorf("%s does not run: %+v", name, r.services())
	})
	return pid
}

func eventually(t testing.TB, check func() error) {
	t.Helper()
	nltest.Eventually(t, patience, check)
}

// problem expects that one of the problems holds all the words.
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

// journal is a log that may be read while it is written.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// lines is the output of a process that is kept.
func (r *router) lines(name string) []string {
	r.t.Helper()
	var all []string
	for _, l := range must[[]procdriver.Line](r, "logs", map[string]any{"name": name}) {
		all = append(all, l.Text)
	}
	return all
}

func (r *router) waitLog(name, text string) {
	r.t.Helper()
	eventually(r.t, func() error {
		for _, l := range r.lines(name) {
			if strings.Contains(l, text) {
				return nil
			}
		}
		return fmt.Errorf("%s says %q, not %q", name, r.lines(name), text)
	})
}
