// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"ucid/internal/kind/proc"
)

// maxSaid bounds the output of a hook that is kept.
const maxSaid = 16 << 10

// pipeGrace is how long the output of a hook that has ended is read when its descendants
// hold it open.
const pipeGrace = 200 * time.Millisecond

// aside runs a program beside a process: as its user, in its directory, with its
// environment. It is in a process group of its own, in the daemon's session, so that
// nobody takes it for a descendant of the process, and gone with all of the group by then.
func (d *Driver) aside(want proc.Proc, argv []string, limit time.Duration) (said []byte, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	go func() {
		select {
		case <-d.done:
			cancel()
		case <-ctx.Done():
		}
	}()
	a, err := lookupAccount(want.User, want.Group)
	if err != nil {
		return nil, err
	}
	path, err := lookPath(argv[0], searchPath(want))
	if err != nil {
		return nil, err
	}
	out := &bounded{}
	cmd := exec.CommandContext(ctx, path)
	cmd.Args, cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = argv, dirOf(want), out, out, pipeGrace
	cmd.Env = slices.DeleteFunc(environment(want, a, ""), func(e string) bool { return strings.HasPrefix(e, tagVariable+"=") })
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: a.credential()}
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGKILL) }
	err = cmd.Run()
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		err = fmt.Errorf("did not end within %v", limit)
	case errors.Is(err, exec.ErrWaitDelay):
		err = nil
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", argv[0], err)
	}
	return out.Bytes(), err
}

// goAside runs what may take its time. It is called with the lock; a driver that is closed
// begins nothing any more.
func (d *Driver) goAside(do func()) {
	if !d.closed {
		d.asks.Go(do)
	}
}

// bounded keeps the start of what is written.
type bounded struct{ bytes.Buffer }

func (b *bounded) Write(data []byte) (int, error) {
	if room := maxSaid - b.Len(); room > 0 {
		b.Buffer.Write(data[:min(room, len(data))])
	}
	return len(data), nil
}

// hook runs one of the programs that go with a process; its output is added to that of
// the process.
func (p *process) hook(name string, want proc.Proc, argv []string) error {
	said, err := p.d.aside(want, argv, want.HookLimit)
	var lines []Line
	for text := range bytes.SplitSeq(bytes.TrimSuffix(said, []byte("\n")), []byte("\n")) {
		if len(said) > 0 {
			lines = append(lines, Line{Time: time.Now(), Stream: name, Text: string(text)})
		}
	}
	p.ring.add(lines)
	if err != nil {
		err = fmt.Errorf("%s: %w", name, err)
		p.d.log.Warn("a hook failed", "name", want.Name, "error", err)
	}
	return err
}

// beforeStart runs the hooks of a start. It is called without the lock.
func (p *process) beforeStart(run proc.Proc, again bool) error {
	if again && !run.OnRespawn.Empty() {
		_ = p.hook("on_respawn", run, run.OnRespawn.Slice()) // logged
	}
	if run.BeforeStart.Empty() {
		return nil
	}
	return p.hook("before_start", run, run.BeforeStart.Slice())
}

// afterStop runs the hook of a run of which nothing is left, once; then it is swept. It
// reports whether there is something to wait for.
func (p *process) afterStop() bool {
	want := p.m.run
	if !p.ran || want.AfterStop.Empty() {
		return p.hooking
	}
	p.ran, p.hooking = false, true
	p.m.disarm()
	p.d.goAside(func() {
		_ = p.hook("after_stop", want, want.AfterStop.Slice()) // logged
		p.d.mu.Lock()
		defer p.d.mu.Unlock()
		p.hooking = false
		if !p.d.closed {
			p.m.swept(0)
		}
	})
	return true
}

func checkHooks(p proc.Proc) error {
	for name, hook := range map[string][]string{
		"before_start": p.BeforeStart.Slice(), "after_stop": p.AfterStop.Slice(), "on_respawn": p.OnRespawn.Slice(),
	} {
		if len(hook) == 0 {
			continue
		}
		if p.HookLimit <= 0 {
			return fmt.Errorf("%s needs a time in which it has to end", name)
		}
		if err := checkProgram(p, hook); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func checkProgram(p proc.Proc, argv []string) error {
	if len(argv) == 0 || argv[0] == "" {
		return errors.New("the command is empty")
	}
	if slices.ContainsFunc(argv, hasNul) {
		return errors.New("the command holds a NUL byte")
	}
	_, err := lookPath(argv[0], searchPath(p))
	return err
}
