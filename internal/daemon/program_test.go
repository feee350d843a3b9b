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

	"ucid/test/lab"
)

// fails runs a command that has to end with status 1 and words on standard error.
func fails(t testing.TB, cmd *exec.Cmd, words ...string) {
	t.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if cmd.ProcessState.ExitCode() != 1 || !holdsAll(out.String(), words) {
		t.Errorf("%v: %q, want status 1 and %q", err, out.String(), words)
	}
	if strings.Contains(out.String(), "goroutine ") {
		t.Errorf("a panic: %s", out.String())
	}
}

func TestKilledDaemonIsFollowedByAnother(t *testing.T) {
	r := newRouter(t)
	r.Write("network", wan+office)
	r.Write("ucid", sleeper)
	first := r.Launch(r.Command("run"))
	revision := r.Applied().Revision
	pid := r.Child("sleeper")
	began := lab.StartTime(pid)

	lab.Kill(t, first.Process.Pid, syscall.SIGKILL)
	first.Wait()
	if lab.StartTime(pid) != began {
		t.Fatal("the child ended with the daemon")
	}
	viaNow(t, "198.51.100.0/24", "192.0.2.9")

	writes := kernelWrites(t)
	second := r.Launch(r.Command("run"))
	if got := r.Child("sleeper"); got != pid || lab.StartTime(pid) != began {
		t.Errorf("pid %d, want %d: the child was not adopted", got, pid)
	}
	if s := r.Status(); s.Revision != revision {
		t.Errorf("revision %d, want %d", s.Revision, revision)
	}
	viaNow(t, "198.51.100.0/24", "192.0.2.9")
	if lines := writes(); len(lines) > 0 {
		t.Errorf("the start changed something: %q", lines)
	}
	lab.Kill(t, pid, syscall.SIGKILL)
	r.Child("sleeper", pid) // an adopted child is supervised like any other

	lab.Kill(t, second.Process.Pid, syscall.SIGTERM)
	if err := second.Wait(); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
	viaNow(t, "198.51.100.0/24", "192.0.2.9")
}

func TestOneDaemonForOneDirectory(t *testing.T) {
	r := running(t, wan)
	fails(t, r.Command("run"), "another ucid", "UCID_RUNDIR")
	other := r.Command("run")
	other.Env = append(other.Env, "UCID_RUNDIR="+t.TempDir(), "UCID_SOCKET="+r.Settings.Socket)
	fails(t, other, "another ucid answers on "+r.Settings.Socket)
	r.Applied()
}

func TestNotRoot(t *testing.T) {
	r := newRouter(t)
	cmd := r.Command("run")
	if mappedUsers() < 65535 { // no other user to be: root without capabilities
		cmd.Args = append([]string{"setpriv", "--bounding-set", "-all", "--"}, append([]string{cmd.Path}, cmd.Args[1:]...)...)
		cmd.Path, _ = exec.LookPath("setpriv")
	} else {
		if err := os.Chmod(filepath.Dir(cmd.Path), 0o755); err != nil {
			t.Fatal(err)
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	fails(t, cmd, "needs to be root", "CAP_NET_ADMIN")
	if entries, _ := os.ReadDir(r.Settings.RunDir); len(entries) > 0 {
		t.Errorf("it made %v", entries)
	}
}

func TestOldSocketIsReplaced(t *testing.T) {
	r := newRouter(t)
	r.Write("network", wan)
	first := r.Launch(r.Command("run"))
	lab.Kill(t, first.Process.Pid, syscall.SIGKILL)
	first.Wait()
	if _, err := os.Lstat(r.Settings.Socket); err != nil {
		t.Fatalf("the killed daemon left no socket: %v", err)
	}
	r.Start()
	info, err := os.Stat(r.Settings.Socket)
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
			if err := os.MkdirAll(r.Settings.RunDir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := make(r.Settings.Socket); err != nil {
				t.Fatal(err)
			}
			before, _ := os.Lstat(r.Settings.Socket)
			fails(t, r.Command("run"), r.Settings.Socket, "in the way")
			if after, err := os.Lstat(r.Settings.Socket); err != nil || after.Mode() != before.Mode() {
				t.Errorf("it is gone: %v", err)
			}
			os.Remove(r.Settings.Socket)
		})
	}
}

func TestClientWithoutDaemon(t *testing.T) {
	r := newRouter(t)
	fails(t, r.Command("status"), "ucid is not running", r.Settings.Socket, "ucid run")
	fails(t, r.Command("reload", "--json"), "ucid is not running")
}
