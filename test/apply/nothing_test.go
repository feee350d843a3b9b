// SPDX-License-Identifier: Apache-2.0

package apply_test

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"ucid/internal/control"
	"ucid/internal/rtnl"
	"ucid/test/lab"
)

const sleeper = `
config process 'sleeper'
	list command 'sleep'
	list command '100000'
`

// startTraced runs the daemon as a traced program and waits until it answers.
func startTraced(r *lab.Router) *tracee {
	r.T.Helper()
	p := tracedDaemon(r)
	r.Await()
	return p
}

func tracedDaemon(r *lab.Router) *tracee {
	r.T.Helper()
	cmd := r.Command("run")
	cmd.Stderr = nil
	return trace(r.T, cmd)
}

// sleeps reports whether the process sleeper runs.
func sleeps(r *lab.Router) error {
	for _, p := range r.Services() {
		if p.Name == "sleeper" && p.State == "running" {
			return nil
		}
	}
	return fmt.Errorf("sleeper does not run")
}

// A reload without a change makes no process, sends no signal, writes no file, and sends
// nothing to the kernel but questions.
func TestNoChangeDoesNothing(t *testing.T) {
	r := lab.New(t)
	r.Write("network", wan+office("192.0.2.9"))
	r.Write("ucid", sleeper)
	p := startTraced(r)
	first := r.Applied()
	lab.Eventually(t, func() error { return sleeps(r) })

	var forks, signals, writes, questions int
	p.watch(func(c call) bool {
		switch {
		case c.forks():
			forks++
		case c.signals():
			signals++
		case c.writes():
			writes++
		case c.nr == unix.SYS_SENDTO:
			questions++
		}
		return false
	})
	for range 3 {
		if c := r.Applied(); c.Outcome != control.Unchanged || c.Revision != first.Revision {
			t.Errorf("%s, revision %d; want unchanged, %d", c.Outcome, c.Revision, first.Revision)
		}
	}
	p.watch(nil)
	if forks+signals+writes != 0 || questions == 0 {
		t.Errorf("%d forks, %d signals, %d writes to files and kernel; want none", forks, signals, writes)
	}
	t.Logf("3 reloads: %d questions to the kernel, and nothing else", questions)
	unix.Kill(p.pid, unix.SIGTERM)
	<-p.ended
}

// The same in this process, where netlink writes are counted.
func TestNoChangeWritesNothingToTheKernel(t *testing.T) {
	r := running(t, wan+office("192.0.2.9"))
	before := rtnl.Writes()
	for range 10 {
		r.Applied()
	}
	r.Restart()
	r.Applied()
	if n := rtnl.Writes() - before; n != 0 {
		t.Errorf("%d netlink writes, want 0", n)
	}
	if got := r.States(); got != "applied" {
		t.Errorf("history: %s, want one revision", got)
	}
}
