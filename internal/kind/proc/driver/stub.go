// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// stubReady tells that this program can serve as its own stub.
var stubReady bool

// MaybeExec has to be the first thing that main, or TestMain, calls. In a process that was
// started as the stub of a child it never returns: it sets limits, nice, umask and the
// like, which cannot be set between fork and exec otherwise, and becomes the child's program.
func MaybeExec() {
	if len(os.Args) != 1 || os.Args[0] != stubName {
		stubReady = true
		return
	}
	debug.SetGCPercent(-1)
	runtime.LockOSThread() // nice, the signal mask and no_new_privs belong to the thread
	unix.CloseOnExec(stubReport)
	err := execPlan()
	_, _ = unix.Write(stubReport, []byte(err.Error()))
	os.Exit(codeNoExec)
}

func execPlan() error {
	file := os.NewFile(stubPlan, "plan")
	data, err := io.ReadAll(file)
	if err != nil {
		return fmt.Errorf("cannot read the plan: %w", err)
	}
	file.Close()
	var p plan
	if err := json.Unmarshal(data, &p); err != nil {
		return fmt.Errorf("cannot read the plan: %w", err)
	}
	if err := p.prepare(); err != nil {
		return err
	}
	argv, env, path := plain(p.Argv), plain(p.Env), string(p.Path)
	if err := p.setLimits(); err != nil { // last: they bind this process as well
		return err
	}
	if len(p.Filter) > 0 {
		return fmt.Errorf("cannot execute %s: %w", path, execFiltered(path, argv, env, p.Filter))
	}
	return fmt.Errorf("cannot execute %s: %w", path, syscall.Exec(path, argv, env))
}

// prepare does what is left to do before the limits, privileged things first.
func (p *plan) prepare() error {
	resetSignals()
	if p.SetOOM {
		if err := os.WriteFile("/proc/self/oom_score_adj", []byte(strconv.Itoa(p.OOMScore)), 0); err != nil {
			return fmt.Errorf("cannot set oom_score_adj %d: %w", p.OOMScore, err)
		}
	}
	if err := unix.Setpriority(unix.PRIO_PROCESS, 0, p.Nice); err != nil {
		return fmt.Errorf("cannot set nice %d: %w", p.Nice, err)
	}
	unix.Umask(p.Umask)
	// Hard limits may be raised by root only, and the number of processes counts for the new user.
	if err := p.raiseLimits(); err != nil {
		return err
	}
	if err := p.boundCaps(); err != nil {
		return err
	}
	if err := p.changeUser(); err != nil {
		return err
	}
	if err := os.Chdir(string(p.Dir)); err != nil {
		return fmt.Errorf("cannot enter the working directory: %w", err)
	}
	if err := p.setCaps(); err != nil {
		return err
	}
	if p.NoNewPrivs {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("cannot set no_new_privs: %w", err)
		}
	}
	return p.lockIn()
}

func (p *plan) changeUser() error {
	if !p.Change {
		return nil
	}
	if err := syscall.Setgroups(p.Groups); err != nil {
		return fmt.Errorf("cannot set the groups: %w", err)
	}
	if err := syscall.Setgid(p.Gid); err != nil {
		return fmt.Errorf("cannot become group %d: %w", p.Gid, err)
	}
	if err := syscall.Setuid(p.Uid); err != nil {
		return fmt.Errorf("cannot become user %d: %w", p.Uid, err)
	}
	return nil
}

// resetSignals undoes what the daemon inherited: a signal with a handler is back at its
// default after exec, one that is ignored would stay so.
func resetSignals() {
	signal.Notify(make(chan os.Signal, 1))
	var none unix.Sigset_t
	_ = unix.PthreadSigmask(unix.SIG_SETMASK, &none, nil)
	defaultThreadSignals()
}

// defaultThreadSignals sets those of the signals that the C library keeps for itself, which
// os/signal leaves alone, to their default when they are ignored. A struct of zeros is
// SIG_DFL without flags and mask on every architecture; the size of the mask is that of the
// kernel (rt_sigaction(2)).
func defaultThreadSignals() {
	const first, last = 32, 34
	mask := uintptr(8)
	if strings.HasPrefix(runtime.GOARCH, "mips") {
		mask = 16
	}
	var action [64]byte
	ignored := ignoredSignals()
	for n := uintptr(first); n <= last; n++ {
		if ignored&(1<<(n-1)) != 0 {
			unix.RawSyscall6(unix.SYS_RT_SIGACTION, n, uintptr(unsafe.Pointer(&action)), 0, mask, 0, 0)
		}
	}
}

// ignoredSignals has bit n-1 set when signal n is ignored (proc(5)).
func ignoredSignals() uint64 {
	status, _ := os.ReadFile("/proc/self/status")
	for line := range lines(status) {
		if key, value := cutField(line); key == "SigIgn" {
			return uint64(parseBits(value, 16))
		}
	}
	return 0
}

// raiseLimits sets the hard limits while that is allowed.
func (p *plan) raiseLimits() error {
	for _, l := range p.Limits {
		now, err := l.now()
		if err != nil {
			return err
		}
		if l.KeepHard || l.Hard <= now.Max {
			continue
		}
		if err := l.set(syscall.Rlimit{Cur: now.Cur, Max: l.Hard}); err != nil {
			return err
		}
	}
	return nil
}

func (p *plan) setLimits() error {
	for _, l := range p.Limits {
		want := syscall.Rlimit{Cur: l.Soft, Max: l.Hard}
		if l.KeepHard {
			now, err := l.now()
			if err != nil {
				return err
			}
			want.Max = max(now.Max, l.Soft)
		}
		if err := l.set(want); err != nil {
			return err
		}
	}
	return nil
}

func (l limit) now() (syscall.Rlimit, error) {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(l.Resource, &r); err != nil {
		return r, fmt.Errorf("cannot read limit %d: %w", l.Resource, err)
	}
	return r, nil
}

// set goes through package syscall, which would otherwise put RLIMIT_NOFILE back at exec.
func (l limit) set(r syscall.Rlimit) error {
	if err := syscall.Setrlimit(l.Resource, &r); err != nil {
		return fmt.Errorf("cannot set limit %d to %d %d: %w", l.Resource, r.Cur, r.Max, err)
	}
	return nil
}
