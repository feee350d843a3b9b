// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ucid/internal/engine"
	"ucid/internal/engine/enginetest"
	kind "ucid/internal/kind/trigger"
	"ucid/internal/trigger"
)

// command is a trigger on an event of the test.
func command(name string, argv ...string) kind.Trigger {
	return kind.Trigger{Name: name, Event: "test", Command: engine.MakeList(argv...), Timeout: 10 * time.Second}
}

func newDriver(t *testing.T, act func(context.Context, string, string) error) (*Driver, <-chan trigger.Result) {
	t.Helper()
	results := make(chan trigger.Result, 10)
	d := New(Options{Act: act, Report: func(r trigger.Result) { results <- r }})
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d, results
}

func register(t *testing.T, d *Driver, all ...kind.Trigger) {
	t.Helper()
	for _, one := range all {
		if err := errors.Join(d.Check(one), d.Apply(t.Context(), []engine.Change[kind.Trigger]{{Op: engine.Create, New: one}})[0]); err != nil {
			t.Fatal(err)
		}
	}
}

func result(t *testing.T, results <-chan trigger.Result) trigger.Result {
	t.Helper()
	select {
	case r := <-results:
		return r
	case <-time.After(20 * time.Second):
		t.Fatal("nothing ran")
		return trigger.Result{}
	}
}

func TestConforms(t *testing.T) {
	d, _ := newDriver(t, nil)
	timer := kind.Trigger{Name: "b", Event: "timer", Interval: time.Hour, Process: "web", Action: "restart", Timeout: time.Second}
	enginetest.Conform(t, d, []kind.Trigger{command("a", "true"), timer}, []kind.Trigger{command("a", "false")}, nil)
}

func TestCommandRunsWithoutShell(t *testing.T) {
	d, results := newDriver(t, nil)
	mark := filepath.Join(t.TempDir(), "mark $(exit) ;")
	register(t, d, command("touch", "touch", mark))
	if err := d.Fire("test", nil); err != nil {
		t.Fatal(err)
	}
	if r := result(t, results); r.Err != nil || r.Service != "touch" {
		t.Errorf("got %+v", r)
	}
	if _, err := os.Stat(mark); err != nil {
		t.Error(err)
	}
}

func TestFailureIsShownWithTheLastWords(t *testing.T) {
	d, results := newDriver(t, nil)
	bad := command("bad", "sh", "-c", "echo the disk is full >&2; exit 3")
	register(t, d, bad)
	d.Fire("test", nil)
	result(t, results)
	if h := d.Probe(bad); h.State != engine.Failed || !strings.Contains(h.Text, "the disk is full") {
		t.Errorf("got %+v", h)
	}
	if text := strings.Join(d.Explain(t.Context(), "bad"), "\n"); !strings.Contains(text, "on test") {
		t.Errorf("explained %q", text)
	}
}

func TestDeadlineEndsTheWholeGroup(t *testing.T) {
	d, results := newDriver(t, nil)
	slow := command("slow", "sh", "-c", "sleep 1000 & sleep 1000")
	slow.Timeout = 100 * time.Millisecond
	register(t, d, slow)
	d.Fire("test", nil)
	if r := result(t, results); r.Err == nil {
		t.Error("it ended by itself")
	}
}

func TestProcessActionAndMatch(t *testing.T) {
	acted := make(chan string, 1)
	d, results := newDriver(t, func(_ context.Context, process, action string) error {
		acted <- action + " " + process
		return nil
	})
	register(t, d, kind.Trigger{Name: "follow", Event: "config.change", Process: "web", Action: "restart",
		Match: engine.MakeMap(map[string]string{"package": "network"}), Timeout: time.Second})
	d.Fire("config.change", map[string]string{"package": "dhcp"})
	d.Fire("config.change", map[string]string{"package": "network"})
	result(t, results)
	if got := <-acted; got != "restart web" {
		t.Errorf("did %q", got)
	}
}

func TestCheckFindsTheProgram(t *testing.T) {
	d, _ := newDriver(t, nil)
	if err := d.Check(command("x", "no-such-program")); err == nil || !strings.Contains(err.Error(), "no-such-program") {
		t.Errorf("got %v", err)
	}
}
