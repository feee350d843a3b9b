// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ucid/internal/engine"
	"ucid/internal/kind/proc"
)

// daemon is the test binary in the part of a daemon that will be killed: it supervises
// what dir/wants.json asks for.
func daemon(dir string) {
	data, err := os.ReadFile(filepath.Join(dir, "wants.json"))
	var wants []spec
	if err == nil {
		err = json.Unmarshal(data, &wants)
	}
	var d *Driver
	if err == nil {
		d, err = New(Options{RunDir: dir})
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for _, w := range wants {
		d.Apply(context.Background(), []engine.Change[proc.Proc]{{Op: engine.Create, New: w.unpack()}})
	}
	for len(d.List()) > 0 {
		up := true
		for _, i := range d.List() {
			up = up && i.State == "running"
		}
		if up {
			break
		}
		time.Sleep(time.Millisecond) // the poll of the test's deadline
	}
	fmt.Println("up")
	select {}
}

// underDaemon runs a daemon on dir until all of wants run, and kills it.
func underDaemon(t *testing.T, dir string, wants ...proc.Proc) {
	t.Helper()
	var specs []spec
	for _, w := range wants {
		specs = append(specs, packSpec(w))
	}
	data, err := json.Marshal(specs)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "wants.json"), data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self(t), "as-daemon", dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if line != "up\n" {
		t.Fatalf("the daemon said %q", line)
	}
}

func TestAdoptAfterKill(t *testing.T) {
	dir := t.TempDir()
	gate := filepath.Join(t.TempDir(), "gate")
	if err := makeFIFO(gate); err != nil {
		t.Fatal(err)
	}
	talker := sh("talker", `echo pid $$; read x < `+gate+`; echo in between; printf unfinished; exec sleep 100000`)
	talker.Env = engine.MakeMap(map[string]string{"KEY": "secret-value"})
	quiet := sleeper("quiet")
	underDaemon(t, dir, talker, quiet)
	if err := os.WriteFile(gate, []byte("\n"), 0); err != nil { // nobody supervises it now
		t.Fatal(err)
	}
	d, events := open(t, dir)
	output(t, d, "talker", "pid ") // also when the daemon that was killed had read it
	output(t, d, "talker", "in between")
	for _, p := range []proc.Proc{talker, quiet} {
		create(t, d, p) // nothing has to be done
		i := status(t, d, p.Name)
		if i.State != "running" || !alive(i.Pid) {
			t.Errorf("%+v", i)
		}
	}
	all, _ := d.Observe(context.Background())
	if len(all) != 2 {
		t.Errorf("observed %v", all)
	}
	if n := events.count(EventStarted, "talker") + events.count(EventStarted, "quiet"); n != 0 {
		t.Errorf("%d starts after the adoption", n)
	}
	act(t, d, "talker", "stop")
	waitState(t, d, "talker", stopped)
	output(t, d, "talker", "unfinished")
}

// A restart of the driver shows every line once, in order, also across a full spool.
func TestOutputOutlivesTheDriver(t *testing.T) {
	dir := t.TempDir()
	d, err := New(Options{RunDir: dir, Ring: 100_000})
	if err != nil {
		t.Fatal(err)
	}
	const many = 30_000 // more than one spool, less than two
	create(t, d, sh("web", fmt.Sprintf("seq -f 'number %%.0f' %d; printf tail; exit 0", many)))
	waitState(t, d, "web", idle)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if d, err = New(Options{RunDir: dir, Ring: 100_000}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { clear2(t, d) })
	lines := d.Logs("web", 0)
	if len(lines) != many+1 || lines[many].Text != "tail" {
		t.Fatalf("%d lines, the last %+v", len(lines), lines[len(lines)-1])
	}
	for i, l := range lines[:many] {
		if l.Text != fmt.Sprintf("number %d", i+1) {
			t.Fatalf("line %d is %q", i, l.Text)
		}
	}
}

func TestExitThatNobodySaw(t *testing.T) {
	dir := t.TempDir()
	p := sleeper("web")
	p.Respawn = proc.Respawn{On: true, Threshold: time.Hour, Delay: time.Hour, Retry: 5}
	underDaemon(t, dir, p)
	records, _ := ledger{filepath.Join(dir, "proc")}.read()
	pid := records["web"].Pid
	kill9(pid)
	eventually(t, "it is dead", func() bool { return !alive(pid) })
	_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil) // if it was given to us, so that nobody knows
	d, _ := open(t, dir)
	i := waitState(t, d, "web", backoff)
	if i.ExitCode != codeUnknown || !strings.Contains(i.Text, "unknown") || !strings.Contains(i.Text, "1 of 5") {
		t.Errorf("%+v", i)
	}
}

func TestAdoptedTreeStops(t *testing.T) {
	dir := t.TempDir()
	p := sh("tree", `(setsid sh -c 'echo pid $$; exec sleep 100000' &) ; exec sleep 100000`)
	underDaemon(t, dir, p)
	d, _ := open(t, dir)
	pid := number(t, output(t, d, "tree", "pid "))
	act(t, d, "tree", "stop")
	waitState(t, d, "tree", stopped)
	if alive(pid) {
		t.Error("a grandchild survives")
	}
}

// sleeping counts the processes tagged with name that have become sleep by now.
func sleeping(name string) int {
	n := 0
	for tag, members := range tagged() {
		for _, s := range members {
			comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", s.pid))
			if strings.HasPrefix(tag, name+":") && string(comm) == "sleep\n" {
				n++
			}
		}
	}
	return n
}

// The main process ends between two daemons, its grandchild does not.
func TestLeftoversOfADeadMain(t *testing.T) {
	dir := t.TempDir()
	name := own("tree")
	p := sh(name, `(setsid sh -c 'echo pid $$; exec sleep 100000' &) ; exec sleep 100000`)
	p.Respawn = proc.Respawn{On: true, Threshold: time.Hour, Delay: time.Hour}
	underDaemon(t, dir, p)
	records, _ := ledger{filepath.Join(dir, "proc")}.read()
	eventually(t, "the grandchild runs", func() bool { return sleeping(name) == 2 })
	kill9(records[name].Pid)
	eventually(t, "the main process is dead", func() bool { return !alive(records[name].Pid) })
	d, _ := open(t, dir)
	pid := number(t, output(t, d, name, "pid "))
	waitState(t, d, name, backoff)
	if alive(pid) {
		t.Error("a grandchild survives")
	}
}

// rewrite changes the only record of a ledger.
func rewrite(t *testing.T, dir string, change func(*record)) record {
	t.Helper()
	l := ledger{filepath.Join(dir, "proc")}
	records, errs := l.read()
	if len(errs) > 0 || len(records) != 1 {
		t.Fatal(records, errs)
	}
	for _, r := range records {
		change(&r)
		if err := l.write(r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	return record{}
}

// stranger is a process that ucid did not start.
func stranger(t *testing.T) ident {
	t.Helper()
	cmd := exec.Command("sleep", "100000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	s, err := readStat(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	return s.ident
}

// A stranger has got the number of the child that ended meanwhile.
func TestRecycledPid(t *testing.T) {
	dir := t.TempDir()
	underDaemon(t, dir, sleeper("web"))
	other := stranger(t)
	rewrite(t, dir, func(r *record) { kill9(r.Pid); r.Pid = other.pid })
	d, _ := open(t, dir)
	waitState(t, d, "web", idle)
	removeAll(t, d)
	if !alive(other.pid) {
		t.Fatal("a stranger was killed")
	}
}

func TestLedgerOfAnotherBoot(t *testing.T) {
	dir := t.TempDir()
	underDaemon(t, dir, sleeper("web"))
	other := stranger(t)
	records, _ := ledger{filepath.Join(dir, "proc")}.read()
	defer kill9(records["web"].Pid)
	rewrite(t, dir, func(r *record) { r.World.Boot, r.Pid, r.Start = "another", other.pid, other.start })
	d, _ := open(t, dir)
	if all := d.List(); len(all) != 0 {
		t.Errorf("supervised: %v", all)
	}
	if !alive(other.pid) {
		t.Error("a stranger was killed")
	}
}

func TestTornLedger(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "proc"), 0o700); err != nil {
		t.Fatal(err)
	}
	path := ledger{filepath.Join(dir, "proc")}.path("web")
	if err := os.WriteFile(path, []byte(`{"world":{"boot":"x"`), 0o600); err != nil {
		t.Fatal(err)
	}
	d, _ := open(t, dir)
	if all := d.List(); len(all) != 0 {
		t.Errorf("supervised: %v", all)
	}
	if _, err := os.Stat(path + ".bad"); err != nil {
		t.Error(err)
	}
}

// The daemon died between the fork and the note of the pid.
func TestForkWithoutNote(t *testing.T) {
	dir := t.TempDir()
	underDaemon(t, dir, sleeper("web"))
	var pid int
	rewrite(t, dir, func(r *record) { pid, r.Pid, r.Start, r.State = r.Pid, 0, 0, "starting" })
	d, _ := open(t, dir)
	if i := status(t, d, "web"); i.State != "running" || i.Pid != pid {
		t.Errorf("pid %d is not adopted: %+v", pid, i)
	}
}

func TestStopByHandIsRemembered(t *testing.T) {
	dir := t.TempDir()
	d, _ := open(t, dir)
	create(t, d, sleeper("web"))
	waitState(t, d, "web", running)
	act(t, d, "web", "stop")
	waitState(t, d, "web", stopped)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	again, _ := open(t, dir)
	if i := status(t, again, "web"); i.State != "stopped" {
		t.Errorf("%+v", i)
	}
	act(t, again, "web", "restart")
	waitState(t, again, "web", running)
}

func TestOneDriverForADirectory(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	if _, err := New(Options{RunDir: dir}); err == nil || !strings.Contains(err.Error(), "another") {
		t.Errorf("a second driver: %v", err)
	}
}

// How an adopted child ends is known, whoever its parent is, where the kernel tells it.
func TestExitOfAdopted(t *testing.T) {
	dir := t.TempDir()
	gate := filepath.Join(t.TempDir(), "gate")
	if err := makeFIFO(gate); err != nil {
		t.Fatal(err)
	}
	underDaemon(t, dir, sh("web", `read x < `+gate+`; exit 42`))
	d, _ := open(t, dir)
	pid := status(t, d, "web").Pid
	parent, err := readStat(pid)
	if err != nil {
		t.Fatal(err)
	}
	d.mu.Lock()
	_, _, unsupported := exitInfo(d.procs["web"].pidfd)
	d.mu.Unlock()
	write(t, gate, "\n")
	i := waitState(t, d, "web", idle)
	if known := unsupported == nil || parent.ppid == os.Getpid(); known && i.ExitCode != 42 {
		t.Errorf("exit code %d, its parent is %d, info: %v", i.ExitCode, parent.ppid, unsupported)
	}
}

// A child of ours that ended between two drivers of one process, as in an upgrade in place.
func TestExitBetweenDrivers(t *testing.T) {
	dir := t.TempDir()
	gate := filepath.Join(t.TempDir(), "gate")
	if err := makeFIFO(gate); err != nil {
		t.Fatal(err)
	}
	d, _ := open(t, dir)
	create(t, d, sh("web", `read x < `+gate+`; echo last words; exit 42`))
	pid := waitState(t, d, "web", running).Pid
	held := strings.TrimPrefix(d.Hold(), heldVariable+"=")
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	t.Setenv(heldVariable, held)
	write(t, gate, "\n")
	eventually(t, "it ends", func() bool { return !alive(pid) })
	d, _ = open(t, dir)
	if i := waitState(t, d, "web", idle); i.ExitCode != 42 {
		t.Errorf("%+v", i)
	}
	output(t, d, "web", "last words")
}
