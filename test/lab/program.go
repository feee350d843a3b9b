// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"os"
	"os/exec"
	"testing"

	"ucid/internal/cli"
	procdriver "ucid/internal/kind/proc/driver"
	"ucid/internal/nltest"
)

// asProgram in the environment makes the test binary the program ucid.
const asProgram = "UCID_TEST_AS_PROGRAM"

// Main is for TestMain: it runs the tests on a kernel of their own, or is the program ucid.
func Main(m *testing.M) {
	procdriver.MaybeExec()
	if os.Getenv(asProgram) != "" {
		os.Unsetenv(asProgram)
		os.Exit(cli.Main(os.Args[1:]))
	}
	nltest.Main(m)
}

// Env is the environment of a program on the directories of the router.
func (r *Router) Env() []string {
	s := r.Settings
	return append(os.Environ(), "UCID_SETTINGS=/dev/null",
		"UCID_CONFDIR="+s.ConfDir, "UCID_SAVEDIR="+s.SaveDir, "UCID_RUNDIR="+s.RunDir, "UCID_STATEDIR="+s.StateDir)
}

// Command is ucid as a program of its own, on the directories of the router.
func (r *Router) Command(args ...string) *exec.Cmd {
	r.T.Helper()
	self, err := os.Executable()
	if err != nil {
		r.T.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(r.Env(), asProgram+"=1")
	return cmd
}

// CLI runs a command and returns what it printed, and its status.
func (r *Router) CLI(args ...string) (string, int) {
	r.T.Helper()
	cmd := r.Command(args...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		r.T.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// Launch runs a command that is a daemon and waits until it answers. It is killed at the end
// of the test at the latest.
func (r *Router) Launch(cmd *exec.Cmd) *exec.Cmd {
	r.T.Helper()
	cmd.Stderr = &r.Log
	if err := cmd.Start(); err != nil {
		r.T.Fatal(err)
	}
	r.T.Cleanup(func() {
		if cmd.ProcessState == nil {
			cmd.Process.Kill()
			cmd.Wait()
		}
	})
	r.Await()
	return cmd
}
