// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"ucid/internal/control"
	"ucid/internal/engine"
	"ucid/uci"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// commands are those that ask the daemon something and end.
var commands = []string{
	"status", "status --all", "plan", "plan --exit-code", "reload", "reload --no-wait", "apply -m why", "wait c7",
	"why route:office", "service list", "service restart web", "logs web", "logs -f web", "events", "events -f -n 1",
	"history", "history purge", "confirm", "rollback 3",
}

func TestOutput(t *testing.T) {
	dir := here().serve(t)
	for _, line := range commands {
		t.Run(line, func(t *testing.T) {
			got := run(t, dir, strings.Fields(line)...)
			golden(t, line, fmt.Sprintf("$ ucid %s\n%s-- standard error --\n%s-- status %d --\n", line, got.out, got.err, got.status))
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", strings.NewReplacer(" ", "_", ":", "_").Replace(name)+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Foreign text moves no cursor and paints nothing, in no command and no form of output.
func TestForeignTextIsHarmless(t *testing.T) {
	dir := here().serve(t)
	for _, line := range commands {
		for _, form := range []string{"", " --json"} {
			got := run(t, dir, strings.Fields(line+form)...)
			for _, r := range got.out + got.err {
				if r != '\n' && unicode.Is(unicode.C, r) {
					t.Errorf("%s%s prints %q raw", line, form, r)
					break
				}
			}
		}
	}
	w := here()
	for method := range w {
		w[method] = errors.New("bad" + evil + "news")
	}
	dir = w.serve(t)
	for _, line := range commands {
		got := run(t, dir, strings.Fields(line)...)
		if strings.ContainsAny(got.err, "\x1b\a\r\u009b\u202e") || got.status != 1 {
			t.Errorf("%s: status %d, %q", line, got.status, got.err)
		}
	}
}

func TestJSON(t *testing.T) {
	dir := here().serve(t)
	for _, line := range append(commands, "version") {
		got := run(t, dir, strings.Fields(line+" --json")...)
		for d := json.NewDecoder(strings.NewReader(got.out)); ; {
			var v any
			err := d.Decode(&v)
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Errorf("%s: %v in %q", line, err, got.out)
				break
			}
		}
	}
}

func TestStatusOfTheCommand(t *testing.T) {
	fault := []engine.Fault{{Ref: engine.Ref{Kind: "route", Name: "r"}, State: engine.Failed, Text: "no"}}
	waiting := []engine.Fault{{Ref: engine.Ref{Kind: "route", Name: "r"}, State: engine.Waiting, Text: "soon"}}
	problem := []uci.Problem{{Package: "network", Text: "wrong"}}
	warning := []uci.Problem{{Package: "network", Text: "odd", Warning: true}}
	for _, c := range []struct {
		method string
		result any
		line   string
		want   int
	}{
		{"wait", control.Change{Outcome: control.Applied}, "reload", 0},
		{"wait", control.Change{Outcome: control.Unchanged, Problems: warning, Faults: waiting}, "reload", 0},
		{"wait", control.Change{Outcome: control.Applied, Problems: problem}, "reload", 1},
		{"wait", control.Change{Outcome: control.Applied, Faults: fault}, "reload --json", 1},
		{"wait", control.Change{Outcome: control.Undone}, "apply", 1},
		{"wait", control.Change{Outcome: control.Refused, Error: "no"}, "wait c1", 1},
		{"wait", control.Change{Outcome: control.Undone}, "reload --no-wait", 0},
		{"plan", control.Plan{}, "plan", 0},
		{"plan", control.Plan{}, "plan --exit-code", 0},
		{"plan", control.Plan{Lines: make([]engine.Line, 1)}, "plan", 0},
		{"plan", control.Plan{Lines: make([]engine.Line, 1)}, "plan --exit-code", 3},
		{"plan", control.Plan{Lines: make([]engine.Line, 1)}, "plan --exit-code --json", 3},
		{"plan", control.Plan{Lines: make([]engine.Line, 1), Problems: problem}, "plan --exit-code", 1},
		{"plan", control.Plan{Conflicts: fault}, "plan", 1},
		{"plan", control.Plan{Problems: warning}, "plan", 0},
		{"why", []engine.Explanation{}, "why nothing", 1},
		{"why", []engine.Explanation{}, "why nothing --json", 1},
		{"logs", errors.New("there is no process x"), "logs x", 1},
	} {
		w := here()
		w[c.method] = c.result
		if got := run(t, w.serve(t), strings.Fields(c.line)...); got.status != c.want {
			t.Errorf("%s with %+v: status %d, want %d\n%s%s", c.line, c.result, got.status, c.want, got.out, got.err)
		}
	}
}

func TestWrongCommandLine(t *testing.T) {
	for line, words := range map[string]string{
		"nonsense":              `no command "ucid nonsense"`,
		"stauts":                "Did you mean status?",
		"service nonsense":      `no command "ucid service nonsense"`,
		"completion tcsh":       `no command "ucid completion tcsh"`,
		"--nonsense":            "--nonsense",
		"status --nonsense":     "--nonsense",
		"status extra":          "extra",
		"reload extra":          "extra",
		"wait":                  "usage: ucid wait ID",
		"logs":                  "the name of a process",
		"logs a b":              "the name of a process",
		"service stop":          "the name of a process",
		"why":                   "an object",
		"events -n many":        "many",
		"rollback -1":           "-1",
		"rollback one":          "one",
		"apply --confirm never": "never",
		"run extra":             "extra",
	} {
		got := run(t, t.TempDir(), strings.Fields(line)...)
		if got.status != 2 || !strings.Contains(got.err, words) || got.out != "" {
			t.Errorf("%s: %+v, want status 2 and %q", line, got, words)
		}
	}
}

func TestNoDaemon(t *testing.T) {
	dir := t.TempDir()
	for _, line := range commands {
		got := run(t, dir, strings.Fields(line)...)
		if got.status != 1 || !strings.Contains(got.err, "ucid is not running") || got.out != "" {
			t.Errorf("%s: %+v", line, got)
		}
	}
}

func TestWrongSettings(t *testing.T) {
	t.Setenv("UCID_LOG_LEVEL", "\x1b[2Jloud")
	if got := run(t, t.TempDir(), "status"); got.status != 1 || !strings.Contains(got.err, "log_level") || strings.Contains(got.err, "\x1b") {
		t.Errorf("%+v", got)
	}
}

func TestInterrupted(t *testing.T) {
	asked := make(chan bool, 1)
	w := here()
	w["wait"] = func(ctx context.Context) (any, error) {
		asked <- true
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if got := finish(t, program(t, w.serve(t), "reload"), asked, syscall.SIGINT); got.status != 130 || got.out+got.err != "" {
		t.Errorf("%+v, want status 130 and silence", got)
	}
}

func TestColours(t *testing.T) {
	dir := here().serve(t)
	for _, c := range []struct {
		no, force string
		want      bool
	}{{"", "", false}, {"1", "", false}, {"", "1", true}} {
		t.Setenv("NO_COLOR", c.no)
		t.Setenv("FORCE_COLOR", c.force)
		got := run(t, dir, "plan")
		if painted := strings.Contains(got.out+got.err, "\x1b["); painted != c.want {
			t.Errorf("NO_COLOR=%s FORCE_COLOR=%s: painted %v, want %v", c.no, c.force, painted, c.want)
		}
	}
	if got := run(t, dir, "plan", "--json"); strings.Contains(got.out, "\x1b") {
		t.Error("JSON is painted")
	}
}

func TestHelp(t *testing.T) {
	root := (&app{out: io.Discard, err: io.Discard}).root()
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		if cmd.Name() == "help" || cmd.Hidden {
			return
		}
		path := strings.Fields(cmd.CommandPath())[1:]
		if cmd.Short == "" || cmd.Example == "" && (len(path) == 0 || path[0] != "completion") {
			t.Errorf("ucid %v has no example, or says nothing of itself", path)
		}
		for line := range strings.Lines(cmd.Example) {
			if !strings.HasPrefix(line, "  ") {
				t.Errorf("ucid %v: example %q", path, line)
			}
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(root)
	for _, args := range [][]string{{}, {"--help"}, {"help"}, {"help", "plan"}, {"plan", "-h"}, {"service"}} {
		if got := run(t, t.TempDir(), args...); got.status != 0 || !strings.Contains(got.out, "Usage:") || got.err != "" {
			t.Errorf("%v: %+v", args, got)
		}
	}
}

func TestCompletion(t *testing.T) {
	dir := here().serve(t)
	for shell, words := range map[string]string{"bash": "complete -o", "zsh": "#compdef ucid", "fish": "complete -c ucid"} {
		if got := run(t, dir, "completion", shell); got.status != 0 || !strings.Contains(got.out, words) {
			t.Errorf("%s: status %d, %.80q", shell, got.status, got.out)
		}
	}
	for line, want := range map[string][]string{
		"service restart ": {"web", "wobble"}, "service stop wo": {"web", "wobble"}, "logs ": {"web", "wobble"},
		"": {"reload", "status"}, "service ": {"start", "stop", "restart", "list"},
	} {
		got := run(t, dir, append([]string{"__complete"}, strings.Split(line, " ")...)...)
		for _, w := range want {
			if !strings.Contains("\n"+got.out, "\n"+w) {
				t.Errorf("%q: %q, want %s", line, got.out, w)
			}
		}
	}
	if got := run(t, t.TempDir(), "__complete", "logs", ""); got.status != 0 || strings.Contains(got.out, "not running") {
		t.Errorf("without a daemon: %+v", got)
	}
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Fatal(err)
	}
	check := exec.Command(bash, "-n")
	check.Stdin = strings.NewReader(run(t, dir, "completion", "bash").out)
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("bash: %v: %s", err, out)
	}
}

// A status that is watched is shown again when something happens, and ends with a signal.
func TestWatchedStatus(t *testing.T) {
	w := here()
	shown := make(chan bool, 100)
	status := w["status"]
	w["status"] = func(context.Context) (any, error) { shown <- true; return status, nil }
	w["events"] = func(context.Context) (any, error) {
		return control.Stream(func(ctx context.Context, send func(any) error) error {
			if err := send(map[string]any{"event": "x"}); err != nil {
				return err
			}
			<-ctx.Done()
			return nil
		}), nil
	}
	got := finish(t, program(t, w.serve(t), "status", "-w"), shown, syscall.SIGTERM)
	if got.status != 130 || strings.Contains(got.out, "\x1b[2J") {
		t.Errorf("%+v", got)
	}
}

// Whoever reads only the first lines ends the command.
func TestClosedPipe(t *testing.T) {
	w := here()
	w["events"] = func(context.Context) (any, error) {
		return control.Stream(func(_ context.Context, send func(any) error) error {
			for {
				if err := send(map[string]any{"event": "x"}); err != nil {
					return err
				}
			}
		}), nil
	}
	cmd := program(t, w.serve(t), "events", "-f")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	io.ReadFull(out, make([]byte, 100))
	out.Close()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		cmd.Process.Kill()
		t.Error("it writes on and on")
	}
}
