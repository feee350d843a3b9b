// SPDX-License-Identifier: Apache-2.0

package daemon_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ucid/internal/control"
	"ucid/test/lab"
)

// Numbers of routes: for the benchmark, and for tests, which the race detector slows down.
const (
	most = 20000
	many = 4000
)

// prefix is the i-th of the many.
func prefix(i int) string { return fmt.Sprintf("10.%d.%d.0/24", i/256, i%256) }

func manyRoutes() string {
	var b strings.Builder
	b.WriteString(wan)
	for i := range many {
		fmt.Fprintf(&b, "\nconfig route 'r%d'\n\toption interface 'wan'\n\toption target '%s'\n\toption gateway '192.0.2.9'\n", i, prefix(i))
	}
	return b.String()
}

// ours counts the routes with our protocol.
func ours(t testing.TB) int {
	t.Helper()
	return len(lab.OurRoutes(t))
}

func TestManyRoutes(t *testing.T) {
	r := running(t, wan)
	r.Applied()
	r.Write("network", manyRoutes())
	if change := r.Applied(); change.Created != many {
		t.Errorf("%d created, want %d", change.Created, many)
	}
	if n := ours(t); n != many {
		t.Errorf("%d routes in the kernel, want %d", n, many)
	}
	viaNow(t, prefix(many-1), "192.0.2.9")
	if change := r.Applied(); change.Outcome != control.Unchanged {
		t.Errorf("again: %s", change.Outcome)
	}
	// A thousand go, and one is wrong.
	text := manyRoutes()
	cut := strings.Index(text, "\nconfig route 'r3000'")
	text = strings.Replace(text[:cut], "192.0.2.9", "192.0.2.300", 1)
	change := applyText(r, text)
	if change.Removed != many-3000 || change.Changed+change.Created != 0 {
		t.Errorf("created %d, changed %d, removed %d; want 0, 0, %d", change.Created, change.Changed, change.Removed, many-3000)
	}
	wantProblem(t, change, "route 'r0'")
	if n := ours(t); n != 3000 {
		t.Errorf("%d routes in the kernel, want 3000", n)
	}
}

// Each one of many sections is wrong: all keep what they have, and it takes no time to speak of.
func TestManyMistakes(t *testing.T) {
	r := running(t, manyRoutes())
	r.Applied()
	change := applyText(r, strings.ReplaceAll(manyRoutes(), "192.0.2.9", "192.0.2.300"))
	if len(change.Problems) != many || change.Outcome != control.Unchanged {
		t.Errorf("%d problems, %s", len(change.Problems), change.Outcome)
	}
	r.Restart()
	if n := ours(t); n != many {
		t.Errorf("%d routes in the kernel, want %d", n, many)
	}
}

func applyText(r *lab.Router, network string) control.Change {
	r.T.Helper()
	r.Write("network", network)
	return r.Apply()
}

// BenchmarkReload20000 is one "uci commit" and one "ucid reload" of 20,000 new routes, by the
// programs as they are shipped, beside "ip -batch" of the same routes.
func BenchmarkReload20000(b *testing.B) {
	bin := b.TempDir()
	build := exec.Command("go", "build", "-C", "../..", "-trimpath", "-ldflags=-s -w", "-o", bin+"/", "./cmd/ucid", "./cmd/uci")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	r := newRouter(b)
	env := r.Env()
	timed := func(stdin string, name string, args ...string) time.Duration {
		b.Helper()
		cmd := exec.Command(name, args...)
		cmd.Env, cmd.Stdin = env, strings.NewReader(stdin)
		began := time.Now()
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%s %v: %v: %.2000s", name, args, err, out)
		}
		return time.Since(began)
	}
	ucid, uci := filepath.Join(bin, "ucid"), filepath.Join(bin, "uci")
	r.Write("network", wan)
	daemon := exec.Command(ucid, "run")
	daemon.Env = env
	if err := daemon.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		daemon.Process.Signal(syscall.SIGTERM)
		daemon.Wait()
	}()
	r.Await()

	var set, add, del bytes.Buffer
	for i := range most {
		fmt.Fprintf(&set, "set network.r%[1]d=route\nset network.r%[1]d.interface=wan\nset network.r%[1]d.target=%[2]s\nset network.r%[1]d.gateway=192.0.2.9\n", i, prefix(i))
		fmt.Fprintf(&add, "route add %s via 192.0.2.9 dev wan proto static\n", prefix(i))
		fmt.Fprintf(&del, "route del %s via 192.0.2.9 dev wan proto static\n", prefix(i))
	}
	tool := []string{"-c", r.Settings.ConfDir, "-t", r.Settings.SaveDir}
	var commit, reload, again, batch time.Duration
	for b.Loop() {
		r.Write("network", wan)
		timed("", ucid, "reload")
		batch += timed(add.String(), "ip", "-batch", "-")
		timed(del.String(), "ip", "-batch", "-")
		timed(set.String(), uci, append(tool, "batch")...)
		commit += timed("", uci, append(tool, "commit")...)
		reload += timed("", ucid, "reload")
		if n := ours(b); n != most {
			b.Fatalf("%d routes in the kernel", n)
		}
		again += timed("", ucid, "reload")
	}
	per := func(d time.Duration) float64 { return float64(d.Milliseconds()) / float64(b.N) }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(per(commit), "ms/commit")
	b.ReportMetric(per(reload), "ms/reload")
	b.ReportMetric(per(again), "ms/no-op")
	b.ReportMetric(per(batch), "ms/ip-batch")
	b.ReportMetric(reload.Seconds()/batch.Seconds(), "reload/ip-batch")
}
