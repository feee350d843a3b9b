// SPDX-License-Identifier: Apache-2.0

package process

import (
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"

	"ucid/internal/engine"
	"ucid/internal/kind/proc"
	"ucid/services"
)

// isPrefix accepts a prefix, an address or "default".
func isPrefix(text string) bool {
	if _, err := netip.ParsePrefix(text); err == nil || text == "default" {
		return true
	}
	_, err := netip.ParseAddr(text)
	return err == nil
}

// cgroupFiles are the limits that can be set, with their least and greatest number.
var cgroupFiles = map[string][2]uint64{"memory.max": {1 << 12, 1 << 62}, "pids.max": {1, 1 << 22}, "cpu.weight": {1, 10000}}

// cgroup reads items FILE=AMOUNT.
func (d *draft) cgroup() engine.Map {
	table := map[string]string{}
	for _, item := range d.p.Cgroup {
		name, value, _ := strings.Cut(item, "=")
		within, known := cgroupFiles[name]
		amount, ok := bytesOf(value)
		_, twice := table[name]
		switch {
		case !known:
			d.wrongItem("cgroup", item, "'%s' is none of memory.max=BYTES, pids.max=NUMBER, cpu.weight=1…10000", item)
		case value == "max" && name != "cpu.weight":
			amount = "max"
		case !ok || !inRange(amount, within):
			d.wrongItem("cgroup", item, "'%s': '%s' is not a number from %d to %d; bytes may end in K, M or G", item, value, within[0], within[1])
		case twice:
			d.wrongItem("cgroup", item, "sets %s twice", name)
		}
		table[name] = amount
	}
	return engine.MakeMap(table)
}

// bytesOf reads a number with an optional K, M or G of 1024.
func bytesOf(text string) (string, bool) {
	shift := 0
	if text != "" {
		if i := strings.IndexByte("KMG", text[len(text)-1]); i >= 0 {
			shift, text = 10*(i+1), text[:len(text)-1]
		}
	}
	n, err := strconv.ParseUint(text, 10, 62-shift)
	return strconv.FormatUint(n<<shift, 10), err == nil
}

func inRange(amount string, within [2]uint64) bool {
	n, err := strconv.ParseUint(amount, 10, 64)
	return err == nil && n >= within[0] && n <= within[1]
}

// A box is a sandbox that was checked.
type box struct {
	caps, readOnly, readWrite []string
	noNewPrivs, optional, bad bool
	seccomp                   string
}

// sandboxes checks the profiles, also those that nobody uses.
func sandboxes(c *Config, b *services.Builder) map[string]box {
	all := map[string]box{}
	for i := range c.Sandboxes {
		s := &c.Sandboxes[i]
		if s.Anonymous {
			b.Problem(s.Problem("", "a sandbox needs a name: config sandbox 'NAME'"))
			continue
		}
		x := box{caps: s.Capabilities, readOnly: s.ReadOnly, readWrite: s.ReadWrite,
			noNewPrivs: s.NoNewPrivs, optional: s.Optional, seccomp: s.Seccomp}
		for _, list := range []struct {
			option string
			paths  []string
		}{{"read_only", s.ReadOnly}, {"read_write", s.ReadWrite}} {
			for _, p := range list.paths {
				if !path.IsAbs(p) {
					b.ItemProblem(s.Meta, list.option, p, list.option+" '"+p+"' is not a path from / on")
					x.bad = true
				}
			}
		}
		if x.seccomp != "" && !path.IsAbs(x.seccomp) {
			b.Problem(s.Problem("seccomp", "seccomp '%s' is not a path from / on", x.seccomp))
			x.bad = true
		}
		all[s.Name] = x
	}
	return all
}

// confine fills in what keeps the process from doing harm. What the process says itself goes
// before its sandbox.
func (d *draft) confine(out *proc.Proc) {
	caps := d.p.Capabilities
	out.Seccomp = d.path("seccomp", d.p.Seccomp)
	if d.p.Sandbox != "" {
		x, ok := d.boxes[d.p.Sandbox]
		switch {
		case !ok:
			d.wrong("sandbox", "'%s': there is no 'config sandbox %s'", d.p.Sandbox, d.p.Sandbox)
		case x.bad:
			d.wrong("sandbox", "'%s' has mistakes of its own", d.p.Sandbox)
		}
		if len(caps) == 0 {
			caps = x.caps
		}
		if out.Seccomp == "" {
			out.Seccomp = x.seccomp
		}
		out.NoNewPrivs = out.NoNewPrivs || x.noNewPrivs
		out.ReadOnly, out.ReadWrite, out.SandboxOptional = cleaned(x.readOnly), cleaned(x.readWrite), x.optional
	}
	out.NoNewPrivs = out.NoNewPrivs || out.Seccomp != "" && d.p.Section().Option("no_new_privs") == nil
	out.Caps = capabilities(caps)
}

func cleaned(paths []string) engine.List {
	var all []string
	for _, p := range paths {
		all = append(all, path.Clean(p))
	}
	slices.Sort(all)
	return engine.MakeList(slices.Compact(all)...)
}

// capabilities brings names into one form; whether they exist the driver knows.
func capabilities(names []string) engine.List {
	var all []string
	for _, name := range names {
		name = strings.TrimPrefix(strings.ToUpper(name), "CAP_")
		if name == "NONE" {
			name = "none"
		}
		all = append(all, name)
	}
	slices.Sort(all)
	return engine.MakeList(slices.Compact(all)...)
}
