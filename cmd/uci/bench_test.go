// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const helloSource = `package main

import "fmt"

func main() { fmt.Println("hello") }
`

// meterSource runs a program and prints its CPU time in microseconds and its peak memory in
// KB. It is a small process: a child counts the memory of the one that started it.
const meterSource = `package main

import (
	"fmt"
	"os"
	"syscall"
)

func main() {
	null, _ := os.OpenFile("/dev/null", os.O_RDWR, 0)
	p, err := os.StartProcess(os.Args[1], os.Args[1:], &os.ProcAttr{Env: os.Environ(), Files: []*os.File{null, null, os.Stderr}})
	if err != nil {
		panic(err)
	}
	state, err := p.Wait()
	if err != nil || !state.Success() {
		panic(state)
	}
	use := state.SysUsage().(*syscall.Rusage)
	fmt.Println((use.Utime.Nano()+use.Stime.Nano())/1000, use.Maxrss)
}
`

// bench is what the benchmarks of a process need.
type bench struct {
	*testing.B
	dir, meter, hello, uci string
}

func newBench(b *testing.B) *bench {
	b.Helper()
	m := &bench{B: b, dir: b.TempDir()}
	m.meter, m.hello = m.build("meter", meterSource), m.build("hello", helloSource)
	m.uci = filepath.Join(m.dir, "uci")
	goRun(b, "", "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", m.uci, ".")
	if err := os.Mkdir(filepath.Join(m.dir, "config"), 0o755); err != nil {
		b.Fatal(err)
	}
	return m
}

// build builds a program of one file as the tool is built.
func (m *bench) build(name, source string) string {
	dir := filepath.Join(m.dir, name+".src")
	m.write(filepath.Join(dir, "main.go"), source)
	m.write(filepath.Join(dir, "go.mod"), "module "+name+"\n\ngo 1.25\n")
	path := filepath.Join(m.dir, name)
	goRun(m, dir, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, ".")
	return path
}

func goRun(tb testing.TB, dir string, argv ...string) {
	tb.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("%v: %v\n%s", argv, err, out)
	}
}

func (m *bench) write(path, text string) {
	m.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		m.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		m.Fatal(err)
	}
}

// measure runs a program once.
func (m *bench) measure(argv ...string) (cpu time.Duration, rss float64) {
	m.Helper()
	out, err := exec.Command(m.meter, argv...).CombinedOutput()
	var us, kb int64
	if _, serr := fmt.Sscan(string(out), &us, &kb); err != nil || serr != nil {
		m.Fatalf("%v: %v\n%s", argv, err, out)
	}
	return time.Duration(us) * time.Microsecond, float64(kb)
}

// tool is the command line of the tool on the directories of the benchmark.
func (m *bench) tool(args ...string) []string {
	return append([]string{m.uci, "-c", m.dir + "/config", "-t", m.dir + "/save"}, args...)
}

// against runs the tool and the hello world by turns and reports the least CPU time of both,
// which is what is left when nothing else disturbs them, and the most memory.
func (m *bench) against(reset func(), argv ...string) (cpu time.Duration) {
	cpu, hello, peak := time.Hour, time.Hour, 0.0
	more := m.Loop()
	for n := 0; more || n < 5; n++ {
		reset()
		c, rss := m.measure(argv...)
		h, _ := m.measure(m.hello)
		cpu, hello, peak = min(cpu, c), min(hello, h), max(peak, rss)
		more = more && m.Loop()
	}
	m.ReportMetric(milliseconds(cpu), "cpu-ms")
	m.ReportMetric(milliseconds(hello), "cpu-ms-of-hello")
	m.ReportMetric(float64(cpu)/float64(hello), "times-hello")
	m.ReportMetric(peak/1024, "peak-MB")
	return cpu
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func nothing() {}

// BenchmarkGet: wanted is at most 1.25 times-hello.
func BenchmarkGet(b *testing.B) {
	m := newBench(b)
	m.write(m.dir+"/config/p", "config t 'a'\n\toption x '1'\n")
	m.against(nothing, m.tool("get", "p.a.x")...)
}

// BenchmarkGet1MB: wanted is at most 6 peak-MB from a file of 1 MB. The file of sections with
// one option each is the worst there is.
func BenchmarkGet1MB(b *testing.B) {
	eight := strings.Repeat("\toption name 'some value'\n\tlist other 'some value'\n", 4)
	for name, c := range map[string]struct{ section, wanted string }{
		"named, 8 options":       {"config t 's%d'\n" + eight, "p.s4000.name"},
		"anonymous, 8 options":   {"config t\n" + eight, "p.@t[4000].name"},
		"counted from the end":   {"config t\n" + eight, "p.@t[-1].name"},
		"one option in sections": {"config t\n\toption name 'some value'\n", "p.@t[-1].name"},
	} {
		b.Run(name, func(b *testing.B) {
			m := newBench(b)
			var text strings.Builder
			for i := 0; text.Len() < 1<<20; i++ {
				text.WriteString(strings.Replace(c.section, "%d", fmt.Sprint(i), 1))
			}
			m.write(m.dir+"/config/p", text.String())
			m.against(nothing, m.tool("get", c.wanted)...)
		})
	}
}

// BenchmarkBatch: wanted is at most 20 cpu-ms for 1,000 lines and 200 for 10,000.
func BenchmarkBatch(b *testing.B) {
	for _, lines := range []int{1000, 10_000} {
		b.Run(fmt.Sprint(lines), func(b *testing.B) {
			m := newBench(b)
			var script strings.Builder
			for i := range lines {
				if i%10 == 0 {
					fmt.Fprintf(&script, "set p.s%d=t\n", i/10)
				} else {
					fmt.Fprintf(&script, "set p.s%d.o%d=value\n", i/10, i)
				}
			}
			m.write(m.dir+"/config/p", "")
			m.write(m.dir+"/script", script.String())
			cpu := m.against(func() { os.RemoveAll(m.dir + "/save") }, m.tool("-f", m.dir+"/script", "batch")...)
			b.ReportMetric(float64(cpu.Nanoseconds())/float64(lines), "cpu-ns/line")
		})
	}
}
