// SPDX-License-Identifier: Apache-2.0

// Package process is the service for children that a user wants to be kept running: sections
// "process" of the package ucid. Options, units and defaults follow the instance parameters
// of OpenWrt's procd; README.md lists them.
package process

import (
	"fmt"
	"time"

	"ucid/internal/engine"
	"ucid/internal/kind/proc"
	"ucid/services"
	"ucid/uci"
)

func init() { services.Register("process", services.Packages{services.GlobalsPackage}, compile) }

// Config is what the service reads of the package ucid.
type Config struct {
	Processes []Process `uci:"process"`
	Sandboxes []Sandbox `uci:"sandbox"`
}

// Process is a section process.
type Process struct {
	uci.Meta
	Command      []string      `uci:"command,required"`
	Env          []string      `uci:"env,nosplit"` // NAME=VALUE; a value may be a password
	User         string        `uci:"user"`
	Group        string        `uci:"group"`
	Dir          string        `uci:"dir"`
	Stdout       bool          `uci:"stdout,default=1"`
	Stderr       bool          `uci:"stderr,default=1"`
	Enabled      bool          `uci:"enabled,default=1"`
	Respawn      []string      `uci:"respawn"` // a switch, or THRESHOLD [TIMEOUT [RETRY]], the first two in seconds
	TermTimeout  time.Duration `uci:"term_timeout,default=5,min=0,max=3600"`
	ReloadSignal string        `uci:"reload_signal"`
	Nice         int8          `uci:"nice,min=-20,max=19"`
	Umask        string        `uci:"umask"` // octal
	Limits       []string      `uci:"limits,nosplit"`
	NetDevs      []string      `uci:"netdev"`
	PidFile      string        `uci:"pidfile"`
	NoNewPrivs   bool          `uci:"no_new_privs"`
	OOMScore     int16         `uci:"oom_score_adj,min=-1000,max=1000"`
	Ready        string        `uci:"ready"`
	Data         []string      `uci:"data,nosplit"` // NAME=VALUE
	Comment      string        `uci:"description"`

	Files         []string      `uci:"file"`
	Backoff       time.Duration `uci:"backoff,min=0,max=86400"`
	RespawnOn     string        `uci:"respawn_on,enum=any|failure,default=any"`
	Facility      string        `uci:"facility"`
	LogFile       string        `uci:"logfile"`
	LogSize       int64         `uci:"logfile_size,default=1024,min=1,max=1048576"` // KiB
	LogKeep       uint8         `uci:"logfile_keep,default=1,max=99"`
	Needs         []string      `uci:"needs"`
	Cgroup        []string      `uci:"cgroup,nosplit"`
	Capabilities  []string      `uci:"capabilities"`
	Seccomp       string        `uci:"seccomp"`
	Sandbox       string        `uci:"sandbox"`
	Health        string        `uci:"health"`
	HealthEvery   time.Duration `uci:"health_interval,default=30,min=1,max=86400"`
	HealthTimeout time.Duration `uci:"health_timeout,default=5,min=1,max=3600"`
	HealthRetries int           `uci:"health_retries,default=3,min=1,max=1000"`
	HealthAction  string        `uci:"health_action,enum=restart|event,default=restart"`
	BeforeStart   []string      `uci:"before_start"`
	AfterStop     []string      `uci:"after_stop"`
	OnRespawn     []string      `uci:"on_respawn"`
	HookTimeout   time.Duration `uci:"hook_timeout,default=30,min=1,max=3600"`
	Watchdog      time.Duration `uci:"watchdog,min=0,max=86400"`
	Errors        []string      `uci:"error,nosplit"`
}

// Sandbox is a section sandbox: a profile that processes name.
type Sandbox struct {
	uci.Meta
	Capabilities []string `uci:"capabilities"`
	NoNewPrivs   bool     `uci:"no_new_privs,default=1"`
	ReadOnly     []string `uci:"read_only"`
	ReadWrite    []string `uci:"read_write"`
	Seccomp      string   `uci:"seccomp"`
	Optional     bool     `uci:"optional"`
}

func compile(c *Config, b *services.Builder) {
	boxes := sandboxes(c, b)
	for i := range c.Processes {
		p := &c.Processes[i]
		if p.Anonymous {
			b.Problem(p.Problem("", "a process needs a name: config process 'NAME'"))
			continue
		}
		if !p.Enabled {
			continue
		}
		d := draft{b: b, p: p, boxes: boxes}
		if out := d.make(); !d.bad {
			services.Want(b, out, p.Meta)
		}
	}
}

// draft is a process in the making. Each step reports what is wrong and makes the draft bad.
type draft struct {
	b     *services.Builder
	p     *Process
	boxes map[string]box
	bad   bool
	items int // mistakes in lists
}

// reported bounds how many mistakes in the lists of one section are shown.
const reported = 20

func (d *draft) wrong(option, format string, args ...any) {
	d.bad = true
	d.b.Problem(d.p.Problem(option, option+" "+format, args...))
}

// wrongItem is wrong for one value of a list. It is not shown unless the text does.
func (d *draft) wrongItem(option, item, format string, args ...any) {
	d.bad = true
	if d.items++; d.items > reported {
		return
	}
	d.b.ItemProblem(d.p.Meta, option, item, option+" "+fmt.Sprintf(format, args...))
}

func (d *draft) make() proc.Proc {
	p := d.p
	out := proc.Proc{
		Name:       p.Name,
		Command:    d.command(),
		Env:        d.pairs("env", p.Env),
		Dir:        d.path("dir", p.Dir),
		User:       d.account("user", p.User),
		Group:      d.account("group", p.Group),
		Umask:      d.umask(),
		Nice:       p.Nice,
		Stdout:     p.Stdout,
		Stderr:     p.Stderr,
		PidFile:    d.path("pidfile", p.PidFile),
		NetDevs:    d.netDevs(),
		Limits:     d.limits(),
		Data:       d.pairs("data", p.Data),
		Respawn:    d.respawn(),
		TermAfter:  p.TermTimeout,
		Reload:     d.signal(),
		NoNewPrivs: p.NoNewPrivs,
		OOMScore:   p.OOMScore,
		Ready:      d.ready(),
		Files:      d.files(),
		Facility:   d.facility(),
		Needs:      d.needs(),
		Cgroup:     d.cgroup(),
		Health:     d.health(),
		Watchdog:   p.Watchdog,
		Errors:     engine.MakeList(p.Errors...),
	}
	d.output(&out)
	d.hooks(&out)
	d.confine(&out)
	return out
}

// command is the argv. Of a list every item counts, an empty one too; a string is split at
// its blanks.
func (d *draft) command() engine.List { return d.words("command", d.p.Command) }

// words reads a command line.
func (d *draft) words(option string, argv []string) engine.List {
	if s := d.p.Section(); s != nil && s.Option(option) != nil && s.Option(option).IsList {
		argv = s.List(option)
	}
	if len(argv) == 0 {
		return engine.List{}
	}
	switch program := argv[0]; {
	case program == "":
		d.wrong(option, "starts with an empty word, so there is no program")
	case !inPath(program) && program[0] != '/':
		d.wrong(option, "'%s' is neither a path from / on nor the name of a program in PATH", program)
	}
	return engine.MakeList(argv...)
}
