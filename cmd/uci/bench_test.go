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

// benchProcess runs a program again and again and reports its least CPU time, which is what
// is left when nothing else disturbs it.
func benchProcess(b *testing.B, reset func(), argv ...string) {
	b.Helper()
	least := time.Hour
	for b.Loop() {
		reset()
		cmd := exec.Command(argv[0], argv[1:]...)
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
		least = min(least, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
	}
	b.ReportMetric(float64(least.Microseconds())/1000, "cpu-ms")
}

func nothing() {}

// BenchmarkHello is the least a Go program takes: the yardstick for BenchmarkGet.
func BenchmarkHello(b *testing.B) {
	dir := b.TempDir()
	for name, text := range map[string]string{
		"go.mod":  "module hello\n\ngo 1.25\n",
		"main.go": "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(\"hello\") }\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	build := exec.Command("go", "build", "-o", "hello", ".")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	benchProcess(b, nothing, filepath.Join(dir, "hello"))
}

func BenchmarkGet(b *testing.B) {
	dir := benchDir(b, "config t 'a'\n\toption x '1'\n")
	benchProcess(b, nothing, binary, "-c", dir, "-t", dir+"/save", "get", "p.a.x")
}

func BenchmarkGet1MB(b *testing.B) {
	section := "config t\n" + strings.Repeat("\toption name 'some value'\n", 1)
	dir := benchDir(b, strings.Repeat(section, 1<<20/len(section)))
	benchProcess(b, nothing, binary, "-c", dir, "-t", dir+"/save", "get", "p.@t[-1].name")
}

func BenchmarkBatch(b *testing.B) {
	for _, lines := range []int{1000, 10_000} {
		b.Run(fmt.Sprint(lines), func(b *testing.B) {
			dir := benchDir(b, "")
			var script strings.Builder
			for i := range lines {
				if i%10 == 0 {
					fmt.Fprintf(&script, "set p.s%d=t\n", i/10)
				} else {
					fmt.Fprintf(&script, "set p.s%d.o%d=value\n", i/10, i)
				}
			}
			path := filepath.Join(dir, "script.txt")
			if err := os.WriteFile(path, []byte(script.String()), 0o644); err != nil {
				b.Fatal(err)
			}
			reset := func() { os.RemoveAll(dir + "/save") }
			benchProcess(b, reset, binary, "-c", dir, "-t", dir+"/save", "-f", path, "batch")
		})
	}
}

func benchDir(b *testing.B, config string) string {
	b.Helper()
	dir := b.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "p"), []byte(config), 0o644); err != nil {
		b.Fatal(err)
	}
	return dir
}
