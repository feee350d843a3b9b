// SPDX-License-Identifier: Apache-2.0

package daemon_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"ucid/test/lab"
)

// build makes the program, as it is the one that becomes itself.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ucid")
	out, err := exec.Command("go", "build", "-o", path, "ucid/cmd/ucid").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

// startBuilt runs a built program until it answers.
func startBuilt(r *lab.Router, program string, args ...string) *exec.Cmd {
	r.T.Helper()
	cmd := r.Command(args...)
	cmd.Path, cmd.Args[0] = program, program
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return r.Launch(cmd)
}

// The daemon becomes a new program: the same process, the same children; one that is no
// program is not taken.
func TestUpgrade(t *testing.T) {
	r := newRouter(t)
	r.Write("ucid", sleeper)
	program := build(t)
	cmd := startBuilt(r, program, "run")
	r.Applied()
	pid := r.Child("sleeper")
	began, same := lab.StartTime(pid), lab.StartTime(cmd.Process.Pid)

	good := program + ".good"
	if err := os.Rename(program, good); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(good)
	if err == nil {
		err = os.WriteFile(program, append(data, 0), 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	upgrade := r.Command("upgrade")
	upgrade.Stdout, upgrade.Stderr = &out, &out
	if err := upgrade.Run(); err != nil {
		t.Fatalf("%v: %s", err, &out)
	}
	r.Await()
	if exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", cmd.Process.Pid)); err != nil || exe != program {
		t.Errorf("it runs %s, %v", exe, err)
	}
	if lab.StartTime(cmd.Process.Pid) != same || lab.StartTime(pid) != began || r.Child("sleeper") != pid {
		t.Error("another daemon, or another child")
	}

	if err := os.Remove(program); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, []byte("#!/bin/false\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	lab.Kill(t, cmd.Process.Pid, syscall.SIGUSR2)
	lab.Eventually(t, func() error {
		if !strings.Contains(r.Log.String(), "is no good") {
			return errors.New("it does not say that the program is no good")
		}
		return nil
	})
	r.Await()
}

// Below an init the daemon may die; the next one adopts. When all ends, so do the children.
func TestInit(t *testing.T) {
	r := newRouter(t)
	r.Write("ucid", sleeper)
	cmd := startBuilt(r, build(t), "run", "--init")
	r.Applied()
	pid := r.Child("sleeper")
	began := lab.StartTime(pid)
	daemon := daemonPid(r)
	if daemon == cmd.Process.Pid {
		t.Fatal("the init is the daemon")
	}
	lab.Kill(t, daemon, syscall.SIGKILL)
	lab.Eventually(t, func() error {
		if now := daemonPid(r); now == daemon {
			return errors.New("no new daemon")
		}
		return nil
	})
	r.Await()
	if lab.StartTime(pid) != began || r.Child("sleeper") != pid {
		t.Error("the child has changed with the daemon")
	}
	lab.Kill(t, cmd.Process.Pid, syscall.SIGTERM)
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, r.Log.String())
	}
	if lab.StartTime(pid) == began {
		t.Error("the child survives the init")
	}
}

func daemonPid(r *lab.Router) int {
	data, _ := os.ReadFile(filepath.Join(r.Settings.RunDir, "ucid.lock"))
	pid := 0
	_, _ = fmt.Sscan(string(data), &pid)
	return pid
}
