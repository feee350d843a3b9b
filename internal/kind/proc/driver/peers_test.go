// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkPeers does with runit and s6 of Debian what BenchmarkThousand does: 1,000 children
// are started and stopped. Both run one supervisor for each child; RSS is that of all of them.
func BenchmarkPeers(b *testing.B) {
	b.Run("runit", func(b *testing.B) {
		peer(b, "runsvdir", nil, func(pid int, _ string) { _ = unix.Kill(pid, unix.SIGHUP) })
	})
	b.Run("s6", func(b *testing.B) {
		// Its scan takes 500 services unless it is told otherwise.
		peer(b, "s6-svscan", []string{"-c", "1100"}, func(_ int, dir string) { _ = exec.Command("s6-svscanctl", "-t", dir).Run() })
	})
}

func peer(b *testing.B, program string, args []string, stop func(pid int, dir string)) {
	const many = 1000
	if _, err := exec.LookPath(program); err != nil {
		b.Logf("%s is not installed: apt-get install runit s6", program)
		return
	}
	for range b.N {
		dir := b.TempDir()
		for i := range many {
			service := filepath.Join(dir, fmt.Sprint("s", i))
			if err := os.Mkdir(service, 0o755); err != nil {
				b.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(service, "run"), []byte("#!/bin/sh\nexec sleep 100000\n"), 0o755); err != nil {
				b.Fatal(err)
			}
		}
		cmd := exec.Command(program, append(args, dir)...)
		start := time.Now()
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		var tree []procStat
		within(b, func() bool {
			tree = descendants(cmd.Process.Pid)
			return named(tree, "sleep") == many
		})
		b.ReportMetric(float64(time.Since(start).Milliseconds()), "start-all-ms")
		b.ReportMetric(float64(rss(tree)+rssOf(cmd.Process.Pid))/many, "RSS-bytes/child")
		start = time.Now()
		stop(cmd.Process.Pid, dir)
		_ = cmd.Wait()
		within(b, func() bool { return living(tree) == 0 })
		b.ReportMetric(float64(time.Since(start).Milliseconds()), "stop-all-ms")
	}
}

// within polls with a deadline that a slow machine keeps.
func within(b *testing.B, yes func() bool) {
	b.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !yes(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.Fatal("it takes too long")
		}
	}
}

func comm(pid int) string {
	name, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
	return strings.TrimSpace(string(name))
}

func named(tree []procStat, name string) (n int) {
	for _, s := range tree {
		if comm(s.pid) == name {
			n++
		}
	}
	return n
}

func living(tree []procStat) (n int) {
	for _, s := range tree {
		if now, err := readStat(s.pid); err == nil && now.ident == s.ident && !now.zombie() {
			n++
		}
	}
	return n
}

// rss adds up what the supervisors among tree hold.
func rss(tree []procStat) (sum int) {
	for _, s := range tree {
		if comm(s.pid) != "sleep" {
			sum += rssOf(s.pid)
		}
	}
	return sum
}

func rssOf(pid int) int {
	status, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	for line := range lines(status) {
		if key, value := cutField(line); key == "VmRSS" {
			return int(parseBits(strings.TrimSuffix(value, " kB"), 10)) << 10
		}
	}
	return 0
}
