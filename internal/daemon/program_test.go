// SPDX-License-Identifier: Apache-2.0

package daemon_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"ucid/internal/control"
)

// command is ucid as a program of its own, on the directories of the router.
func (r *router) command(args ...string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		r.t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), asProgram+"=1", "UCID_SETTINGS=/dev/null",
		"UCID_CONFDIR="+r.s.ConfDir, "UCID_SAVEDIR="+r.s.SaveDir, "UCID_RUNDIR="+r.s.RunDir, "UCID_STATEDIR="+r.s.StateDir)
	return cmd
}

// startProgram runs the daemon as a program and waits until it answers. It is killed at the
// end of the test at the latest.
func (r *router) startProgram() *exec.Cmd {
	r.t.Helper()
	cmd := r.command("run")
	cmd.Stderr = &r.log
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		if cmd.ProcessState == nil {
			cmd.Process.Kill()
			cmd.Wait()
		}
	})
	eventually(r.t, func() error {
		_, err := ask[control.Status](r, "status", nil)
		return err
	})
	return cmd
}

// fails runs a command that has to end with status 1 and words on standard error.
func (r *router) fails(cmd *exec.Cmd, words ...string) {
	r.t.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if cmd.ProcessState.ExitCode() != 1 || !holdsAll(out.String(), words) {
		r.t.Errorf("%v: %q, want status 1 and %q", err, out.String(), words)
	}
	if strings.Contains(out.String(), "goroutine ") {
		r.t.Errorf("a panic: %s", out.String())
	}
}

func TestKilledDaemonIsFollowedByAnother(t *testing.T) {
	r := newRouter(t)
	r.write("network", wan+office)
	r.write("ucid", sleeper)
	first := r.startProgram()
	revision := r.applied().Revision
	pid := r.child("sleeper")
	began := startTime(pid)

	kill(t, first.Process.Pid, syscall.SIGKILL)
	first.Wait()
	if startTime(pid) != began {
		t.Fatal("the child ended with the daemon")
	}
	viaNow(t, "198.51.100.0/24", "192.0.2.9")

	writes := kernelWrites(t)
	second := r.startProgram()
	if got := r.child("sleeper"); got != pid || startTime(pid) != began {
		t.Errorf("pid %d, want %d: the child was not adopted", got, pid)
	}
	if s := r.status(); s.Revision != revision {
		t.Errorf("revision %d, want %d", s.Revision, revision)
	}
	viaNow(t, "198.51.100.0/24", "192.0.2.9")
	if lines := writes(); len(lines) > 0 {
		t.Errorf("the start changed something: %q", lines)
	}
	kill(t, pid, syscall.SIGKILL)
	r.child("sleeper", pid) // an adopted child is supervised like any other

	kill(t, second.Process.Pid, syscall.SIGTERM)
	if err := second.Wait(); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
	viaNow(t, "198.51.100.0/24", "192.0.2.9")
}

func TestOneDaemonForOneDirectory(t *testing.T) {
	r := running(t, wan)
	r.fails(r.command("run"), "another ucid", "UCID_RUNDIR")
	other := r.command("run")
	other.Env = append(other.Env, "UCID_RUNDIR="+t.TempDir(), "UCID_SOCKET="+r.s.Socket)
	r.fails(other, "another ucid answers on "+r.s.Socket)
	r.applied()
}

func TestNotRoot(t *testing.T) {
	r := newRouter(t)
	cmd := r.command("run")
	if mappedUsers() < 65535 { // no other user to be: root without capabilities
		cmd.Args = append([]string{"setpriv", "--bounding-set", "-all", "--"}, append([]string{cmd.Path}, cmd.Args[1:]...)...)
		cmd.Path, _ = exec.LookPath("setpriv")
	} else {
		if err := os.Chmod(filepath.Dir(cmd.Path), 0o755); err != nil {
			t.Fatal(err)
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	r.fails(cmd, "needs to be root", "CAP_NET_ADMIN")
	if entries, _ := os.ReadDir(r.s.RunDir); len(entries) > 0 {
		t.Errorf("it made %v", entries)
	}
}

func TestOldSocketIsReplaced(t *testing.T) {
	r := newRouter(t)
	r.write("network", wan)
	first := r.startProgram()
	kill(t, first.Process.Pid, syscall.SIGKILL)
	first.Wait()
	if _, err := os.Lstat(r.s.Socket); err != nil {
		t.Fatalf("the killed daemon left no socket: %v", err)
	}
	r.start()
	info, err := os.Stat(r.s.Socket)
	if err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("socket %v, %v; want mode 0660", info.Mode(), err)
	}
}

func TestSomethingElseInPlaceOfTheSocket(t *testing.T) {
	for name, make := range map[string]func(string) error{
		"file":      func(path string) error { return os.WriteFile(path, []byte("precious"), 0o600) },
		"directory": func(path string) error { return os.Mkdir(path, 0o700) },
		"link":      func(path string) error { return os.Symlink("/etc/passwd", path) },
		"fifo":      func(path string) error { return syscall.Mkfifo(path, 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRouter(t)
			if err := os.MkdirAll(r.s.RunDir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := make(r.s.Socket); err != nil {
				t.Fatal(err)
			}
			before, _ := os.Lstat(r.s.Socket)
			r.fails(r.command("run"), r.s.Socket, "in the way")
			if after, err := os.Lstat(r.s.Socket); err != nil || after.Mode() != before.Mode() {
				t.Errorf("it is gone: %v", err)
			}
			os.Remove(r.s.Socket)
		})
	}
}

func TestClientWithoutDaemon(t *testing.T) {
	r := newRouter(t)
	r.fails(r.command("status"), "ucid is not running", r.s.Socket, "ucid run")
	r.fails(r.command("reload", "--json"), "ucid is not running")
}
