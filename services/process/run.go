// SPDX-License-Identifier: Apache-2.0

package process

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"ucid/internal/engine"
	"ucid/internal/kind/proc"
)

// files are the paths whose content matters; the driver takes the digests.
func (d *draft) files() engine.List {
	var items []string
	for _, item := range d.p.Files {
		if !path.IsAbs(item) || strings.Contains(item, "=") {
			d.wrongItem("file", item, "'%s' is not a path from / on, without '='", item)
		}
		items = append(items, path.Clean(item))
	}
	slices.Sort(items)
	return engine.MakeList(slices.Compact(items)...)
}

// facilities of syslog, by their names.
var facilities = []string{"auth", "authpriv", "cron", "daemon", "ftp", "kern", "local0", "local1", "local2", "local3",
	"local4", "local5", "local6", "local7", "lpr", "mail", "news", "syslog", "user", "uucp"}

func (d *draft) facility() string {
	name := strings.ToLower(d.p.Facility)
	if name != "" && !slices.Contains(facilities, name) {
		d.wrong("facility", "'%s' is none of %s", d.p.Facility, strings.Join(facilities, ", "))
	}
	return name
}

// output fills in where captured output goes beside the log of ucid.
func (d *draft) output(out *proc.Proc) {
	if (d.p.LogFile != "" || d.p.Facility != "") && !d.p.Stdout && !d.p.Stderr {
		d.b.Problem(d.p.Warning("", "stdout and stderr are not captured, so there is nothing for facility and logfile"))
	}
	if d.p.LogFile == "" {
		return
	}
	out.LogFile = d.path("logfile", d.p.LogFile)
	out.LogSize, out.LogKeep = d.p.LogSize<<10, d.p.LogKeep
}

// needs reads what has to be there before the start. A plain name is another process.
func (d *draft) needs() engine.List {
	var items []string
	for _, item := range d.p.Needs {
		kind, name, ok := strings.Cut(item, ":")
		if !ok {
			kind, name = "proc", item
		}
		switch {
		case name == "" || !slices.Contains(proc.NeedKinds, kind):
			d.wrongItem("needs", item, "'%s' is neither the name of a process nor iface:NAME, file:PATH, route:PREFIX", item)
		case kind == "proc" && name == d.p.Name:
			d.wrongItem("needs", item, "'%s' is the process itself", item)
		case kind == "file" && !path.IsAbs(name):
			d.wrongItem("needs", item, "'%s': '%s' is not a path from / on", item, name)
		case kind == "route" && !isPrefix(name):
			d.wrongItem("needs", item, "'%s': '%s' is not a prefix, as in 10.0.0.0/8, or default", item, name)
		}
		items = append(items, kind+":"+name)
	}
	slices.Sort(items)
	return engine.MakeList(slices.Compact(items)...)
}

// health reads how the process is looked after.
func (d *draft) health() proc.Health {
	p := d.p
	if p.Health == "" {
		return proc.Health{}
	}
	how, what, _ := strings.Cut(p.Health, ":")
	switch {
	case how == "exec" && isProgram(what):
	case how == "unix" && path.IsAbs(what):
	case (how == "tcp" || how == "http") && hasPort(what):
	default:
		d.wrong("health", "'%s' is none of exec:PROGRAM ARGUMENTS, tcp:HOST:PORT, http:HOST:PORT/PATH, unix:PATH", p.Health)
	}
	return proc.Health{Check: p.Health, Interval: p.HealthEvery, Timeout: p.HealthTimeout,
		Retries: p.HealthRetries, Restart: p.HealthAction == "restart"}
}

// isProgram reports whether a line of words starts with one that can be a program.
func isProgram(line string) bool {
	words := strings.Fields(line)
	return len(words) > 0 && (path.IsAbs(words[0]) || inPath(words[0]))
}

func hasPort(address string) bool {
	address, _, _ = strings.Cut(address, "/")
	i := strings.LastIndexByte(address, ':')
	if i <= 0 {
		return false
	}
	n, err := strconv.ParseUint(address[i+1:], 10, 16)
	return err == nil && n > 0
}

func (d *draft) hooks(out *proc.Proc) {
	p := d.p
	out.BeforeStart = d.words("before_start", p.BeforeStart)
	out.AfterStop = d.words("after_stop", p.AfterStop)
	out.OnRespawn = d.words("on_respawn", p.OnRespawn)
	if !out.BeforeStart.Empty() || !out.AfterStop.Empty() || !out.OnRespawn.Empty() {
		out.HookLimit = p.HookTimeout
	}
}
