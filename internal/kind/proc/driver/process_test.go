// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ucid/internal/engine"
	"ucid/internal/engine/enginetest"
	"ucid/internal/kind/proc"
)

func TestConform(t *testing.T) {
	d, _ := open(t, t.TempDir())
	a, b := sleeper("a"), sh("b/one", "sleep 100000")
	changed := b
	changed.Env = engine.MakeMap(map[string]string{"A": "\xff\x00"[:1], "B": "2"})
	data := a
	data.Data = engine.MakeMap(map[string]string{"x": "y"})
	enginetest.Conform(t, d, []proc.Proc{a}, []proc.Proc{a, b}, []proc.Proc{data, changed}, []proc.Proc{changed})
}

func TestStartStop(t *testing.T) {
	dir := t.TempDir()
	d, events := open(t, dir)
	p := sleeper("web")
	p.Stdout, p.Stderr = true, true
	create(t, d, p)
	i := waitState(t, d, "web", running)
	if !alive(i.Pid) {
		t.Fatalf("pid %d does not run", i.Pid)
	}
	if h := d.Probe(p); h.State != engine.OK {
		t.Errorf("probe: %v", h)
	}
	s, err := readStat(i.Pid)
	if err != nil || s.session != i.Pid || s.pgrp != i.Pid {
		t.Errorf("it is not in a session and group of its own: %+v %v", s, err)
	}
	act(t, d, "web", "stop")
	waitState(t, d, "web", stopped)
	if alive(i.Pid) {
		t.Error("it runs after the stop")
	}
	if h := d.Probe(p); h.State != engine.Stopped {
		t.Errorf("probe after a stop by hand: %v", h)
	}
	act(t, d, "web", "start")
	waitState(t, d, "web", running)
	apply(t, d, engine.Remove, p, proc.Proc{})
	eventually(t, "it is forgotten", func() bool { return len(d.List()) == 0 })
	if n := fileCount(t, dir); n != 1 { // the lock
		t.Errorf("%d files are left", n)
	}
	if n := events.count(EventStarted, "web"); n != 2 {
		t.Errorf("%d starts", n)
	}
}

func TestOutputToTheLastByte(t *testing.T) {
	d, _ := open(t, t.TempDir())
	create(t, d, sh("out", `echo one; echo two >&2; printf 'no end'`))
	waitState(t, d, "out", idle)
	var text []string
	for _, l := range d.Logs("out", 0) {
		text = append(text, l.Stream+":"+l.Text)
	}
	got := strings.Join(text, " ")
	for _, want := range []string{"stdout:one", "stderr:two", "stdout:no end"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q misses %q", got, want)
		}
	}
}

func TestFloodAtStop(t *testing.T) {
	d, _ := open(t, t.TempDir())
	script := `trap 'i=0; while [ $i -lt 900 ]; do echo last $i; i=$((i+1)); done; exit 0' TERM; echo up; while :; do sleep 0.01; done`
	create(t, d, sh("flood", script))
	output(t, d, "flood", "up")
	act(t, d, "flood", "stop")
	waitState(t, d, "flood", stopped)
	n := 0
	for _, l := range d.Logs("flood", 0) {
		if strings.HasPrefix(l.Text, "last ") {
			n++
		}
	}
	if n != 900 {
		t.Errorf("%d of 900 lines printed while stopping arrived", n)
	}
}

func TestLongLines(t *testing.T) {
	d, _ := open(t, t.TempDir())
	create(t, d, sh("long", `head -c 65536 /dev/zero | tr '\0' x; echo; head -c 200000 /dev/zero | tr '\0' y; echo; echo end`))
	waitState(t, d, "long", idle)
	l := d.Logs("long", 0)
	if len(l) != 3 || len(l[0].Text) != 65536 || l[0].Truncated || len(l[1].Text) != 65536 || !l[1].Truncated || l[2].Text != "end" {
		t.Errorf("%d lines", len(l))
		for _, l := range l {
			t.Errorf("%d bytes, truncated %v", len(l.Text), l.Truncated)
		}
	}
}

func TestKillsWhatIgnoresTerm(t *testing.T) {
	d, _ := open(t, t.TempDir())
	name := own("deaf")
	p := sh(name, `trap '' TERM; echo up; while :; do sleep 0.05; done`)
	p.TermAfter = 50 * time.Millisecond
	create(t, d, p)
	output(t, d, name, "up")
	act(t, d, name, "stop")
	i := waitState(t, d, name, stopped)
	if i.Signal != "SIGKILL" || i.ExitCode != 137 {
		t.Errorf("%+v", i)
	}
	if n := grandchildren(name); n != 0 {
		t.Errorf("%d descendants survive", n)
	}
}

func TestKillAtOnce(t *testing.T) {
	d, _ := open(t, t.TempDir())
	p := sh("deaf", `trap '' TERM; echo up; while :; do sleep 0.05; done`)
	p.TermAfter = 0
	create(t, d, p)
	output(t, d, "deaf", "up")
	act(t, d, "deaf", "stop")
	waitState(t, d, "deaf", stopped)
}

// Grandchildren in the group, in a session of their own, with a cleared environment, and
// orphaned before the stop: none survives.
func TestGrandchildren(t *testing.T) {
	for name, script := range map[string]string{
		"group":    `sleep 100000 & echo pid $!; wait`,
		"session":  `setsid sleep 100000 & sleep 0.1; echo pid $(pgrep -P $$ -x sleep || echo $!); wait`,
		"clean":    `env -i setsid sh -c 'echo pid $$; exec sleep 100000' & wait`,
		"orphan":   `(setsid sh -c 'echo pid $$; exec sleep 100000' &) ; sleep 100000`,
		"deaf":     `(setsid sh -c 'trap "" TERM HUP; echo pid $$; while :; do sleep 0.1; done' &) ; sleep 100000`,
		"stopped":  `sh -c 'echo pid $$; kill -STOP $$' & wait`,
		"deadleaf": `sh -c 'sleep 0 & exec sleep 100000' & echo pid $!; wait`,
	} {
		t.Run(name, func(t *testing.T) {
			d, _ := open(t, t.TempDir())
			p := sh(own("tree-"+name), script)
			p.TermAfter = 100 * time.Millisecond
			create(t, d, p)
			pid := number(t, output(t, d, p.Name, "pid "))
			act(t, d, p.Name, "stop")
			waitState(t, d, p.Name, stopped)
			if alive(pid) {
				t.Errorf("pid %d survives", pid)
			}
			if n := grandchildren(p.Name); n != 0 {
				t.Errorf("%d descendants survive", n)
			}
		})
	}
}

// A program that puts itself into the background leaves its child behind; that one goes
// before the next start.
func TestDoubleForkIsNoStart(t *testing.T) {
	d, events := open(t, t.TempDir())
	name := own("double")
	p := sh(name, `(setsid sh -c 'echo pid $$; exec sleep 100000' &) ; sleep 0.1; exit 0`)
	p.Respawn = proc.Respawn{On: true, Threshold: time.Hour, Retry: 1}
	create(t, d, p)
	waitState(t, d, name, failed)
	if n := grandchildren(name); n != 0 {
		t.Errorf("%d descendants survive", n)
	}
	if n := events.count(EventStarted, name); n != 2 {
		t.Errorf("%d starts", n)
	}
}

func TestStoppedChildStops(t *testing.T) {
	d, _ := open(t, t.TempDir())
	create(t, d, sh("frozen", `trap 'echo asked; exit 0' TERM; echo up; while :; do sleep 0.01; done`))
	output(t, d, "frozen", "up")
	act(t, d, "frozen", "signal", "STOP")
	act(t, d, "frozen", "stop")
	i := waitState(t, d, "frozen", stopped)
	output(t, d, "frozen", "asked")
	if i.Signal != "" {
		t.Errorf("it had no chance to end by itself: %+v", i)
	}
}

func TestClosedOutput(t *testing.T) {
	d, _ := open(t, t.TempDir())
	create(t, d, sh("quiet", `echo up; exec >&- 2>&-; exec sleep 100000`))
	output(t, d, "quiet", "up")
	waitState(t, d, "quiet", running)
}

// retry 3 is four starts, as under procd.
func TestCrashLoop(t *testing.T) {
	d, events := open(t, t.TempDir())
	p := sh("crash", `printf 'about to fail\033[2J\n'; exit 3`)
	p.Respawn = proc.Respawn{On: true, Threshold: time.Hour, Retry: 3}
	create(t, d, p)
	i := waitState(t, d, "crash", failed)
	if i.ExitCode != 3 {
		t.Errorf("exit code %d", i.ExitCode)
	}
	if n := events.count(EventStarted, "crash"); n != 4 {
		t.Errorf("%d starts, want 4", n)
	}
	h := d.Probe(p)
	if h.State != engine.Failed || !strings.Contains(h.Text, "code 3") || !strings.Contains(h.Text, "about to fail\ufffd[2J") {
		t.Errorf("probe: %+v", h)
	}
	all, _ := d.Observe(context.Background())
	if len(all) != 1 || all[0] != p {
		t.Errorf("a failed process is supervised still: %v", all)
	}
	act(t, d, "crash", "start") // a fresh budget
	eventually(t, "it is given up again", func() bool { return events.count(EventFailed, "crash") == 2 })
	if n := events.count(EventStarted, "crash"); n != 8 {
		t.Errorf("%d starts, want 8", n)
	}
}

func TestMissingProgramCountsAsCrash(t *testing.T) {
	d, _ := open(t, t.TempDir())
	p := proc.Proc{Name: "none", Command: engine.MakeList("/no/such/program")}
	p.Respawn = proc.Respawn{On: true, Threshold: time.Hour, Retry: 1}
	create(t, d, p)
	i := waitState(t, d, "none", failed)
	if i.ExitCode != 127 || !strings.Contains(i.Text, "/no/such/program") {
		t.Errorf("%+v", i)
	}
}

func TestKilledIsReplaced(t *testing.T) {
	d, _ := open(t, t.TempDir())
	p := sleeper("web")
	p.Respawn = proc.Respawn{On: true, Threshold: time.Hour}
	create(t, d, p)
	old := waitState(t, d, "web", running).Pid
	kill9(old)
	eventually(t, "it is replaced", func() bool {
		i := status(t, d, "web")
		return i.State == "running" && i.Pid != old && i.Restarts == 1
	})
}

func TestPidFile(t *testing.T) {
	d, _ := open(t, t.TempDir())
	p := sleeper("web")
	p.PidFile = filepath.Join(t.TempDir(), "web.pid")
	create(t, d, p)
	pid := waitState(t, d, "web", running).Pid
	data, err := os.ReadFile(p.PidFile)
	if err != nil || number(t, string(data)) != pid {
		t.Errorf("%q %v", data, err)
	}
	kill9(pid)
	eventually(t, "the pid file is gone after a crash", func() bool {
		_, err := os.Stat(p.PidFile)
		return os.IsNotExist(err)
	})
}

func TestReady(t *testing.T) {
	dir := t.TempDir()
	d, _ := open(t, dir)
	mark := filepath.Join(t.TempDir(), "ready")
	p := sh("slow", `echo up; read x < `+mark+`.go; echo > `+mark+`; exec sleep 100000`)
	p.Ready = "file:" + mark
	if err := makeFIFO(mark + ".go"); err != nil {
		t.Fatal(err)
	}
	create(t, d, p)
	output(t, d, "slow", "up")
	if h := d.Probe(p); h.State != engine.Waiting || h.Limit == 0 {
		t.Errorf("before it is ready: %+v", h)
	}
	if err := os.WriteFile(mark+".go", []byte("\n"), 0); err != nil {
		t.Fatal(err)
	}
	waitState(t, d, "slow", running)
}

// The child, this test binary, says that it is ready as sd_notify(3) does.
func TestReadyByNotification(t *testing.T) {
	d, _ := open(t, t.TempDir())
	gate := filepath.Join(t.TempDir(), "gate")
	if err := makeFIFO(gate); err != nil {
		t.Fatal(err)
	}
	for name, limits := range map[string]engine.Map{"plain": {}, "stub": engine.MakeMap(map[string]string{"core": "0"})} {
		p := proc.Proc{Name: name, Command: engine.MakeList(self(t), "as-notifier", gate), Ready: "notify", Limits: limits}
		p.Stdout = true
		create(t, d, p)
		output(t, d, name, "up")
		if i := status(t, d, name); i.State != "starting" {
			t.Errorf("before it is ready: %+v", i)
		}
		if err := os.WriteFile(gate, []byte("go"), 0); err != nil {
			t.Fatal(err)
		}
		waitState(t, d, name, running)
	}
}

// An orphan that ends while its family still runs leaves no zombie.
func TestOrphansAreReaped(t *testing.T) {
	d, _ := open(t, t.TempDir())
	gate := filepath.Join(t.TempDir(), "gate")
	if err := makeFIFO(gate); err != nil {
		t.Fatal(err)
	}
	create(t, d, sh("web", `(setsid sh -c 'echo pid $$; read x < `+gate+`' &) ; exec sleep 100000`))
	pid := number(t, output(t, d, "web", "pid "))
	if err := os.WriteFile(gate, []byte("\n"), 0); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is reaped", func() bool {
		_, err := readStat(pid)
		return err != nil
	})
	waitState(t, d, "web", running)
}

// What the daemon does not have to change needs no stub.
func TestPlainNeedsNoStub(t *testing.T) {
	s := daemonState{umask: defaultUmask}
	if !s.plain(sleeper("web")) {
		t.Error("a plain child takes the stub")
	}
	now, err := inheritable()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("nice").Output()
	if err != nil || now.nice != number(t, string(out)) {
		t.Errorf("nice is %d, want %s (%v)", now.nice, out, err)
	}
}
