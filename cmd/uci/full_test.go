// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// inNamespace runs the current test once more in user and mount namespaces of its own; it
// reports true there.
func inNamespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv("UCI_TEST_BINARY") != "" {
		return true
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), "UCI_TEST_BINARY="+binary)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

// mountSmall mounts a file system of 64 KiB.
func mountSmall(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k,mode=755"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
}

// fill takes all space that is left in a directory; it gives a way to free it.
func fill(t *testing.T, dir string) (free func()) {
	t.Helper()
	path := filepath.Join(dir, "filler.")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	return func() { os.Remove(path) }
}

func TestFullFileSystem(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	long := strings.Repeat("v", 6000)
	t.Run("commit", func(t *testing.T) {
		dir := t.TempDir()
		mountSmall(t, filepath.Join(dir, "config"))
		l := labIn(t, dir, crashConfig)
		l.must("add_list", "p.a.l=two")
		l.must("set", "p.a.long="+long)
		want := state(l)
		free := fill(t, l.conf)
		if _, stderr, exit := l.run("commit", "p"); exit != 1 || !strings.Contains(stderr, "no space left") {
			t.Errorf("exit %d: %s", exit, stderr)
		}
		if l.file("config/p") != crashConfig || state(l) != want {
			t.Error("something has changed")
		}
		free()
		l.must("commit", "p")
		if state(l) != want || l.file("save/p") != "" {
			t.Error("the second commit has not committed")
		}
	})
	t.Run("set", func(t *testing.T) {
		dir := t.TempDir()
		mountSmall(t, filepath.Join(dir, "save"))
		l := labIn(t, dir, crashConfig)
		l.must("add_list", "p.a.l=two")
		before, want := l.file("save/p"), state(l)
		free := fill(t, l.save)
		if _, stderr, exit := l.run("set", "p.a.long="+long); exit != 1 || !strings.Contains(stderr, "no space left") {
			t.Errorf("exit %d: %s", exit, stderr)
		}
		if l.file("save/p") != before || state(l) != want {
			t.Error("something has changed")
		}
		free()
		l.must("set", "p.a.long="+long)
		if l.must("get", "p.a.long") != long {
			t.Error("the second set has not set")
		}
	})
}

func TestOutputThatIsLostIsAnError(t *testing.T) {
	l := newLab(t, crashConfig)
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	cmd := exec.Command(binary, "-c", l.conf, "-t", l.save, "show")
	cmd.Stdout = full
	if err := cmd.Run(); cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("exit: %v", err)
	}
}

func TestInputThatIsADirectory(t *testing.T) {
	l := newLab(t, crashConfig)
	if _, stderr, exit := l.run("-f", l.conf, "batch"); exit != 1 || !strings.Contains(stderr, "Is a directory") {
		t.Errorf("exit %d: %s", exit, stderr)
	}
}

// TestSpecialFilesNeverBlock has a FIFO and a directory where files are looked for.
func TestSpecialFilesNeverBlock(t *testing.T) {
	l := newLab(t, crashConfig)
	for _, path := range []string{filepath.Join(l.conf, "fifo"), filepath.Join(l.save, "p")} {
		if err := syscall.Mkfifo(path, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(l.conf, "dir"), 0o755); err != nil {
		t.Fatal(err)
	}
	if out := l.must("show"); !strings.HasPrefix(out, "p.a=t") {
		t.Errorf("show: %s", out)
	}
	for _, pkg := range []string{"fifo", "dir"} {
		if _, stderr, exit := l.run("show", pkg); exit != 1 || stderr != binary+": Entry not found\n" {
			t.Errorf("show %s: exit %d: %s", pkg, exit, stderr)
		}
	}
	if _, _, exit := l.run("set", "p.a.x=2"); exit != 1 {
		t.Error("set succeeds with a FIFO for a delta file")
	}
}
