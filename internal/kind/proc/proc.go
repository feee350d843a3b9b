// SPDX-License-Identifier: Apache-2.0

// Package proc holds a supervised process as an object. Names, units and defaults follow
// the instance parameters of OpenWrt's procd where it has them.
package proc

import (
	"strings"
	"time"

	"ucid/internal/engine"
)

// Kind is the name of the kind.
const Kind = "proc"

// Proc is one instance of a service: a child process that is kept running.
type Proc struct {
	Name       string        // SERVICE or SERVICE/INSTANCE, unique
	Command    engine.List   // argv; argv[0] is absolute or looked up in PATH
	Env        engine.Map    // added to a minimal environment (PATH, HOME …); values never shown
	Dir        string        // working directory; empty: /
	User       string        // name or number; empty: the daemon's own
	Group      string        // name or number; empty: the user's
	Umask      uint32        // 0: 022
	Nice       int8          // -20 to 19
	Stdout     bool          // capture standard output
	Stderr     bool          // capture standard error
	PidFile    string        // written after the start, removed when it ends
	Files      engine.List   // files whose changed content means a reload or restart: PATH, which the driver looks at, or PATH=DIGEST
	NetDevs    engine.List   // devices whose new ifindex means a restart, as NAME=INDEX
	Limits     engine.Map    // resource limits, NAME: "SOFT HARD" or "unlimited"; names of setrlimit(2) in lower case without RLIMIT_
	Data       engine.Map    // opaque to us; a change is no restart
	Respawn    Respawn       // zero: not started again
	TermAfter  time.Duration // from SIGTERM to SIGKILL; 0: at once
	Reload     uint8         // signal that makes it read its files again; 0: it is restarted
	NoNewPrivs bool          // PR_SET_NO_NEW_PRIVS
	OOMScore   int16         // oom_score_adj, -1000 to 1000
	Ready      string        // when it counts as started: "" at once, "notify", "socket:PATH", "file:PATH", "tcp:HOST:PORT", "exec:WORDS"

	Facility string // captured output goes to syslog as well, with this facility; empty: it does not
	LogFile  string // captured output goes to this file as well
	LogSize  int64  // bytes at which the file is turned
	LogKeep  uint8  // how many older files are kept

	Needs  engine.List // what has to be there before it starts: see [NeedKinds]
	Cgroup engine.Map  // memory.max, pids.max, cpu.weight: as the files of cgroup v2 of those names

	Caps            engine.List // capabilities it has and can ever get, as "NET_ADMIN"; empty: not limited; "none": none
	Seccomp         string      // file with the system calls it may make
	ReadOnly        engine.List // with these it reads and runs files below them alone, and below ReadWrite
	ReadWrite       engine.List // with these it writes files below them alone
	SandboxOptional bool        // a kernel that cannot keep it to these paths is no reason not to start it

	Health      Health
	BeforeStart engine.List   // argv of a program that has to succeed before each start
	AfterStop   engine.List   // argv of a program that runs when nothing of a run is left
	OnRespawn   engine.List   // argv of a program that runs before it is started again by itself
	HookLimit   time.Duration // within which each of them has to end
	Watchdog    time.Duration // it has to give a sign of life at least this often; 0: it need not
	Errors      engine.List   // why it must not be started, for people
}

// Health says how a process that runs is looked after; the zero value: not at all.
type Health struct {
	Check    string        // "exec:WORDS", "tcp:HOST:PORT", "http:HOST:PORT/PATH", "unix:PATH"
	Interval time.Duration // between two looks
	Timeout  time.Duration // of one look
	Retries  int           // failed looks in a row that are needed for it to be unwell
	Restart  bool          // one that is unwell is restarted; else there is an event only
}

// NeedKinds are the ways to name something that a process needs: another process, a network
// device that is up, a file, a route to exactly that prefix.
var NeedKinds = []string{"proc", "iface", "file", "route"}

// Respawn says when a process that ended is started again.
type Respawn struct {
	On        bool
	Threshold time.Duration // a run of at least this long makes the count of early exits start anew
	Delay     time.Duration // from the exit to the start
	Retry     int           // early exits in a row that are forgiven; 0: any number
	MaxDelay  time.Duration // above Delay: the delay doubles with each early exit, at most to this, plus up to 10 % jitter
	OnFailure bool          // an exit with status 0 is an end, not a crash
}

// DefaultRespawn is procd's default in numbers, but tries for ever.
var DefaultRespawn = Respawn{On: true, Threshold: time.Hour, Delay: 5 * time.Second, Retry: 0}

// DefaultTermAfter is procd's term_timeout.
const DefaultTermAfter = 5 * time.Second

// Key returns the identity of p.
func (p Proc) Key() string { return p.Name }

// String names the process and its command line; the environment is not shown.
func (p Proc) String() string {
	s := p.Name + ": " + strings.Join(p.Command.Slice(), " ")
	if p.User != "" {
		s += " as " + p.User
	}
	return s
}
