// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ucid/internal/engine"
	"ucid/internal/kind/proc"
)

func every(check string, restart bool) proc.Health {
	return proc.Health{Check: check, Interval: 20 * time.Millisecond, Timeout: patience, Retries: 2, Restart: restart}
}

func TestHealthRestarts(t *testing.T) {
	d, events := open(t, t.TempDir())
	well := filepath.Join(t.TempDir(), "well")
	write(t, well, "")
	p := sleeper("web")
	p.Health = every("exec:test -e "+well, true)
	p.Respawn = proc.Respawn{On: true, Threshold: time.Hour, Retry: 1}
	create(t, d, p)
	pid := waitState(t, d, "web", running).Pid
	if s := status(t, d, "web").Health; s != "ok" {
		t.Errorf("health %q", s)
	}
	if err := os.Remove(well); err != nil {
		t.Fatal(err)
	}
	waitState(t, d, "web", failed) // once restarted, then the budget is used up
	if alive(pid) || events.count(EventUnhealthy, "web") < 2 {
		t.Errorf("unhealthy %d times", events.count(EventUnhealthy, "web"))
	}
	write(t, well, "")
	act(t, d, "web", "start")
	waitState(t, d, "web", running)
}

// Without respawn a restart was asked for all the same.
func TestHealthRestartsWithoutRespawn(t *testing.T) {
	d, _ := open(t, t.TempDir())
	well := filepath.Join(t.TempDir(), "well")
	p := sh("web", "touch "+well+"; exec sleep 100000")
	p.Health = every("exec:test -e "+well, true)
	create(t, d, p)
	pid := waitState(t, d, "web", running).Pid
	eventually(t, "it has made the file", func() bool { return os.Remove(well) == nil })
	eventually(t, "it is restarted", func() bool {
		i := status(t, d, "web")
		return i.State == "running" && i.Pid != pid
	})
}

func TestHealthEventOnly(t *testing.T) {
	d, events := open(t, t.TempDir())
	socket := filepath.Join(t.TempDir(), "socket")
	p := sleeper("web")
	p.Health = every("unix:"+socket, false)
	create(t, d, p)
	pid := waitState(t, d, "web", running).Pid
	eventually(t, "it is said", func() bool { return events.count(EventUnhealthy, "web") == 1 })
	eventually(t, "it fails on", func() bool { return strings.Contains(status(t, d, "web").Health, "5 times in a row") })
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	eventually(t, "it is well", func() bool { return events.count(EventHealthy, "web") == 1 })
	if n := events.count(EventUnhealthy, "web"); n != 1 || status(t, d, "web").Pid != pid {
		t.Errorf("told %d times, or restarted", n)
	}
	changed := p
	changed.Health = proc.Health{}
	modify(t, d, p, changed)
	if i := status(t, d, "web"); i.Health != "" || i.Pid != pid {
		t.Errorf("%+v", i)
	}
}

// Each way to look, with an answer and without one.
func TestAsk(t *testing.T) {
	d, _ := open(t, t.TempDir())
	answer := func(text string) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = c.Read(make([]byte, 1000))
				_, _ = c.Write([]byte(text))
				c.Close()
			}
		}()
		return l.Addr().String()
	}
	for _, test := range []struct{ check, want string }{
		{"tcp:" + answer(""), ""},
		{"tcp:127.0.0.1:1", "refused"},
		{"http:" + answer("HTTP/1.1 204 No Content\r\n\r\n") + "/ping?x", ""},
		{"http:" + answer("HTTP/1.0 302 Found\r\n"), ""},
		{"http:" + answer("HTTP/1.1 503 Busy\r\n"), "status 503"},
		{"http:" + answer("220 mail\r\n"), "no answer of HTTP"},
		{"http:" + answer(""), "no answer of HTTP"},
		{"http:" + answer(strings.Repeat("x", 5000)), "no answer of HTTP"},
		{"exec:true", ""},
		{"exec:false", "exit status 1"},
		{"exec:/no/such/program", "no such file"},
		{"unix:/no/such/socket", "no such file"},
		{"moon:full", "no check"},
	} {
		err := d.ask(sleeper("web"), test.check, patience)
		if err == nil {
			err = errors.New("")
		}
		if test.want == "" && err.Error() != "" || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.check, err, test.want)
		}
	}
	if err := d.ask(sleeper("web"), "exec:sleep 100000", 50*time.Millisecond); err == nil || !strings.Contains(err.Error(), "did not end") {
		t.Errorf("a hung check: %v", err)
	}
}

func TestHooks(t *testing.T) {
	d, _ := open(t, t.TempDir())
	dir := t.TempDir()
	note := func(what string) engine.List {
		return engine.MakeList("sh", "-c", "echo said "+what+"; echo "+what+" >> notes")
	}
	p := sh("web", `echo run >> notes; test -e stay && exec sleep 100000; exit 1`)
	p.Dir, p.HookLimit = dir, patience
	p.BeforeStart, p.AfterStop, p.OnRespawn = note("before"), note("after"), note("respawn")
	p.Respawn = proc.Respawn{On: true, Threshold: time.Hour, Retry: 1}
	create(t, d, p)
	waitState(t, d, "web", failed)
	notes := func() string {
		data, _ := os.ReadFile(filepath.Join(dir, "notes"))
		return strings.Join(strings.Fields(string(data)), " ")
	}
	const want = "before run after respawn before run after"
	if got := notes(); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	output(t, d, "web", "said respawn")
	write(t, filepath.Join(dir, "stay"), "")
	act(t, d, "web", "start")
	eventually(t, "it runs", func() bool { return strings.HasSuffix(notes(), "before run") })
	waitState(t, d, "web", running)
	apply(t, d, engine.Remove, p, proc.Proc{})
	eventually(t, "it is gone", func() bool { return len(d.List()) == 0 })
	if got := notes(); got != want+" before run after" {
		t.Errorf("\n got %s\nwant %s", got, want+" before run after")
	}
}

// A hook that fails or hangs keeps its process from starting, and no other one.
func TestHookFails(t *testing.T) {
	d, _ := open(t, t.TempDir())
	p := sleeper("bad")
	p.BeforeStart, p.HookLimit = engine.MakeList("sh", "-c", "echo because; exit 3"), patience
	create(t, d, p)
	i := waitState(t, d, "bad", idle)
	if !strings.Contains(i.Text, "before_start") || !strings.Contains(i.Text, "exit status 3") {
		t.Errorf("%+v", i)
	}
	output(t, d, "bad", "because")
	hung := sleeper("hung")
	hung.BeforeStart, hung.HookLimit = engine.MakeList("sh", "-c", "sleep 100000 & sleep 100000"), patience
	create(t, d, hung)
	create(t, d, sleeper("other"))
	waitState(t, d, "other", running)
	if i := status(t, d, "hung"); i.State != "starting" {
		t.Errorf("%+v", i)
	}
	short := hung
	short.Name, short.HookLimit = "short", 100*time.Millisecond
	create(t, d, short)
	if i := waitState(t, d, "short", idle); !strings.Contains(i.Text, "did not end within") {
		t.Errorf("%+v", i)
	}
	if err := d.Close(); err != nil { // and not the end of the daemon either
		t.Error(err)
	}
	d, _ = open(t, filepath.Dir(d.ledger.dir))
	removeAll(t, d)
}

func TestReadyByProgram(t *testing.T) {
	d, _ := open(t, t.TempDir())
	flag := filepath.Join(t.TempDir(), "flag")
	p := sleeper("web")
	p.Ready = "exec:test -e " + flag
	create(t, d, p)
	eventually(t, "it is forked", func() bool { return status(t, d, "web").Pid != 0 })
	if s := status(t, d, "web").State; s != "starting" {
		t.Errorf("%s", s)
	}
	write(t, flag, "")
	waitState(t, d, "web", running)
}

func TestWatchdog(t *testing.T) {
	d, events := open(t, t.TempDir())
	p := sh("web", `echo usec $WATCHDOG_USEC $NOTIFY_SOCKET; exec sleep 100000`)
	p.Watchdog = time.Hour
	p.Respawn = proc.Respawn{On: true}
	create(t, d, p)
	if s := output(t, d, "web", "usec "); !strings.HasPrefix(s, "3600000000 @ucid-notify-") {
		t.Errorf("%q", s)
	}
	pid := waitState(t, d, "web", running).Pid
	d.mu.Lock()
	d.procs["web"].care.ping = time.Now().Add(-2 * time.Hour)
	d.mu.Unlock()
	act(t, d, "web", "watchdog")
	d.mu.Lock()
	p2 := d.procs["web"]
	if time.Since(p2.care.ping) > time.Minute {
		t.Error("the sign of life is not noted")
	}
	p2.care.ping = time.Now().Add(-2 * time.Hour)
	p2.armWatchdog(p.Watchdog)
	d.mu.Unlock()
	eventually(t, "it is restarted", func() bool {
		i := status(t, d, "web")
		return i.State == "running" && i.Pid != pid
	})
	eventually(t, "it is said", func() bool { return events.count(EventUnhealthy, "web") == 1 })
}

// A process that pings lives.
func TestWatchdogPing(t *testing.T) {
	d, _ := open(t, t.TempDir())
	p := proc.Proc{Name: "web", Command: engine.MakeList(self(t), "as-pinger"), Stdout: true, Stderr: true, Watchdog: time.Hour}
	create(t, d, p)
	output(t, d, "web", "up")
	waitState(t, d, "web", running)
	d.mu.Lock()
	d.procs["web"].care.ping = time.Time{}
	d.mu.Unlock()
	eventually(t, "a sign of life comes", func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return !d.procs["web"].care.ping.IsZero()
	})
}

func TestErrorsAreShown(t *testing.T) {
	d, _ := open(t, t.TempDir())
	good := sleeper("web")
	bad := good
	bad.Errors = engine.MakeList("no key", "no certificate")
	create(t, d, bad)
	i := waitState(t, d, "web", failed)
	if i.Pid != 0 || i.Text != "not started: no key; no certificate" {
		t.Errorf("%+v", i)
	}
	if h := d.Probe(bad); h.State != engine.Stopped {
		t.Errorf("an apply would be undone: %+v", h)
	}
	act(t, d, "web", "start")
	if i := waitState(t, d, "web", failed); i.Pid != 0 {
		t.Errorf("%+v", i)
	}
	modify(t, d, bad, good)
	pid := waitState(t, d, "web", running).Pid
	modify(t, d, good, bad)
	waitState(t, d, "web", failed)
	if alive(pid) {
		t.Error("it runs on with errors")
	}
}

func TestCheckHealth(t *testing.T) {
	d, _ := open(t, t.TempDir())
	for want, change := range map[string]func(*proc.Proc){
		"none of":         func(p *proc.Proc) { p.Health = every("ping:x", true) },
		"http:HOST":       func(p *proc.Proc) { p.Health = every("http:x", true) },
		"unix:PATH":       func(p *proc.Proc) { p.Health = every("unix:x", true) },
		"interval":        func(p *proc.Proc) { p.Health.Check = "tcp:x:1" },
		"no-such-program": func(p *proc.Proc) { p.Health = every("exec:no-such-program", true) },
		"no-such-hook":    func(p *proc.Proc) { p.AfterStop, p.HookLimit = engine.MakeList("no-such-hook"), 1 },
		"has to end":      func(p *proc.Proc) { p.BeforeStart = engine.MakeList("true") },
		"empty":           func(p *proc.Proc) { p.Ready = "exec:" },
		"watchdog":        func(p *proc.Proc) { p.Watchdog = -1 },
	} {
		p := sleeper("web")
		change(&p)
		if err := d.Check(p); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
}
