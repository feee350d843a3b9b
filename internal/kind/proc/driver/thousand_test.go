// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ucid/internal/engine"
	"ucid/internal/kind/proc"
)

// A daemon is killed over a thousand children in the middle of what they say: the next one
// adopts them all and has every line once.
func TestKillOverThousand(t *testing.T) {
	const many = 1000
	dir := t.TempDir()
	var wants []proc.Proc
	for i := range many {
		p := sh(fmt.Sprintf("%s/%d", own("k"), i), fmt.Sprintf("echo %d a; echo %d b; echo %d c; exec sleep 100000", i, i, i))
		p.Stderr = false
		wants = append(wants, p)
	}
	underDaemon(t, dir, wants...)
	d, events := open(t, dir)
	for _, i := range d.List() {
		if i.State != "running" || !alive(i.Pid) {
			t.Fatalf("%+v", i)
		}
	}
	all, err := d.Observe(context.Background())
	if err != nil || len(all) != many {
		t.Fatalf("%d are adopted, %v", len(all), err)
	}
	for i, p := range wants {
		eventually(t, p.Name+" has said all", func() bool { return len(d.Logs(p.Name, 0)) >= 3 })
		if got, want := texts0(d, p.Name), fmt.Sprintf("%d a\n%d b\n%d c\n", i, i, i); got != want {
			t.Fatalf("%s: %q, want %q", p.Name, got, want)
		}
		if n := events.count(EventStarted, p.Name); n != 0 {
			t.Fatalf("%s was started %d times again", p.Name, n)
		}
	}
	removeAll(t, d)
}

func soak() bool { return os.Getenv("UCID_SOAK") != "" }

func cpuTime(t *testing.T) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Children that do nothing cost nothing. UCID_SOAK=1 looks for 20 s at 1,000 of them.
func TestIdle(t *testing.T) {
	many, window := 20, 200*time.Millisecond
	if soak() {
		many, window = 1000, 20*time.Second
	}
	d, _ := open(t, t.TempDir())
	var changes []engine.Change[proc.Proc]
	for i := range many {
		changes = append(changes, engine.Change[proc.Proc]{Op: engine.Create, New: sleeper(fmt.Sprint("idle/", i))})
	}
	if errs := d.Apply(context.Background(), changes); errs != nil {
		t.Fatal(errs)
	}
	for _, c := range changes {
		waitState(t, d, c.New.Name, running)
	}
	before := cpuTime(t)
	<-time.After(window) // what is measured is that nothing happens
	if used := cpuTime(t) - before; used > 50*time.Millisecond {
		t.Errorf("%v of CPU time in %v", used, window)
	}
}
