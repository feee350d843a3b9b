// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ucid/internal/engine"
	"ucid/internal/kind/proc"
)

func TestMain(m *testing.M) {
	MaybeExec()
	if len(os.Args) > 2 && os.Args[1] == "as-daemon" {
		daemon(os.Args[2])
	}
	if len(os.Args) > 2 && os.Args[1] == "as-notifier" {
		notifier(os.Args[2])
	}
	if len(os.Args) > 1 && os.Args[1] == "as-pinger" {
		pinger()
	}
	os.Exit(m.Run())
}

// patience is how long a test waits for what has to happen.
const patience = 20 * time.Second

func eventually(t testing.TB, what string, yes func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !yes() {
		if time.Now().After(deadline) {
			t.Fatalf("in %v it did not happen that %s", patience, what)
		}
		time.Sleep(2 * time.Millisecond) // the poll of a deadline, not a wait
	}
}

// record of events, in order.
type diary struct {
	mu     sync.Mutex
	events []Event
}

func (d *diary) add(e Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.events = append(d.events, e)
}

func (d *diary) count(what, name string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for _, e := range d.events {
		if e.What == what && e.Name == name {
			n++
		}
	}
	return n
}

// open makes a driver on a directory of the test and stops everything at its end.
func open(t testing.TB, dir string) (*Driver, *diary) {
	t.Helper()
	var events diary
	d, err := New(Options{RunDir: dir, Event: events.add})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { clear2(t, d) })
	return d, &events
}

func clear2(t testing.TB, d *Driver) {
	d.mu.Lock()
	closed := d.closed
	d.mu.Unlock()
	if closed {
		return
	}
	removeAll(t, d)
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

func removeAll(t testing.TB, d *Driver) {
	all, _ := d.Observe(context.Background())
	for _, p := range slices.Clone(all) {
		apply(t, d, engine.Remove, p, proc.Proc{})
	}
	eventually(t, "everything is stopped", func() bool { return len(d.List()) == 0 })
}

func apply(t testing.TB, d *Driver, op engine.Op, old, new proc.Proc) {
	t.Helper()
	for _, err := range d.Apply(context.Background(), []engine.Change[proc.Proc]{{Op: op, Old: old, New: new}}) {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func create(t testing.TB, d *Driver, p proc.Proc) {
	t.Helper()
	apply(t, d, engine.Create, proc.Proc{}, p)
}

func modify(t testing.TB, d *Driver, old, new proc.Proc) {
	t.Helper()
	apply(t, d, engine.Modify, old, new)
}

func act(t testing.TB, d *Driver, name, action string, args ...string) {
	t.Helper()
	if err := d.Act(context.Background(), name, action, args); err != nil {
		t.Fatal(err)
	}
}

func status(t testing.TB, d *Driver, name string) Info {
	t.Helper()
	i, ok := d.Status(name)
	if !ok {
		t.Fatalf("%s is not supervised", name)
	}
	return i
}

func waitState(t testing.TB, d *Driver, name string, s state) Info {
	t.Helper()
	eventually(t, name+" is "+s.String(), func() bool {
		i, ok := d.Status(name)
		return ok && i.State == s.String()
	})
	return status(t, d, name)
}

// sh is a process that runs a shell script.
func sh(name, script string) proc.Proc {
	return proc.Proc{
		Name: name, Command: engine.MakeList("/bin/sh", "-c", script),
		Stdout: true, Stderr: true, TermAfter: proc.DefaultTermAfter,
	}
}

func sleeper(name string) proc.Proc {
	return proc.Proc{Name: name, Command: engine.MakeList("sleep", "100000"), TermAfter: proc.DefaultTermAfter}
}

func alive(pid int) bool {
	s, err := readStat(pid)
	return err == nil && !s.zombie()
}

// output waits for a line of the process that starts with prefix and returns the rest of it.
func output(t testing.TB, d *Driver, name, prefix string) string {
	t.Helper()
	var rest string
	eventually(t, name+" prints "+prefix, func() bool {
		for _, l := range d.Logs(name, 0) {
			if after, ok := strings.CutPrefix(l.Text, prefix); ok {
				rest = after
				return true
			}
		}
		return false
	})
	return rest
}

func number(t testing.TB, s string) int {
	t.Helper()
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// own makes a name that no other run of these tests uses at the same time.
func own(name string) string { return name + "-" + strconv.Itoa(os.Getpid()) }

// grandchildren lists living processes that carry a tag of name.
func grandchildren(name string) int {
	n := 0
	for tag, members := range tagged() {
		if strings.HasPrefix(tag, name+":") {
			n += len(members)
		}
	}
	return n
}

// mayBecome reports whether this test runs where children can be other users: as root,
// and not in a user namespace that has only one user.
func mayBecome(uid int) bool {
	_, err := os.Stat("/proc/self/uid_map")
	if os.Geteuid() != 0 || err != nil {
		return false
	}
	f, err := os.CreateTemp("", "ucid-test")
	if err != nil {
		return false
	}
	defer os.Remove(f.Name())
	defer f.Close()
	return f.Chown(uid, uid) == nil
}

func self(t testing.TB) string {
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func fileCount(t testing.TB, dir string) int {
	files, err := filepath.Glob(filepath.Join(dir, "proc", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

// kill9 refuses the numbers that mean whole groups.
func kill9(pid int) {
	if pid <= 1 {
		panic("kill of pid " + strconv.Itoa(pid))
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
}

func threads() int { return runtime.NumGoroutine() }

// pinger is a child that gives signs of life.
func pinger() {
	c, err := net.Dial("unixgram", os.Getenv("NOTIFY_SOCKET"))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("up")
	for range time.Tick(10 * time.Millisecond) {
		_, _ = c.Write([]byte("WATCHDOG=1"))
	}
}

// notifier is a child that says it is ready when something is written to the gate.
func notifier(gate string) {
	fmt.Println("up")
	_, err := os.ReadFile(gate)
	c, err2 := net.Dial("unixgram", os.Getenv("NOTIFY_SOCKET"))
	if err := errors.Join(err, err2); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	_, _ = c.Write([]byte("STATUS=fine\nREADY=1\n"))
	select {}
}
