// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"ucid/internal/api/sock"
	"ucid/internal/control"
	"ucid/internal/engine"
	"ucid/internal/event"
	procdriver "ucid/internal/kind/proc/driver"
	"ucid/internal/revision"
	"ucid/internal/term"
	"ucid/uci"
)

// evil is text of foreign origin that would like to have the terminal.
const evil = "\x1b]0;owned\a\x1b[2J\u009b31m\u202egnp.exe\r\n"

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// world is what the fake daemon answers; calls maps a method to its result or error.
type world map[string]any

// here is a world in which everything is shown that can be.
func here() world {
	at := engine.Origin{Package: "network", File: "/etc/config/network", Line: 41, Type: "route", Section: "office"}
	route := engine.Ref{Kind: "route", Name: "198.51.100.0/24"}
	change := control.Change{ID: "c7", Outcome: control.Applied, Revision: 4, Who: "root", Started: noon,
		Took: 1500 * time.Microsecond, Created: 1, Changed: 2, Removed: 3,
		Faults: []engine.Fault{{Ref: engine.Ref{Kind: "proc", Name: "web"}, State: engine.Waiting, Text: "exit status 1\n  cannot bind" + evil}}}
	return world{
		"apply": change,
		"wait":  change,
		"status": control.Status{Started: noon, Revision: 4, AppliedAt: noon, AppliedBy: "root" + evil,
			Unapplied: map[string]string{"network": "changed", "ucid": "broken", "ddns": "removed"},
			Counts:    []engine.Count{{Kind: "route", Total: 3, States: map[string]int{"pending": 1, "failed": 1}}, {Kind: "proc"}},
			Objects: []engine.Object{
				{Ref: route, Text: "198.51.100.0/24 via 192.0.2.9" + evil, State: engine.Failed, Reason: "given up\n  last words\n  no" + evil, Since: noon, Origin: at},
				{Ref: engine.Ref{Kind: "proc", Name: "web"}, Text: "web: httpd", State: engine.OK, Shared: true},
			},
			Problems: []uci.Problem{{Package: "network", File: "/etc/config/network", Line: 50, Type: "route", Section: "lab", Text: "gateway '" + evil + "' is not an IPv4 address"}},
		},
		"plan": control.Plan{
			Lines: []engine.Line{
				{Op: engine.Create, Ref: route, Text: "198.51.100.0/24 via 192.0.2.9" + evil, Origin: at},
				{Op: engine.Modify, Ref: route, Text: "new", Fields: []engine.Field{{Name: "Gateway", Old: "192.0.2.9", New: "192.0.2.10" + evil}}, Origin: at, Effect: "in place, no packet lost"},
				{Op: engine.Remove, Ref: engine.Ref{Kind: "proc", Name: "web"}, Text: "web: httpd"},
			},
			Problems: []uci.Problem{{Package: "network", File: "/etc/config/network", Line: 60, Text: "an option nobody knows", Warning: true}},
		},
		"why": []engine.Explanation{{Object: engine.Object{Ref: route, Text: "198.51.100.0/24", Origin: at}, Details: []string{"since " + evil}}},
		"service.list": []procdriver.Info{
			{Name: "web", State: "running", Pid: 42, Command: []string{"httpd", "-f", evil}, Restarts: 2},
			{Name: "wobble", State: "failed", Command: []string{"false"}},
		},
		"service.action": struct{}{},
		"logs":           []procdriver.Line{{Time: noon, Stream: "stdout", Text: "a\tb" + evil}, {Time: noon, Stream: "stderr", Text: "oh", Truncated: true, Dropped: 3}},
		"events":         []event.Event{{Seq: 1, Time: noon, Name: "route.created", Subject: "198.51.100.0/24" + evil, Text: "t" + evil, Where: "/etc/config/network:41", Lost: 2}},
		"history":        []revision.Revision{{ID: 2, State: revision.Applied, Time: noon, Who: "root", Message: "why" + evil, Packages: map[string]revision.Sum{"network": "b"}}, {ID: 1, State: revision.Rejected, Time: noon, Packages: map[string]revision.Sum{"network": "a"}}},
		"history.purge":  struct{}{},
		"confirm":        control.Window{Change: "c7", Revision: 4, Before: 3},
		"rollback":       change,
	}
}

// serve answers from the world and returns the directory of the socket.
func (w world) serve(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	l, err := sock.Listen(filepath.Join(dir, "ucid.sock"))
	if err != nil {
		t.Fatal(err)
	}
	var methods []control.Method
	for name, result := range w {
		methods = append(methods, control.Method{Name: name, Call: func(ctx context.Context, _ control.Caller, params json.RawMessage) (any, error) {
			var asked struct{ Follow bool }
			json.Unmarshal(params, &asked)
			if err, failed := result.(error); failed {
				return nil, err
			}
			if call, ok := result.(func(context.Context) (any, error)); ok {
				return call(ctx)
			}
			if asked.Follow {
				return stream(result), nil
			}
			return result, nil
		}})
	}
	s := &sock.Server{Methods: methods, Log: slog.New(slog.DiscardHandler), Roles: func(uint32, uint32, int32) control.Caller { return control.Caller{Role: control.Administer} }}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	t.Cleanup(func() { cancel(); <-done })
	return dir
}

// stream sends the items of a list one by one.
func stream(list any) control.Stream {
	return func(_ context.Context, send func(any) error) error {
		text, err := json.Marshal(list)
		var items []json.RawMessage
		if err = errors.Join(err, json.Unmarshal(text, &items)); err != nil {
			return err
		}
		for _, item := range items {
			if err := send(item); err != nil {
				return err
			}
		}
		return nil
	}
}

// outcome is how a command ended.
type outcome struct {
	out, err string
	status   int
}

// run is one command line in this process.
func run(t *testing.T, dir string, args ...string) outcome {
	t.Helper()
	t.Setenv("UCID_SETTINGS", os.DevNull)
	t.Setenv("UCID_RUNDIR", dir)
	var out, errs bytes.Buffer
	a := &app{out: &out, err: &errs, paint: term.For(&out)}
	status := a.main(t.Context(), args)
	return outcome{out.String(), errs.String(), status}
}

// program is the same as a process of its own, for signals.
func program(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), asProgram+"=1", "UCID_SETTINGS=/dev/null", "UCID_RUNDIR="+dir)
	return cmd
}

// finish waits for a program, which is sent a signal as soon as ready receives.
func finish(t *testing.T, cmd *exec.Cmd, ready <-chan bool, sig syscall.Signal) outcome {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ready:
	case <-time.After(20 * time.Second):
		t.Error("it asks for nothing")
	}
	cmd.Process.Signal(sig)
	if err := cmd.Wait(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	return outcome{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}
