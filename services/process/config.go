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
}

func compile(c *Config, b *services.Builder) {
	for i := range c.Processes {
		p := &c.Processes[i]
		if p.Anonymous {
			b.Problem(p.Problem("", "a process needs a name: config process 'NAME'"))
			continue
		}
		if !p.Enabled {
			continue
		}
		d := draft{b: b, p: p}
		if out := d.make(); !d.bad {
			services.Want(b, out, p.Meta)
		}
	}
}

// draft is a process in the making. Each step reports what is wrong and makes the draft bad.
type draft struct {
	b     *services.Builder
	p     *Process
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
	return proc.Proc{
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
	}
}

// command is the argv. Of a list every item counts, an empty one too; a string is split at
// its blanks.
func (d *draft) command() engine.List {
	argv := d.p.Command
	if s := d.p.Section(); s != nil && s.Option("command").IsList {
		argv = s.List("command")
	}
	switch program := argv[0]; {
	case program == "":
		d.wrong("command", "starts with an empty word, so there is no program")
	case !inPath(program) && program[0] != '/':
		d.wrong("command", "'%s' is neither a path from / on nor the name of a program in PATH", program)
	}
	return engine.MakeList(argv...)
}
