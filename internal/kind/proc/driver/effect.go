// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"iter"
	"strings"

	"ucid/internal/engine"
	"ucid/internal/kind/proc"
)

// An effect is what a changed wish does to the child that runs.
type effect uint8

const (
	nothing effect = iota // the same, or only data that we do not read
	reload                // only files changed, and there is a signal for that
	restart
)

// effectOf compares every field in full.
func effectOf(old, new proc.Proc) effect {
	old.Data = new.Data
	if old == new {
		return nothing
	}
	old.Files = new.Files
	if old == new && new.Reload != 0 {
		return reload
	}
	return restart
}

// Effect says what a change does to the child.
func (d *Driver) Effect(c engine.Change[proc.Proc]) string {
	switch c.Op {
	case engine.Create:
		return "starts a process"
	case engine.Remove:
		return "stops the process"
	}
	switch effectOf(c.Old, c.New) {
	case nothing:
		return "nothing restarts"
	case reload:
		return "sends " + signalName(int(c.New.Reload)) + ", no restart"
	}
	return "restarts the process"
}

// filePaths yields the path of each PATH=DIGEST item; the digest holds no "=".
func filePaths(files engine.List) iter.Seq[string] {
	return func(yield func(string) bool) {
		for item := range files.All() {
			path := item
			if i := strings.LastIndexByte(item, '='); i >= 0 {
				path = item[:i]
			}
			if !yield(path) {
				return
			}
		}
	}
}
