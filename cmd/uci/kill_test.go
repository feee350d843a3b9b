// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// crash is a command that is interrupted in all possible places.
type crash struct {
	name   string
	config string
	before [][]string // commands that run undisturbed
	args   []string
	again  bool // running it once more has to give the new state
}

const crashConfig = "config t 'a'\n\toption x '1'\n\tlist l 'one'\n"

var crashes = []crash{
	{"commit", crashConfig, [][]string{{"add_list", "p.a.l=two"}, {"add", "p", "t"}, {"set", "p.a.x=2"}}, []string{"commit", "p"}, true},
	{"set", crashConfig, [][]string{{"add_list", "p.a.l=two"}}, []string{"set", "p.a.x=2"}, true},
	{"first-set", crashConfig, nil, []string{"set", "p.a.x=2"}, true},
	{"revert", crashConfig, [][]string{{"set", "p.a.x=2"}, {"add_list", "p.a.l=two"}, {"set", "p.b=t"}}, []string{"revert", "p.a.x"}, true},
	{"revert-all", crashConfig, [][]string{{"set", "p.a.x=2"}, {"add_list", "p.a.l=two"}}, []string{"revert", "p"}, true},
	{"add", crashConfig, nil, []string{"add", "p", "t"}, false},
}

// changing are the system calls that change something, or hold or free what others wait for.
var changing = []string{"openat", "write", "pwrite64", "fsync", "renameat", "renameat2", "rename", "ftruncate",
	"unlinkat", "unlink", "symlinkat", "fchmod", "fchown", "flock", "close", "mkdirat", "exit_group"}

// soak is set for the tests that take hours.
var soak = os.Getenv("UCID_SOAK") == "1"

// begin makes a lab in which the command is about to run.
func (c crash) begin(t *testing.T) *lab {
	t.Helper()
	l := newLab(t, c.config)
	for _, args := range c.before {
		l.must(args...)
	}
	return l
}

// state is what a user sees: the configuration with the changes that wait.
func state(l *lab) string { return l.must("-n", "export", "p") }

// calls gives the system calls of an undisturbed run, as name and count.
func (c crash) calls(t *testing.T) map[string]int {
	t.Helper()
	l := c.begin(t)
	log := filepath.Join(l.dir, "strace")
	l.wrap = []string{"strace", "-f", "-qq", "-o", log}
	l.must(c.args...)
	data, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	counts := make(map[string]int)
	for _, m := range regexp.MustCompile(`(?m)^\d+ +(\w+)\(`).FindAllStringSubmatch(string(data), -1) {
		counts[m[1]]++
	}
	return counts
}

// sites gives the places to interrupt: each call of each kind.
func (c crash) sites(t *testing.T) (sites []string) {
	t.Helper()
	for name, n := range c.calls(t) {
		if !soak && !slices.Contains(changing, name) || name == "execve" {
			continue
		}
		for i := range n {
			sites = append(sites, fmt.Sprintf("%s:when=%d", name, i+1))
		}
	}
	slices.Sort(sites)
	return sites
}

func TestKilledAnywhere(t *testing.T) {
	requireStrace(t)
	for _, c := range crashes {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			before, after := c.outcomes(t)
			killed := 0
			for _, site := range c.sites(t) {
				if c.kill(t, strings.Replace(site, ":", ":signal=KILL:", 1), before, after) {
					killed++
				}
			}
			if killed < 10 {
				t.Errorf("killed only %d times", killed)
			}
		})
	}
}

// outcomes gives the states before and after.
func (c crash) outcomes(t *testing.T) (before, after string) {
	l := c.begin(t)
	before = state(l)
	l.must(c.args...)
	return before, state(l)
}

// kill runs the command with a fault and checks what is left of it.
func (c crash) kill(t *testing.T, inject, before, after string) (hit bool) {
	t.Helper()
	l := c.begin(t)
	committed := l.file("config/p")
	_, _, exit := c.interrupted(l, inject)
	if got := state(l); got != before && got != after {
		t.Errorf("%s: neither the old nor the new state: %s", inject, got)
	}
	if got := l.file("config/p"); got != committed && c.name != "commit" {
		t.Errorf("%s: the configuration has changed: %s", inject, got)
	}
	c.rerun(t, l, inject, after)
	return exit != 0
}

func (c crash) interrupted(l *lab, inject string) (stdout, stderr string, exit int) {
	name, _, _ := strings.Cut(inject, ":")
	wrapped := *l
	wrapped.wrap = []string{"strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + name, "-e", "inject=" + inject}
	return wrapped.run(c.args...)
}

// rerun runs the command once more: the result has to be as if it had run once, and nothing
// may be left over.
func (c crash) rerun(t *testing.T, l *lab, inject, after string) {
	t.Helper()
	if !c.again {
		return
	}
	l.must(c.args...)
	l.must("commit", "p")
	l.must("set", "p.a.last=1")
	l.must("revert", "p.a.last")
	want, _ := strings.CutSuffix(after, "\n")
	if got, _ := strings.CutSuffix(state(l), "\n"); got != want {
		t.Errorf("%s: after a second run:\n%s\nwant:\n%s", inject, got, want)
	}
	for _, dir := range []string{l.conf, l.save} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Name() != "p" && !strings.HasSuffix(e.Name(), ".committing") {
				t.Errorf("%s: %s is left over", inject, e.Name())
			}
		}
	}
}

// TestFailingAnywhere lets each system call that can run out of space or fail do so: the
// state is the old or the new one, and success is reported only for the new one.
// (Not close: strace would keep the file open, and its lock.)
func TestFailingAnywhere(t *testing.T) {
	requireStrace(t)
	faults := []string{"ENOSPC", "EIO"}
	if soak {
		faults = append(faults, "EROFS", "EDQUOT")
	}
	failing := []string{"write", "pwrite64", "fsync", "renameat", "ftruncate", "symlinkat", "unlinkat", "fchmod", "openat"}
	for _, c := range crashes {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			before, after := c.outcomes(t)
			for _, site := range c.sites(t) {
				name, when, _ := strings.Cut(site, ":")
				if !slices.Contains(failing, name) {
					continue
				}
				for _, fault := range faults {
					c.fail(t, name+":error="+fault+":"+when, before, after)
				}
			}
		})
	}
}

func (c crash) fail(t *testing.T, inject, before, after string) {
	t.Helper()
	l := c.begin(t)
	_, stderr, exit := c.interrupted(l, inject)
	got := state(l)
	switch {
	case got != before && got != after:
		t.Errorf("%s: neither the old nor the new state: %s", inject, got)
	case exit == 0 && got != after:
		t.Errorf("%s: success is reported for the old state", inject)
	case exit != 0 && exit != 2 && stderr == "" && !strings.HasPrefix(inject, "write:"):
		t.Errorf("%s: exit %d without a message", inject, exit)
	}
	if exit <= 4 { // not a crash of the Go runtime, which cannot do without its own files
		c.rerun(t, l, inject, after)
	}
}

func requireStrace(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("strace"); err != nil {
		t.Fatal("strace is needed (apt-get install strace)")
	}
}
