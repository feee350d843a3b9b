// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"ucid/internal/kind/proc"
)

// A child is what came of a fork.
type child struct {
	pid, pidfd int
	report     int // read end of a pipe that tells when the stub has become the program; -1: no stub
}

// inherited are the file descriptors for a child; -1: none.
type inherited struct {
	out, errs int
	cgroup    int // the group it is born into
}

// daemonState is what a child would inherit from the daemon and should not, and /dev/null,
// which it gets instead.
type daemonState struct {
	null     int
	notify   string // address of the socket for readiness
	umask    int
	nice     int
	oomScore int
	signals  bool // some are blocked or ignored
}

const (
	defaultUmask = 0o022
	stubName     = "ucid-exec"
	stubPlan     = 3 // file descriptor
	stubReport   = 4 // file descriptor
)

// fork starts the program of p.
func (s daemonState) fork(p proc.Proc, a account, tag string, in inherited) (child, error) {
	argv := p.Command.Slice()
	if len(argv) == 0 {
		return child{}, errors.New("the command is empty")
	}
	path, err := lookPath(argv[0], searchPath(p))
	if err != nil {
		return child{}, err
	}
	files := []uintptr{uintptr(s.null), uintptr(or(in.out, s.null)), uintptr(or(in.errs, s.null))}
	env := environment(p, a, tag)
	if notifies(p) {
		env = append(env, "NOTIFY_SOCKET="+s.notify)
	}
	if p.Watchdog > 0 {
		env = append(env, "WATCHDOG_USEC="+strconv.FormatInt(p.Watchdog.Microseconds(), 10))
	}
	if !s.plain(p) || isRemote(path) {
		return s.forkStub(p, a, path, argv, env, files, in.cgroup)
	}
	c := child{pidfd: -1, report: -1}
	attr := &syscall.ProcAttr{
		Dir: dirOf(p), Env: env, Files: files,
		Sys: &syscall.SysProcAttr{
			Setsid: true, PidFD: &c.pidfd, Credential: a.credential(), UseCgroupFD: in.cgroup >= 0, CgroupFD: in.cgroup,
		},
	}
	if c.pid, err = syscall.ForkExec(path, argv, attr); err != nil {
		return child{}, fmt.Errorf("cannot execute %s: %w", path, err)
	}
	return s.opened(c)
}

// opened makes sure that there is a pidfd: old kernels ignore the wish for one.
func (s daemonState) opened(c child) (child, error) {
	if c.pidfd >= 0 {
		return c, nil
	}
	fd, err := unix.PidfdOpen(c.pid, 0) // a child that was not waited for keeps its number
	if err != nil {
		_ = unix.Kill(c.pid, unix.SIGKILL)
		_, _ = unix.Wait4(c.pid, nil, 0, nil)
		return child{}, fmt.Errorf("the kernel has no pidfd (Linux 5.3 or later is needed): %w", err)
	}
	c.pidfd = fd
	return c, nil
}

func or(fd, other int) int {
	if fd >= 0 {
		return fd
	}
	return other
}

func dirOf(p proc.Proc) string {
	if p.Dir == "" {
		return "/"
	}
	return p.Dir
}

func (a account) credential() *syscall.Credential {
	if !a.change {
		return nil
	}
	c := &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
	for _, g := range a.groups {
		c.Groups = append(c.Groups, uint32(g))
	}
	return c
}

// plain reports whether fork and exec alone make the child as it should be.
func (s daemonState) plain(p proc.Proc) bool {
	return !s.signals && s.umask == umaskOf(p) && s.nice == int(p.Nice) && s.oomScore == int(p.OOMScore) &&
		p.Limits.Empty() && !p.NoNewPrivs && p.Caps.Empty() && p.Seccomp == "" && !sandboxed(p)
}

func umaskOf(p proc.Proc) int {
	if p.Umask == 0 {
		return defaultUmask
	}
	return int(p.Umask)
}

// A plan is what the stub does between fork and exec. It goes over an inherited file
// descriptor, because the environment in it may hold passwords.
type plan struct {
	Path       text    `json:"path"`
	Argv       []text  `json:"argv"`
	Env        []text  `json:"env"`
	Dir        text    `json:"dir"`
	Change     bool    `json:"change"`
	Uid        int     `json:"uid"`
	Gid        int     `json:"gid"`
	Groups     []int   `json:"groups"`
	Umask      int     `json:"umask"`
	Nice       int     `json:"nice"`
	OOMScore   int     `json:"oom_score_adj"`
	SetOOM     bool    `json:"set_oom"`
	NoNewPrivs bool    `json:"no_new_privs"`
	Limits     []limit `json:"limits"`

	LimitCaps       bool   `json:"limit_caps"`
	Caps            []int  `json:"caps"`
	Filter          []byte `json:"filter"`
	ReadOnly        []text `json:"read_only"`
	ReadWrite       []text `json:"read_write"`
	SandboxOptional bool   `json:"sandbox_optional"`
}

// confine fills in what keeps the program from doing harm.
func (p *plan) confine(want proc.Proc) (err error) {
	p.LimitCaps = !want.Caps.Empty()
	if p.Caps, err = parseCaps(want.Caps); err != nil {
		return err
	}
	if want.Seccomp != "" {
		if p.Filter, err = loadProfile(want.Seccomp); err != nil {
			return err
		}
	}
	p.ReadOnly, p.ReadWrite, p.SandboxOptional = packList(want.ReadOnly), packList(want.ReadWrite), want.SandboxOptional
	return nil
}

// forkStub starts this very program again as the stub, which becomes the child's program.
func (s daemonState) forkStub(p proc.Proc, a account, path string, argv, env []string, files []uintptr, cgroup int) (child, error) {
	if !stubReady {
		return child{}, errors.New("this program cannot set limits, nice or umask: it does not call driver.MaybeExec first")
	}
	limits, err := parseLimits(p.Limits)
	if err != nil {
		return child{}, err
	}
	work := plan{
		Path: text(path), Argv: texts(argv), Env: texts(env), Dir: text(dirOf(p)),
		Change: a.change, Uid: a.uid, Gid: a.gid, Groups: a.groups,
		Umask: umaskOf(p), Nice: int(p.Nice), OOMScore: int(p.OOMScore), SetOOM: s.oomScore != int(p.OOMScore),
		NoNewPrivs: p.NoNewPrivs, Limits: limits,
	}
	if err := work.confine(p); err != nil {
		return child{}, err
	}
	planFD, err := writePlan(work)
	if err != nil {
		return child{}, err
	}
	defer unix.Close(planFD)
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return child{}, fmt.Errorf("cannot make a pipe: %w", err)
	}
	defer unix.Close(pipe[1])
	c := child{pidfd: -1, report: pipe[0]}
	attr := &syscall.ProcAttr{
		Env: stubEnv(env), Files: append(files, uintptr(planFD), uintptr(pipe[1])),
		Sys: &syscall.SysProcAttr{Setsid: true, PidFD: &c.pidfd, UseCgroupFD: cgroup >= 0, CgroupFD: cgroup},
	}
	if c.pid, err = syscall.ForkExec("/proc/self/exe", []string{stubName}, attr); err != nil {
		unix.Close(pipe[0])
		return child{}, fmt.Errorf("cannot execute the stub: %w", err)
	}
	return s.opened(c)
}

// stubEnv is the tag alone, by which a stub is found after a crash of the daemon.
func stubEnv(env []string) []string {
	i := slices.IndexFunc(env, func(e string) bool { return len(e) > len(tagVariable) && e[:len(tagVariable)+1] == tagVariable+"=" })
	return append([]string{}, env[i:i+1]...)
}

func writePlan(p plan) (int, error) {
	data, err := json.Marshal(p)
	if err != nil {
		return -1, err
	}
	fd, err := unix.MemfdCreate("plan", unix.MFD_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("cannot make a memory file: %w", err)
	}
	for rest := data; len(rest) > 0; {
		n, err := unix.Write(fd, rest)
		if err != nil {
			unix.Close(fd)
			return -1, fmt.Errorf("cannot write the plan of a child: %w", err)
		}
		rest = rest[n:]
	}
	if _, err := unix.Seek(fd, 0, 0); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// inheritable reads what the daemon's own children would inherit.
func inheritable() (daemonState, error) {
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return daemonState{}, fmt.Errorf("cannot open /dev/null: %w", err)
	}
	s := daemonState{null: null, umask: -1}
	status, _ := os.ReadFile("/proc/self/status")
	for line := range lines(status) {
		key, value := cutField(line)
		switch key {
		case "Umask":
			s.umask = int(parseBits(value, 8))
		case "SigBlk", "SigIgn":
			s.signals = s.signals || parseBits(value, 16) != 0
		}
	}
	if prio, err := unix.Getpriority(unix.PRIO_PROCESS, 0); err == nil {
		s.nice = 20 - prio // the system call returns 1 to 40
	}
	score, _ := os.ReadFile("/proc/self/oom_score_adj")
	s.oomScore = parseSmall(score)
	return s, nil
}
