// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ucid/internal/engine"
	"ucid/internal/kind/proc"
)

// bench makes a driver whose starts come over a channel.
func bench(b *testing.B) (*Driver, <-chan Event) {
	b.Helper()
	started := make(chan Event, 4096)
	d, err := New(Options{RunDir: b.TempDir(), Event: func(e Event) {
		if e.What == EventStarted {
			started <- e
		}
	}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { clear2(b, d) })
	return d, started
}

func await(b *testing.B, started <-chan Event, n int) {
	b.Helper()
	for i := range n {
		select {
		case <-started:
		case <-time.After(patience):
			b.Fatalf("%d of %d run", i, n)
		}
	}
}

func createAll(b *testing.B, d *Driver, n int, make func(i int) proc.Proc) {
	b.Helper()
	var changes []engine.Change[proc.Proc]
	for i := range n {
		changes = append(changes, engine.Change[proc.Proc]{Op: engine.Create, New: make(i)})
	}
	if errs := d.Apply(context.Background(), changes); errs != nil {
		b.Fatal(errs)
	}
}

// BenchmarkStart compares the start of a plain child and of one that needs the stub with
// fork and exec alone.
func BenchmarkStart(b *testing.B) {
	b.Run("bare", func(b *testing.B) {
		var pids []int
		env := environment(sleeper("bare"), ownAccount(), "bare:0") // a locale costs the child time
		for b.Loop() {
			pid, err := syscall.ForkExec("/bin/sleep", []string{"sleep", "100000"}, &syscall.ProcAttr{
				Env: env, Sys: &syscall.SysProcAttr{Setsid: true},
			})
			if err != nil {
				b.Fatal(err)
			}
			pids = append(pids, pid)
		}
		b.StopTimer()
		for _, pid := range pids {
			kill9(pid)
			_, _ = unix.Wait4(pid, nil, 0, nil)
		}
	})
	captured := func(i int) proc.Proc {
		p := sleeper(fmt.Sprint("web/", i))
		p.Stdout, p.Stderr = true, true
		return p
	}
	for name, make := range map[string]func(i int) proc.Proc{
		"plain":    func(i int) proc.Proc { return sleeper(fmt.Sprint("web/", i)) },
		"captured": captured,
		"stub": func(i int) proc.Proc {
			p := sleeper(fmt.Sprint("web/", i))
			p.Limits = engine.MakeMap(map[string]string{"core": "0"})
			return p
		},
	} {
		b.Run(name, func(b *testing.B) {
			d, started := bench(b)
			b.ResetTimer()
			createAll(b, d, b.N, make)
			await(b, started, b.N)
			b.StopTimer()
			removeAll(b, d)
		})
	}
}

// BenchmarkThousand measures 1,000 children: memory, a plan without a change, stopping all.
func BenchmarkThousand(b *testing.B) {
	const many = 1000
	for range b.N {
		d, started := bench(b)
		before := resident(b)
		start := time.Now()
		createAll(b, d, many, func(i int) proc.Proc { return sleeper(fmt.Sprint("web/", i)) })
		await(b, started, many)
		b.ReportMetric(float64(time.Since(start).Milliseconds()), "start-all-ms")
		b.ReportMetric(float64(resident(b)-before)/many, "RSS-bytes/child")
		start = time.Now()
		if all, _ := d.Observe(context.Background()); len(all) != many {
			b.Fatal(len(all))
		}
		b.ReportMetric(float64(time.Since(start).Microseconds()), "observe-µs")
		start = time.Now()
		removeAll(b, d)
		b.ReportMetric(float64(time.Since(start).Milliseconds()), "stop-all-ms")
		d.Close()
		b.ReportMetric(float64(bareStop(b, many).Milliseconds()), "bare-stop-ms")
	}
}

// bareStop is how long as many children take to end when nobody looks after them.
func bareStop(b *testing.B, many int) time.Duration {
	b.Helper()
	var pids []int
	for range many {
		pid, err := syscall.ForkExec("/bin/sleep", []string{"sleep", "100000"}, &syscall.ProcAttr{Sys: &syscall.SysProcAttr{Setsid: true}})
		if err != nil {
			b.Fatal(err)
		}
		pids = append(pids, pid)
	}
	start := time.Now()
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGTERM)
	}
	for _, pid := range pids {
		_, _ = unix.Wait4(pid, nil, 0, nil)
	}
	return time.Since(start)
}

func resident(b *testing.B) int {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	for line := range lines(status) {
		if key, value := cutField(line); key == "VmRSS" {
			return int(parseBits(strings.TrimSuffix(value, " kB"), 10)) << 10
		}
	}
	return 0
}

// BenchmarkReplace measures the time from SIGKILL to the replacement's pid.
func BenchmarkReplace(b *testing.B) {
	d, started := bench(b)
	var took []time.Duration
	for n := range b.N {
		p := sleeper(fmt.Sprint("web/", n))
		p.Respawn = proc.Respawn{On: true}
		createAll(b, d, 1, func(int) proc.Proc { return p })
		old := (<-started).Pid
		start := time.Now()
		kill9(old)
		took = append(took, (<-started).Time.Sub(start))
		removeAll(b, d)
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "median-µs")
}

// BenchmarkCapture measures lines of 100 bytes; none may be lost.
func BenchmarkCapture(b *testing.B) {
	d, _ := open(b, b.TempDir())
	line := strings.Repeat("x", 99)
	p := sh("flood", fmt.Sprintf("yes %s | head -n %d; echo end", line, b.N))
	ring := d.ring("flood")
	total := 0
	f := ring.follow(-1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for l := range f.lines {
			total += l.Dropped + 1
			if l.Text == "end" {
				return
			}
		}
	}()
	b.ResetTimer()
	create(b, d, p)
	waitState(b, d, "flood", idle)
	b.StopTimer()
	if l := d.Logs("flood", 1); len(l) != 1 || l[0].Text != "end" {
		b.Fatalf("the last line is %v", l)
	}
	select {
	case <-done:
	default:
		ring.add([]Line{{Text: "end"}}) // the follower was behind: this tells it how many it lost
		<-done
		total--
	}
	if total != b.N+1 {
		b.Fatalf("%d lines of %d", total, b.N+1)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}
