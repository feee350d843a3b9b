// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"

	"ucid/uci"
)

// command runs one command and gives its exit code.
func (t *tool) command(args []string) int {
	name := strings.ToLower(args[0])
	args = args[1:]
	t.store.Warn = nil
	if name == "changes" || name == "commit" || name == "revert" {
		t.store.Warn = t.warn
	}
	switch name {
	case "get", "set", "add_list", "del_list", "delete", "del", "rename", "ren", "revert", "reorder":
		return t.sectionCommand(name, args)
	case "show", "changes", "export", "commit":
		return t.packageCommand(name, args)
	case "add":
		return t.add(args)
	case "import":
		return t.importText(args)
	case "batch":
		return t.runBatch()
	case "help":
		t.usage()
		return 0
	}
	return t.extra(name, args)
}

// operations are the commands that stage one change.
func operation(name string) (op uci.Op, ok bool) {
	switch name {
	case "set":
		return uci.OpSet, true
	case "add_list":
		return uci.OpAddList, true
	case "del_list":
		return uci.OpDelList, true
	case "delete", "del":
		return uci.OpDelete, true
	case "rename", "ren":
		return uci.OpRename, true
	case "reorder":
		return uci.OpReorder, true
	}
	return 0, false
}

// sectionCommand runs a command on one address.
func (t *tool) sectionCommand(name string, args []string) int {
	if len(args) != 1 {
		return exitUsage
	}
	tuple, err := uci.ParseTuple(args[0])
	if err != nil {
		return t.fail(err)
	}
	t.loaded = true
	if op, ok := operation(name); ok {
		err = t.store.Stage(op, tuple)
	} else {
		err = t.lookAt(name, tuple)
	}
	if err == uci.ErrNotNumber || err == errSilent {
		return 1
	}
	if err != nil {
		return t.fail(err)
	}
	return 0
}

// packageCommand runs a command on one package, or on all of them.
func (t *tool) packageCommand(name string, args []string) int {
	if len(args) > 1 {
		return exitUsage
	}
	t.loaded = true
	if t.json && name != "commit" {
		return t.jsonCommand(name, args)
	}
	if len(args) == 1 {
		if err := t.onPackage(name, args[0]); err != nil {
			return t.fail(err)
		}
		return 0
	}
	packages, err := t.packages()
	if err != nil {
		return t.fail(err)
	}
	exit := 0
	for _, p := range packages {
		err := t.onPackage(name, p)
		if err == nil {
			continue
		}
		t.fail(err)
		if name == "commit" && code(err) == exitIO {
			exit = 1 // not committed: the caller has to know
		}
	}
	return exit
}

func (t *tool) onPackage(name, arg string) error {
	tuple, err := uci.ParseTuple(arg)
	if err != nil {
		return err
	}
	switch name {
	case "show":
		return t.show(tuple)
	case "changes":
		return t.changes(tuple)
	case "export":
		return t.export(tuple)
	}
	return t.commit(tuple)
}

// add adds an anonymous section and prints its name.
func (t *tool) add(args []string) int {
	if len(args) != 2 {
		return exitUsage
	}
	t.loaded = true
	name, err := t.store.Add(args[0], args[1])
	if err != nil {
		t.fail(err)
		return code(err)
	}
	t.out.print(name, "\n")
	return 0
}

func (t *tool) commit(tuple uci.Tuple) error {
	if _, err := t.check(tuple); err != nil || t.noCommit {
		return err
	}
	return t.store.Commit(tuple.Package)
}
