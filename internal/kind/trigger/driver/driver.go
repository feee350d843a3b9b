// SPDX-License-Identifier: Apache-2.0

// Package driver keeps triggers registered and runs them. They live as long as the daemon.
package driver

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"ucid/internal/engine"
	kind "ucid/internal/kind/trigger"
	"ucid/internal/trigger"
)

// Options of a Driver.
type Options struct {
	// Act does an action on a supervised process.
	Act func(ctx context.Context, process, action string) error
	// Report is told of every run; nil: nobody is.
	Report func(trigger.Result)
}

// Driver holds the triggers.
type Driver struct {
	opt Options
	bus *trigger.Bus

	mu   sync.Mutex
	all  map[string]kind.Trigger
	last map[string]trigger.Result // of each trigger
}

// New returns a driver without triggers.
func New(opt Options) *Driver {
	d := &Driver{opt: opt, all: map[string]kind.Trigger{}, last: map[string]trigger.Result{}}
	d.bus = trigger.NewBus(trigger.Options{Run: d.run, Report: d.report, Timeout: longest})
	return d
}

// longest bounds every run; the timeout of a trigger may only be shorter.
const longest = time.Hour

// closeTime is how long Close waits for runs that go on.
const closeTime = 10 * time.Second

// Close takes back what has not started and waits for what runs.
func (d *Driver) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	return d.bus.Close(ctx)
}

// Fire tells the triggers of an event. It does not wait for what they run.
func (d *Driver) Fire(event string, data map[string]string) error { return d.bus.Fire(event, data) }

// Kind is "trigger".
func (d *Driver) Kind() string { return kind.Kind }

// Key returns the name.
func (d *Driver) Key(t kind.Trigger) string { return t.Key() }

// Needs: the process it acts on.
func (d *Driver) Needs(t kind.Trigger, need func(engine.Ref)) {
	if t.Process != "" {
		need(engine.Ref{Kind: "proc", Name: t.Process})
	}
}

// Observe returns what is registered.
func (d *Driver) Observe(context.Context) ([]kind.Trigger, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]kind.Trigger, 0, len(d.all))
	for _, t := range d.all {
		all = append(all, t)
	}
	return all, nil
}

// Check finds the program.
func (d *Driver) Check(t kind.Trigger) error {
	if _, err := list(t); err != nil {
		return err
	}
	for program := range t.Command.All() {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("command %s cannot be run: %w", program, err)
		}
		break
	}
	return nil
}

// Apply registers and unregisters.
func (d *Driver) Apply(_ context.Context, changes []engine.Change[kind.Trigger]) []error {
	errs := make([]error, len(changes))
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, c := range changes {
		if c.Op == engine.Remove {
			d.bus.Unregister(c.Old.Name)
			delete(d.all, c.Old.Name)
			delete(d.last, c.Old.Name)
			continue
		}
		l, err := list(c.New)
		if errs[i] = err; err == nil {
			d.bus.Register(c.New.Name, l)
			d.all[c.New.Name] = c.New
		}
	}
	return errs
}

// list writes a trigger in the language of scripts.
func list(t kind.Trigger) (trigger.List, error) {
	argv := append([]string{"run_script"}, t.Command.Slice()...)
	if t.Command.Empty() {
		argv = []string{"run_script", actOn, t.Process, t.Action}
	}
	var script any = argv
	conditions := []any{"and"}
	for name, value := range t.Match.All() {
		conditions = append(conditions, []any{"eq", name, value})
	}
	if len(conditions) > 1 {
		script = []any{"if", conditions, argv}
	}
	entry := []any{t.Event, script}
	if t.Interval != 0 {
		entry = append(entry, t.Interval.Milliseconds())
	}
	text, err := json.Marshal([]any{entry})
	if err != nil {
		return nil, err
	}
	return trigger.Parse(text)
}

// actOn stands for the program in the argv of a trigger that acts on a process.
const actOn = "\x01act"

func (d *Driver) run(ctx context.Context, r trigger.Run) error {
	d.mu.Lock()
	t, ok := d.all[r.Service]
	d.mu.Unlock()
	if !ok {
		return nil // it was removed meanwhile
	}
	ctx, cancel := context.WithTimeout(ctx, t.Timeout)
	defer cancel()
	if r.Argv[0] == actOn {
		return d.opt.Act(ctx, r.Argv[1], r.Argv[2])
	}
	return execute(ctx, r)
}

// Output of a command that is kept for its report, in bytes.
const mostOutput = 4096

// execute runs a command in a process group of its own, which ends with its deadline.
func execute(ctx context.Context, r trigger.Run) error {
	cmd := exec.CommandContext(ctx, r.Argv[0], r.Argv[1:]...)
	cmd.Dir = "/"
	cmd.Env = append(cmd.Environ(), "UCID_EVENT="+r.Event)
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGKILL) }
	cmd.WaitDelay = time.Second
	var out tail
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		if text := strings.TrimSpace(string(out)); text != "" {
			return fmt.Errorf("%w: %s", err, text)
		}
		return err
	}
	return nil
}

// tail keeps the end of what is written to it.
type tail []byte

func (t *tail) Write(p []byte) (int, error) {
	*t = append(*t, p...)
	if over := len(*t) - mostOutput; over > 0 {
		*t = (*t)[over:]
	}
	return len(p), nil
}

func (d *Driver) report(r trigger.Result) {
	d.mu.Lock()
	if _, there := d.all[r.Service]; there {
		d.last[r.Service] = r
	}
	d.mu.Unlock()
	if d.opt.Report != nil {
		d.opt.Report(r)
	}
}

// Probe tells whether the last run failed.
func (d *Driver) Probe(t kind.Trigger) engine.Health {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r, ran := d.last[t.Name]; ran && r.Err != nil {
		return engine.Health{State: engine.Failed, Text: "the last run failed: " + r.Err.Error()}
	}
	return engine.Health{}
}

// Explain tells of the last run.
func (d *Driver) Explain(_ context.Context, name string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, ran := d.last[name]
	if !ran {
		return []string{"has not run yet"}
	}
	return []string{fmt.Sprintf("last run %s on %s, took %s", r.Started.Format(time.DateTime), r.Event, r.Duration.Round(time.Millisecond))}
}
