// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	procdriver "ucid/internal/kind/proc/driver"
)

// Services are the processes that the daemon supervises.
func (r *Router) Services() []procdriver.Info {
	r.T.Helper()
	return Must[[]procdriver.Info](r, "service.list", nil)
}

// Child waits until a process runs, with another pid if one is given, and returns its pid.
func (r *Router) Child(name string, other ...int) int {
	r.T.Helper()
	pid := 0
	Eventually(r.T, func() error {
		all := r.Services()
		for _, p := range all {
			if p.Name == name && p.State == "running" && (len(other) == 0 || p.Pid != other[0]) {
				pid = p.Pid
				return nil
			}
		}
		return fmt.Errorf("%s does not run: %+v", name, all)
	})
	return pid
}

// Lines is the output of a process that is kept.
func (r *Router) Lines(name string) []string {
	r.T.Helper()
	var all []string
	for _, l := range Must[[]procdriver.Line](r, "logs", map[string]any{"name": name}) {
		all = append(all, l.Text)
	}
	return all
}

// WaitLog waits until a process has written a text.
func (r *Router) WaitLog(name, text string) {
	r.T.Helper()
	Eventually(r.T, func() error {
		lines := r.Lines(name)
		for _, l := range lines {
			if strings.Contains(l, text) {
				return nil
			}
		}
		return fmt.Errorf("%s says %q, not %q", name, lines, text)
	})
}

// StartTime is that of a process (proc(5), field 22 of stat), "" when there is none.
func StartTime(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 20 || fields[0] == "Z" {
		return ""
	}
	return fields[19]
}

// Kill sends a signal. A process that is gone is no mistake.
func Kill(t testing.TB, pid int, sig syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		t.Fatal(err)
	}
}
