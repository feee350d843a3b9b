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

	"ucid/internal/control"
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
func (r *router) startBuilt(program string, args ...string) *exec.Cmd {
	r.t.Helper()
	cmd := r.command(args...)
	cmd.Path, cmd.Args[0] = program, program
	cmd.Stderr = &r.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		if cmd.ProcessState == nil {
			cmd.Process.Kill()
			cmd.Wait()
		}
	})
	r.answers()
	return cmd
}

func (r *router) answers() {
	r.t.Helper()
	eventually(r.t, func() error {
		_, err := ask[control.Status](r, "status", nil)
		return err
	})
}

// The daemon becomes a new program: the same process, the same children; one that is no
// program is not taken.
func TestUpgrade(t *testing.T) {
	r := newRouter(t)
	r.write("ucid", sleeper)
	program := build(t)
	cmd := r.startBuilt(program, "run")
	r.applied()
	pid := r.child("sleeper")
	began, same := startTime(pid), startTime(cmd.Process.Pid)

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
	upgrade := r.command("upgrade")
	upgrade.Stdout, upgrade.Stderr = &out, &out
	if err := upgrade.Run(); err != nil {
		t.Fatalf("%v: %s", err, &out)
	}
	r.answers()
	if exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", cmd.Process.Pid)); err != nil || exe != program {
		t.Errorf("it runs %s, %v", exe, err)
	}
	if startTime(cmd.Process.Pid) != same || startTime(pid) != began || r.child("sleeper") != pid {
		t.Error("another daemon, or another child")
	}

	if err := os.Remove(program); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, []byte("#!/bin/false\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	kill(t, cmd.Process.Pid, syscall.SIGUSR2)
	eventually(t, func() error {
		if !strings.Contains(r.log.String(), "is no good") {
			return errors.New("it does not say that the program is no good")
		}
		return nil
	})
	r.answers()
}

// Below an init the daemon may die; the next one adopts. When all ends, so do the children.
func TestInit(t *testing.T) {
	r := newRouter(t)
	r.write("ucid", sleeper)
	cmd := r.startBuilt(build(t), "run", "--init")
	r.applied()
	pid := r.child("sleeper")
	began := startTime(pid)
	daemon := r.daemonPid()
	if daemon == cmd.Process.Pid {
		t.Fatal("the init is the daemon")
	}
	kill(t, daemon, syscall.SIGKILL)
	eventually(t, func() error {
		if now := r.daemonPid(); now == daemon {
			return errors.New("no new daemon")
		}
		return nil
	})
	r.answers()
	if startTime(pid) != began || r.child("sleeper") != pid {
		t.Error("the child has changed with the daemon")
	}
	kill(t, cmd.Process.Pid, syscall.SIGTERM)
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, r.log.String())
	}
	if startTime(pid) == began {
		t.Error("the child survives the init")
	}
}

func (r *router) daemonPid() int {
	data, _ := os.ReadFile(filepath.Join(r.s.RunDir, "ucid.lock"))
	pid := 0
	_, _ = fmt.Sscan(string(data), &pid)
	return pid
}
