// SPDX-License-Identifier: Apache-2.0

package process

import (
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"ucid/internal/engine"
	"ucid/internal/kind/link"
	"ucid/internal/kind/proc"
	"ucid/uci"
)

func inPath(program string) bool { return !strings.Contains(program, "/") }

// pairs reads items NAME=VALUE. A Problem never shows the value.
func (d *draft) pairs(option string, items []string) engine.Map {
	table := map[string]string{}
	for i, item := range items {
		name, value, ok := strings.Cut(item, "=")
		_, twice := table[name]
		switch {
		case !ok || name == "":
			d.wrongItem(option, item, "has an item, number %d, that is not NAME=VALUE", i+1)
		case twice:
			d.wrongItem(option, item, "sets %s twice", name)
		}
		table[name] = value
	}
	return engine.MakeMap(table)
}

// path checks that a path starts at the root, and cleans it.
func (d *draft) path(option, text string) string {
	if text == "" {
		return ""
	}
	if !path.IsAbs(text) {
		d.wrong(option, "'%s' is not a path from / on", text)
	}
	return path.Clean(text)
}

// account checks the name or number of a user or group; whether it exists the driver knows.
func (d *draft) account(option, text string) string {
	if strings.ContainsAny(text, ": \t\r\n/") {
		d.wrong(option, "'%s' is not the name or number of a %s", text, option)
	}
	return text
}

// umask reads an octal number. 0 would stand for the default, so it is refused.
func (d *draft) umask() uint32 {
	if d.p.Umask == "" {
		return 0
	}
	mask, err := strconv.ParseUint(d.p.Umask, 8, 32)
	if err != nil || mask > 0o777 || mask == 0 {
		d.wrong("umask", "'%s' is not an octal number from 001 to 777, as in 022", d.p.Umask)
	}
	return uint32(mask)
}

// respawn reads a switch, or up to three numbers; those that are left out are the default's.
func (d *draft) respawn() proc.Respawn {
	r, items := proc.DefaultRespawn, d.p.Respawn
	r.MaxDelay, r.OnFailure = d.p.Backoff, d.p.RespawnOn == "failure"
	if len(items) == 1 {
		if on, isSwitch := uci.ParseBool(items[0]); isSwitch {
			if on {
				return r
			}
			return proc.Respawn{}
		}
	}
	numbers := [3]uint64{uint64(r.Threshold / time.Second), uint64(r.Delay / time.Second), uint64(r.Retry)}
	for i, item := range items {
		n, err := strconv.ParseUint(item, 10, 31)
		if err != nil || i >= len(numbers) {
			d.wrong("respawn", "'%s' is not 0, 1, or THRESHOLD TIMEOUT RETRY, the first two in seconds, as in '3600 5 0'",
				strings.Join(items, " "))
			return r
		}
		numbers[i] = n
	}
	r.Threshold, r.Delay = time.Duration(numbers[0])*time.Second, time.Duration(numbers[1])*time.Second
	r.Retry = int(numbers[2])
	return r
}

// netDevs pairs each device with its ifindex; 0 stands for one that is not there.
func (d *draft) netDevs() engine.List {
	var items []string
	for _, name := range d.p.NetDevs {
		index, ok := d.b.Fact(link.Index, name)
		if !ok {
			index = "0"
		}
		items = append(items, name+"="+index)
	}
	slices.Sort(items)
	return engine.MakeList(slices.Compact(items)...)
}

// ready checks how the process tells that it has started.
func (d *draft) ready() string {
	how, what, _ := strings.Cut(d.p.Ready, ":")
	port := strings.LastIndexByte(what, ':')
	switch {
	case d.p.Ready == "", d.p.Ready == "notify":
	case (how == "socket" || how == "file") && path.IsAbs(what):
	case how == "exec" && isProgram(what):
	case how == "tcp" && port >= 0 && port < len(what)-1:
	default:
		d.wrong("ready", "'%s' is none of notify, socket:PATH, file:PATH, tcp:HOST:PORT, exec:PROGRAM ARGUMENTS", d.p.Ready)
	}
	return d.p.Ready
}
