// SPDX-License-Identifier: Apache-2.0

package apply_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"ucid/internal/api/sock"
	"ucid/internal/control"
	"ucid/internal/daemon"
	"ucid/internal/event"
	"ucid/internal/nltest"
	"ucid/internal/revision"
	"ucid/internal/settings"
)

// patience is how long a test waits for what has to happen.
const patience = 30 * time.Second

// router is a ucid of the test's own: its directories, and the daemon while one runs.
type router struct {
	t    testing.TB
	s    settings.Settings
	log  journal
	stop func() error // ends the daemon in this process; nil while there is none
}

// newRouter makes the directories, and a device wan whose other end is far.
func newRouter(t testing.TB) *router {
	t.Helper()
	nltest.Veth(t, "wan", "far", nil)
	dir := t.TempDir()
	r := &router{t: t}
	r.s = settings.Settings{
		ConfDir: filepath.Join(dir, "config"), SaveDir: filepath.Join(dir, "save"),
		RunDir: filepath.Join(dir, "run"), StateDir: filepath.Join(dir, "state"),
		Socket: filepath.Join(dir, "run", "ucid.sock"), LogLevel: slog.LevelInfo,
	}
	if err := os.Mkdir(r.s.ConfDir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.clean)
	return r
}

// running is newRouter with a configuration that is applied.
func running(t testing.TB, network string) *router {
	t.Helper()
	r := newRouter(t)
	r.write("network", network)
	r.start()
	r.applied()
	return r
}

// clean takes everything away, after a daemon in this process has ended.
func (r *router) clean() {
	if r.stop != nil {
		r.end()
	}
	if _, err := daemon.Cleanup(context.Background(), r.s, slog.New(slog.DiscardHandler)); err != nil {
		r.t.Errorf("cleaning: %v", err)
	}
	if r.t.Failed() {
		r.t.Logf("log of the daemon:\n%s", r.log.String())
	}
}

func (r *router) path(name string) string { return filepath.Join(r.s.ConfDir, name) }

// write commits a package, as the tool does: a new file in the place of the old one.
func (r *router) write(name, text string) {
	r.t.Helper()
	if err := r.tryWrite(name, text); err != nil {
		r.t.Fatal(err)
	}
}

func (r *router) tryWrite(name, text string) error {
	temp := filepath.Join(r.s.ConfDir, "."+name+".new")
	if err := os.WriteFile(temp, []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(temp, r.path(name))
}

func (r *router) read(name string) string {
	text, err := os.ReadFile(r.path(name))
	if err != nil {
		return "(" + err.Error() + ")"
	}
	return string(text)
}

// start runs the daemon in this process and waits until it answers.
func (r *router) start() {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- daemon.Run(ctx, r.s, slog.New(slog.NewTextHandler(&r.log, &slog.HandlerOptions{Level: r.s.LogLevel})), nil)
	}()
	r.stop = func() error { cancel(); return <-ended }
	eventually(r.t, func() error {
		select {
		case err := <-ended:
			ended <- err
			r.t.Fatalf("the daemon ended: %v\n%s", err, r.log.String())
		default:
		}
		return r.answers()
	})
}

func (r *router) answers() error {
	_, err := ask[control.Status](r, "status", nil)
	return err
}

// end stops the daemon, which must not complain.
func (r *router) end() {
	r.t.Helper()
	if err := r.stop(); err != nil {
		r.t.Errorf("the daemon ended with: %v", err)
	}
	r.stop = nil
}

func (r *router) restart() {
	r.t.Helper()
	r.end()
	r.start()
}

// command is ucid as a program of its own, on the directories of the router.
func (r *router) command(args ...string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		r.t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), asProgram+"=1", "UCID_SETTINGS=/dev/null",
		"UCID_CONFDIR="+r.s.ConfDir, "UCID_SAVEDIR="+r.s.SaveDir, "UCID_RUNDIR="+r.s.RunDir, "UCID_STATEDIR="+r.s.StateDir)
	return cmd
}

// cli runs a command and returns what it printed, and its status.
func (r *router) cli(args ...string) (string, int) {
	r.t.Helper()
	cmd := r.command(args...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		r.t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
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

// change is an apply with a request, to its end.
func (r *router) change(method string, request control.Request) control.Change {
	r.t.Helper()
	c := must[control.Change](r, method, request)
	if c.ID == "" {
		return c // a window was closed; there is nothing to wait for
	}
	return must[control.Change](r, "wait", map[string]string{"id": c.ID})
}

// applied is "ucid reload", which has to end well.
func (r *router) applied() control.Change {
	r.t.Helper()
	c := r.change("apply", control.Request{})
	if !c.OK() {
		r.t.Fatalf("not ok: %+v", c)
	}
	return c
}

// armed is "ucid apply --confirm".
func (r *router) armed(window time.Duration, probes ...string) control.Change {
	r.t.Helper()
	c := r.change("apply", control.Request{Confirm: window, Probes: probes})
	if c.Outcome != control.Armed {
		r.t.Fatalf("not armed: %+v", c)
	}
	return c
}

func (r *router) status() control.Status {
	r.t.Helper()
	return must[control.Status](r, "status", nil)
}

func (r *router) history() []revision.Revision {
	r.t.Helper()
	return must[[]revision.Revision](r, "history", nil)
}

// states are those of the revisions, newest first.
func (r *router) states() string {
	r.t.Helper()
	var words []string
	for _, h := range r.history() {
		words = append(words, string(h.State))
	}
	return strings.Join(words, " ")
}

func (r *router) events() string {
	r.t.Helper()
	var b strings.Builder
	for _, e := range must[[]event.Event](r, "events", map[string]int{"lines": 0}) {
		fmt.Fprintf(&b, "%s %s %s\n", e.Name, e.Subject, e.Text)
	}
	return b.String()
}

func eventually(t testing.TB, check func() error) {
	t.Helper()
	nltest.Eventually(t, patience, check)
}

// awaitRevision waits until a revision is the applied one and nothing waits to be confirmed.
func (r *router) awaitRevision(id int) {
	r.t.Helper()
	eventually(r.t, func() error {
		if s := r.status(); s.Revision != id || s.Window != nil {
			return fmt.Errorf("revision %d, window %+v; want revision %d and none", s.Revision, s.Window, id)
		}
		return nil
	})
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
