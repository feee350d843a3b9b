// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// An init is the first process of a machine or a container, or the one that orphans of a
// part of it are given to. It does as little as can be: it runs the daemon as a child,
// starts it again when that dies, reaps every orphan and hands signals on. Whatever happens
// to the daemon, a panic or a kill, the machine stays up, and so do the daemon's children,
// which the next one adopts.

// underInit tells the daemon that its end is the end of its processes.
const underInit = "UCID_UNDER_INIT"

const (
	restartPause = time.Second      // between two starts of the daemon
	orderlyTime  = 60 * time.Second // for the processes to stop, in order
	daemonTime   = 70 * time.Second // for the daemon to end then
)

// handedOn are the signals that go to the daemon.
var handedOn = []os.Signal{unix.SIGHUP, unix.SIGUSR1, UpgradeSignal, unix.SIGTERM, unix.SIGINT, unix.SIGPWR}

// Init runs the daemon with args until a signal says that all should end, and returns when
// it did. It is called first in a process that does nothing else.
func Init(args []string, log *slog.Logger) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("cannot take orphans: %w", err)
	}
	i := initProcess{program: program, args: slices.DeleteFunc(slices.Clone(args), isInitFlag), log: log}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, append(slices.Clone(handedOn), unix.SIGCHLD)...)
	defer signal.Stop(signals)
	i.run(signals)
	return i.finish()
}

func isInitFlag(arg string) bool { return arg == "--init" || arg == "--init=true" }

type initProcess struct {
	program string
	args    []string
	log     *slog.Logger
	daemon  int       // pid; 0: none
	last    os.Signal // that said that all should end
}

// run returns when the daemon has ended after it was told to.
func (i *initProcess) run(signals <-chan os.Signal) {
	i.start()
	var again, force <-chan time.Time
	for {
		select {
		case s := <-signals:
			if s != unix.SIGCHLD && i.hand(s) {
				force = time.After(daemonTime)
			}
		case <-again:
			again = nil
			i.start()
		case <-force:
			i.log.Error("the daemon does not end, killing it", "pid", i.daemon)
			i.signal(unix.SIGKILL)
		}
		ended := i.reap()
		switch {
		case i.daemon == 0 && i.last != nil:
			return
		case ended || i.daemon == 0 && again == nil:
			again = time.After(restartPause)
		}
	}
}

// start forks the daemon; when that fails it is tried again.
func (i *initProcess) start() {
	pid, err := syscall.ForkExec(i.program, append([]string{os.Args[0]}, i.args...), &syscall.ProcAttr{
		Env: append(os.Environ(), underInit+"=1"), Files: []uintptr{0, 1, 2},
		Sys: &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		i.log.Error("cannot start the daemon", "error", err)
		return
	}
	i.daemon = pid
	i.log.Info("the daemon is started", "pid", pid)
}

// hand gives a signal to the daemon; it reports whether it is one that ends all.
func (i *initProcess) hand(s os.Signal) bool {
	if s == unix.SIGHUP || s == unix.SIGUSR1 || s == UpgradeSignal {
		i.signal(s.(syscall.Signal))
		return false
	}
	first := i.last == nil
	i.last = s
	i.signal(unix.SIGTERM)
	return first
}

func (i *initProcess) signal(s syscall.Signal) {
	if i.daemon > 1 {
		_ = unix.Kill(i.daemon, s) // not waited for yet, so it is nobody else's number
	}
}

// reap waits for all that has ended and reports whether the daemon was among it.
func (i *initProcess) reap() (ended bool) {
	for {
		var ws unix.WaitStatus
		pid, err := unix.Wait4(-1, &ws, unix.WNOHANG, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || pid <= 0 {
			return ended
		}
		if pid == i.daemon {
			i.daemon, ended = 0, true
			i.log.Warn("the daemon has ended", "pid", pid, "status", ws.ExitStatus(), "signal", ws.Signal())
		}
	}
}

// finish ends what is left, and the machine, if this is its first process.
func (i *initProcess) finish() error {
	if os.Getpid() != 1 {
		return nil
	}
	_ = unix.Kill(-1, unix.SIGKILL) // all of this pid namespace but itself
	i.reap()
	space, err := os.Readlink("/proc/self/ns/pid")
	const first = "pid:[4026531836]" // PROC_PID_INIT_INO: that of the machine itself
	if err != nil || space != first {
		return nil
	}
	unix.Sync()
	how := unix.LINUX_REBOOT_CMD_RESTART
	if i.last == unix.SIGPWR {
		how = unix.LINUX_REBOOT_CMD_POWER_OFF
	}
	return unix.Reboot(how)
}

// stopUnderInit stops all processes, in order, when this is the daemon of an init.
func (p *parts) stopUnderInit(log *slog.Logger) error {
	if os.Getenv(underInit) == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), orderlyTime)
	defer cancel()
	log.Info("stopping all processes")
	return p.drivers.procs.Shutdown(ctx)
}
