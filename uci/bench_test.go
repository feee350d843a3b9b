// SPDX-License-Identifier: Apache-2.0

package uci

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// shapes are the forms in which a file grows; each makes one of about that many bytes.
var shapes = map[string]func(size int) (text string, options int){
	"anonymous": func(size int) (string, int) { return sectionsOf(size, "config t\n") },
	"named":     func(size int) (string, int) { return sectionsOf(size, "config t 's%d'\n") },
	"options":   func(size int) (string, int) { return linesOf(size, "\toption name%d 'some value'\n") },
	"list":      func(size int) (string, int) { return linesOf(size, "\tlist name 'item number %d'\n") },
	"long values": func(size int) (string, int) {
		return linesOf(size, "\toption name%d '"+strings.Repeat("0123456789abcdef", 512)+"'\n")
	},
}

func sectionsOf(size int, head string) (string, int) {
	var b strings.Builder
	n := 0
	for b.Len() < size {
		if strings.Contains(head, "%d") {
			fmt.Fprintf(&b, head, n)
		} else {
			b.WriteString(head)
		}
		for i := range 8 {
			fmt.Fprintf(&b, "\toption name%d 'some value'\n", i)
			n++
		}
	}
	return b.String(), n
}

func linesOf(size int, line string) (string, int) {
	var b strings.Builder
	b.WriteString("config t 's'\n")
	n := 0
	for b.Len() < size {
		fmt.Fprintf(&b, line, n)
		n++
	}
	return b.String(), n
}

// cpuTime is what the process has used so far, in all threads: the garbage collector counts.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// leastCPU gives the CPU time of one run of f: the least of several rounds, which is what is
// left when the machine has nothing else to do.
func leastCPU(f func()) time.Duration {
	const rounds, enough = 12, 25 * time.Millisecond
	least := time.Hour
	for range rounds {
		runs := time.Duration(0)
		start := cpuTime()
		for cpuTime()-start < enough {
			f()
			runs++
		}
		least = min(least, (cpuTime()-start)/runs)
	}
	return least
}

// BenchmarkParse shows that the cost grows with the size alone. Wanted in every shape: at
// least 200 cpu-MB/s, or at most 150 cpu-ns/option; at most 0.2 allocs/option.
func BenchmarkParse(b *testing.B) {
	for name, shape := range shapes {
		for _, size := range []int{100 << 10, 1 << 20, 10 << 20} {
			b.Run(fmt.Sprintf("%s/%dKB", name, size>>10), func(b *testing.B) {
				text, options := shape(size)
				data := []byte(text)
				parse := func() {
					if _, err := Parse("p", "p", data); err != nil {
						b.Fatal(err)
					}
				}
				for b.Loop() {
					parse()
				}
				least := leastCPU(parse)
				b.ReportMetric(float64(len(data))/least.Seconds()/1e6, "cpu-MB/s")
				b.ReportMetric(float64(least.Nanoseconds())/float64(options), "cpu-ns/option")
				b.ReportMetric(testing.AllocsPerRun(1, parse)/float64(options), "allocs/option")
			})
		}
	}
}

func BenchmarkFormat(b *testing.B) {
	text, _ := sectionsOf(1<<20, "config t 's%d'\n")
	p, err := Parse("p", "p", []byte(text))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	buf := make([]byte, 0, 2<<20)
	for b.Loop() {
		buf = Format{}.Append(buf[:0], p)
	}
}

// BenchmarkReplay reads a package with a delta file of 10,000 lines.
func BenchmarkReplay(b *testing.B) {
	dir := b.TempDir()
	var delta strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&delta, "p.s%d='t'\n", i)
	}
	write(b, filepath.Join(dir, "p"), "")
	write(b, filepath.Join(dir, "save", "p"), delta.String())
	for b.Loop() {
		if _, err := Open(dir, filepath.Join(dir, "save")).Package("p"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSetCommit changes one option and commits, by turns with the least that takes: write,
// sync, rename. Wanted are at most 2 times-bare. The changes wait in memory, as they do where
// /tmp is a tmpfs, or on the disk of the configuration.
func BenchmarkSetCommit(b *testing.B) {
	for name, base := range map[string]string{"changes in memory": "/dev/shm", "changes on disk": ""} {
		b.Run(name, func(b *testing.B) {
			dir := b.TempDir()
			saves, err := os.MkdirTemp(base, "uci-bench-")
			if err != nil {
				b.Fatal(err)
			}
			defer os.RemoveAll(saves)
			write(b, filepath.Join(dir, "p"), "config t 'a'\n\toption x '0'\n")
			st := Open(dir, saves)
			ours, bare := make([]time.Duration, 0, 1000), make([]time.Duration, 0, 1000)
			for i := 0; b.Loop(); i++ {
				ours = append(ours, timed(b, func() error {
					return errors.Join(st.Set("p.a.x", fmt.Sprint(i)), st.Commit("p"))
				}))
				bare = append(bare, timed(b, func() error { return bareReplace(filepath.Join(dir, "bare")) }))
			}
			slices.Sort(ours)
			slices.Sort(bare)
			n := len(ours)
			b.ReportMetric(float64(ours[n/2].Microseconds()), "us-median")
			b.ReportMetric(float64(bare[n/2].Microseconds()), "us-median-of-bare")
			b.ReportMetric(float64(ours[n/2])/float64(bare[n/2]), "times-bare")
			b.ReportMetric(float64(ours[n/10])/float64(bare[n/10]), "times-bare-at-best-tenth")
		})
	}
}

func timed(b *testing.B, f func() error) time.Duration {
	start := time.Now()
	if err := f(); err != nil {
		b.Fatal(err)
	}
	return time.Since(start)
}

// bareReplace does what every safe replacement of a file has to do, without the sync of the
// directory that makes it last.
func bareReplace(path string) error {
	f, err := os.Create(path + ".new")
	if err != nil {
		return err
	}
	_, err = f.WriteString("config t 'a'\n\toption x '0'\n")
	return errors.Join(err, f.Sync(), f.Close(), os.Rename(path+".new", path))
}

func write(tb testing.TB, path, text string) {
	tb.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		tb.Fatal(err)
	}
}

// BenchmarkDelete deletes everything, one by one from the front: the cost of each must not
// grow with how many there are.
func BenchmarkDelete(b *testing.B) {
	for _, n := range []int{1000, 10_000, 100_000} {
		text, _ := linesOf(n*34, "\toption name%d 'some value'\n")
		b.Run(fmt.Sprintf("options/%d", n), func(b *testing.B) {
			benchDelete(b, text, func(p *Package) (names [][2]string) {
				for o := range p.Section("s").Options() {
					names = append(names, [2]string{"s", o.Name})
				}
				return names
			})
		})
		text, _ = linesOf(n*14, "config t 's%d'\n")
		b.Run(fmt.Sprintf("sections/%d", n), func(b *testing.B) {
			benchDelete(b, text, func(p *Package) (names [][2]string) {
				for s := range p.Sections() {
					names = append(names, [2]string{s.Name, ""})
				}
				return names
			})
		})
	}
}

func benchDelete(b *testing.B, text string, names func(*Package) [][2]string) {
	least := time.Hour
	var n int
	for b.Loop() {
		p, err := Parse("p", "p", []byte(text))
		if err != nil {
			b.Fatal(err)
		}
		all := names(p)
		n = len(all)
		start := cpuTime()
		for _, name := range all {
			if err := p.Delete(name[0], name[1]); err != nil {
				b.Fatal(err)
			}
		}
		least = min(least, cpuTime()-start)
	}
	b.ReportMetric(float64(least.Nanoseconds())/float64(n), "cpu-ns/delete")
}
