// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ucid/internal/engine"
	"ucid/internal/kind/proc"
)

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// differs reports whether a plan would change p.
func differs(t *testing.T, d *Driver, p proc.Proc) (proc.Proc, bool) {
	t.Helper()
	all, err := d.Observe(context.Background())
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	return all[0], all[0] != p
}

// Content, appearance and disappearance of a file are changes of the process; a touch is none.
func TestChangedFile(t *testing.T) {
	d, _ := open(t, t.TempDir())
	path := filepath.Join(t.TempDir(), "conf")
	p := sleeper("web")
	p.Files = engine.MakeList(path)
	create(t, d, p)
	pid := waitState(t, d, "web", running).Pid
	for _, step := range []struct {
		what string
		do   func() error
		want bool
	}{
		{"nothing", func() error { return nil }, false},
		{"appears", func() error { return os.WriteFile(path, []byte("one"), 0o644) }, true},
		{"touched", func() error { return os.Chtimes(path, time.Now(), time.Now()) }, false},
		{"changed", func() error { return os.WriteFile(path, []byte("two"), 0o644) }, true},
		{"gone", func() error { return os.Remove(path) }, true},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		old, got := differs(t, d, p)
		if got != step.want {
			t.Fatalf("%s: differs %v, want %v", step.what, got, step.want)
		}
		if !got {
			continue
		}
		c := engine.Change[proc.Proc]{Op: engine.Modify, Old: old, New: p}
		if s := d.Effect(c); s != "restarts the process" {
			t.Errorf("%s: the forecast is %q", step.what, s)
		}
		modify(t, d, old, p)
		eventually(t, step.what+": it is restarted", func() bool {
			i := status(t, d, "web")
			return i.State == "running" && i.Pid != pid
		})
		pid = status(t, d, "web").Pid
		if _, again := differs(t, d, p); again {
			t.Fatalf("%s: it still differs after the restart", step.what)
		}
	}
}

func TestChangedFileWithSignal(t *testing.T) {
	dir, path := t.TempDir(), filepath.Join(t.TempDir(), "conf")
	d, _ := open(t, dir)
	write(t, path, "one")
	p := sh("web", `trap 'echo reloaded' HUP; echo up; while :; do sleep 0.01; done`)
	p.Files, p.Reload = engine.MakeList(path), 1
	create(t, d, p)
	output(t, d, "web", "up")
	pid := waitState(t, d, "web", running).Pid
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, path, "two") // while no daemon looks
	d, _ = open(t, dir)
	old, got := differs(t, d, p)
	if !got {
		t.Fatal("the change is not seen by the next daemon")
	}
	c := engine.Change[proc.Proc]{Op: engine.Modify, Old: old, New: p}
	if s := d.Effect(c); s != "sends SIGHUP, no restart" {
		t.Errorf("the forecast is %q", s)
	}
	modify(t, d, old, p)
	output(t, d, "web", "reloaded")
	if _, again := differs(t, d, p); again || status(t, d, "web").Pid != pid {
		t.Error("it differs still, or was restarted")
	}
}

// What needs no restart is taken over by the child that runs.
func TestTakenOverInPlace(t *testing.T) {
	d, _ := open(t, t.TempDir())
	p := sh("web", `trap 'echo again' USR1; echo up; while :; do sleep 0.01; done`)
	p.TermAfter = time.Hour
	create(t, d, p)
	output(t, d, "web", "up")
	pid := waitState(t, d, "web", running).Pid
	old := p
	p.Respawn, p.TermAfter, p.Stdout, p.Reload = proc.Respawn{On: true}, time.Second, false, 10
	if s := d.Effect(engine.Change[proc.Proc]{Op: engine.Modify, Old: old, New: p}); s != "in place, nothing restarts" {
		t.Errorf("the forecast is %q", s)
	}
	modify(t, d, old, p)
	act(t, d, "web", "reload") // by the signal it has now; the line is read and dropped
	modify(t, d, p, old)       // back: the child has its output still
	if i := status(t, d, "web"); i.Pid != pid || i.State != "running" {
		t.Errorf("%+v", i)
	}
	modify(t, d, old, p)
	kill9(pid)
	eventually(t, "the new respawn counts", func() bool {
		i := status(t, d, "web")
		return i.State == "running" && i.Pid != pid
	})
	pid = status(t, d, "web").Pid
	modify(t, d, p, old) // this child has no place for output that is wanted again
	eventually(t, "it is restarted", func() bool {
		i := status(t, d, "web")
		return i.State == "running" && i.Pid != pid
	})
}
