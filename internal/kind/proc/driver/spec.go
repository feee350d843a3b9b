// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"time"

	"ucid/internal/engine"
	"ucid/internal/kind/proc"
)

// A spec is a proc.Proc with nothing masked.
type spec struct {
	Name       text          `json:"name"`
	Command    []text        `json:"command"`
	Env        []text        `json:"env,omitempty"` // name, value, name, value …
	Dir        text          `json:"dir,omitempty"`
	User       text          `json:"user,omitempty"`
	Group      text          `json:"group,omitempty"`
	Umask      uint32        `json:"umask,omitempty"`
	Nice       int8          `json:"nice,omitempty"`
	Stdout     bool          `json:"stdout,omitempty"`
	Stderr     bool          `json:"stderr,omitempty"`
	PidFile    text          `json:"pidfile,omitempty"`
	Files      []text        `json:"files,omitempty"`
	NetDevs    []text        `json:"netdevs,omitempty"`
	Limits     []text        `json:"limits,omitempty"`
	Data       []text        `json:"data,omitempty"`
	Respawn    proc.Respawn  `json:"respawn"`
	TermAfter  time.Duration `json:"term_after"`
	Reload     uint8         `json:"reload,omitempty"`
	NoNewPrivs bool          `json:"no_new_privs,omitempty"`
	OOMScore   int16         `json:"oom_score_adj,omitempty"`
	Ready      text          `json:"ready,omitempty"`

	Facility        text          `json:"facility,omitempty"`
	LogFile         text          `json:"logfile,omitempty"`
	LogSize         int64         `json:"logfile_size,omitempty"`
	LogKeep         uint8         `json:"logfile_keep,omitempty"`
	Needs           []text        `json:"needs,omitempty"`
	Cgroup          []text        `json:"cgroup,omitempty"`
	Caps            []text        `json:"capabilities,omitempty"`
	Seccomp         text          `json:"seccomp,omitempty"`
	ReadOnly        []text        `json:"read_only,omitempty"`
	ReadWrite       []text        `json:"read_write,omitempty"`
	SandboxOptional bool          `json:"sandbox_optional,omitempty"`
	Look            text          `json:"health_check,omitempty"`
	Health          proc.Health   `json:"health,omitzero"` // without the check
	BeforeStart     []text        `json:"before_start,omitempty"`
	AfterStop       []text        `json:"after_stop,omitempty"`
	OnRespawn       []text        `json:"on_respawn,omitempty"`
	HookLimit       time.Duration `json:"hook_limit,omitempty"`
	Watchdog        time.Duration `json:"watchdog,omitempty"`
	Errors          []text        `json:"errors,omitempty"`
}

func packMap(m engine.Map) []text {
	var out []text
	for k, v := range m.All() {
		out = append(out, text(k), text(v))
	}
	return out
}

func unpackMap(items []text) engine.Map {
	m := map[string]string{}
	for i := 0; i+1 < len(items); i += 2 {
		m[string(items[i])] = string(items[i+1])
	}
	return engine.MakeMap(m)
}

func packList(l engine.List) []text { return texts(l.Slice()) }

func unpackList(items []text) engine.List { return engine.MakeList(plain(items)...) }

func packSpec(p proc.Proc) spec {
	look := p.Health
	look.Check = "" // any bytes
	return spec{
		Name: text(p.Name), Command: packList(p.Command), Env: packMap(p.Env), Dir: text(p.Dir),
		User: text(p.User), Group: text(p.Group), Umask: p.Umask, Nice: p.Nice,
		Stdout: p.Stdout, Stderr: p.Stderr, PidFile: text(p.PidFile),
		Files: packList(p.Files), NetDevs: packList(p.NetDevs), Limits: packMap(p.Limits), Data: packMap(p.Data),
		Respawn: p.Respawn, TermAfter: p.TermAfter, Reload: p.Reload,
		NoNewPrivs: p.NoNewPrivs, OOMScore: p.OOMScore, Ready: text(p.Ready),
		Facility: text(p.Facility), LogFile: text(p.LogFile), LogSize: p.LogSize, LogKeep: p.LogKeep,
		Needs: packList(p.Needs), Cgroup: packMap(p.Cgroup), Caps: packList(p.Caps), Seccomp: text(p.Seccomp),
		ReadOnly: packList(p.ReadOnly), ReadWrite: packList(p.ReadWrite), SandboxOptional: p.SandboxOptional,
		Look: text(p.Health.Check), Health: look,
		BeforeStart: packList(p.BeforeStart), AfterStop: packList(p.AfterStop), OnRespawn: packList(p.OnRespawn),
		HookLimit: p.HookLimit, Watchdog: p.Watchdog, Errors: packList(p.Errors),
	}
}

func (s spec) unpack() proc.Proc {
	health := s.Health
	health.Check = string(s.Look)
	return proc.Proc{
		Name: string(s.Name), Command: unpackList(s.Command), Env: unpackMap(s.Env), Dir: string(s.Dir),
		User: string(s.User), Group: string(s.Group), Umask: s.Umask, Nice: s.Nice,
		Stdout: s.Stdout, Stderr: s.Stderr, PidFile: string(s.PidFile),
		Files: unpackList(s.Files), NetDevs: unpackList(s.NetDevs), Limits: unpackMap(s.Limits), Data: unpackMap(s.Data),
		Respawn: s.Respawn, TermAfter: s.TermAfter, Reload: s.Reload,
		NoNewPrivs: s.NoNewPrivs, OOMScore: s.OOMScore, Ready: string(s.Ready),
		Facility: string(s.Facility), LogFile: string(s.LogFile), LogSize: s.LogSize, LogKeep: s.LogKeep,
		Needs: unpackList(s.Needs), Cgroup: unpackMap(s.Cgroup), Caps: unpackList(s.Caps), Seccomp: string(s.Seccomp),
		ReadOnly: unpackList(s.ReadOnly), ReadWrite: unpackList(s.ReadWrite), SandboxOptional: s.SandboxOptional,
		Health:      health,
		BeforeStart: unpackList(s.BeforeStart), AfterStop: unpackList(s.AfterStop), OnRespawn: unpackList(s.OnRespawn),
		HookLimit: s.HookLimit, Watchdog: s.Watchdog, Errors: unpackList(s.Errors),
	}
}
