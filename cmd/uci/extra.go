// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"

	"ucid/uci"
)

// extra runs the commands that only this tool has.
func (t *tool) extra(name string, args []string) int {
	switch {
	case name == "diff" && (len(args) == 1 || len(args) == 2):
		return t.diff(args)
	case name == "edit" && len(args) == 1 && t.batch == nil:
		return t.edit(args[0])
	case name == "complete":
		t.complete(args)
		return 0
	case name == "completion" && len(args) == 1 && completions[args[0]] != "":
		t.out.print(completions[args[0]])
		return 0
	}
	return exitUsage
}

// diff prints what differs between two packages, or between what is committed of one and
// what waits. A package is a name or the path of a file. The exit code is 1 when they differ.
func (t *tool) diff(args []string) int {
	var a, b *uci.Package
	var err error
	if len(args) == 1 {
		a, err = uci.ReadFile(args[0], filepath.Join(t.store.ConfDir, args[0]))
	} else {
		a, err = t.load(args[0])
	}
	if err == nil {
		b, err = t.load(args[len(args)-1])
	}
	if err != nil {
		t.fail(err)
		return exitInvalid
	}
	diffs := uci.Diff(a, b)
	for _, d := range diffs {
		t.diffLine("-", a, d, d.Old)
		t.diffLine("+", b, d, d.New)
	}
	if len(diffs) > 0 {
		return 1
	}
	return 0
}

func (t *tool) load(arg string) (*uci.Package, error) {
	if strings.Contains(arg, "/") {
		return uci.ReadFile(filepath.Base(arg), arg)
	}
	return t.store.Package(arg)
}

func (t *tool) diffLine(sign string, p *uci.Package, d uci.Difference, values []string) {
	if values == nil {
		return
	}
	t.out.print(sign, p.Name(), ".", d.Section)
	if d.Option == "" {
		t.out.print("=", values[0], "\n")
		return
	}
	t.out.print(".", d.Option, "=")
	for i, v := range values {
		if i > 0 {
			t.out.print(t.delimiter)
		}
		t.out.quote(v)
	}
	t.out.print("\n")
}

// edit opens a package in an editor, and puts it in place when it can be read.
func (t *tool) edit(pkg string) int {
	if !uci.ValidName(strings.ReplaceAll(pkg, "-", "_")) {
		return t.fail(uci.ErrInvalid)
	}
	path := filepath.Join(t.store.ConfDir, pkg)
	old, err := os.ReadFile(path)
	if err != nil {
		return t.fail(uci.ErrNotFound)
	}
	text, draft, err := t.editText(pkg, old)
	if err == nil && !bytes.Equal(text, old) {
		_, err = uci.Parse(pkg, draft, text)
	}
	if err == nil && !bytes.Equal(text, old) {
		err = uci.EditText(path, func(now []byte) ([]byte, error) {
			if !bytes.Equal(now, old) {
				return nil, editError("someone else has changed it meanwhile")
			}
			return text, nil
		})
	}
	if err != nil {
		t.fail(err)
		if now, rerr := os.ReadFile(draft); rerr == nil && !bytes.Equal(now, old) {
			t.stderr("What you wrote is in " + draft + "\n")
			return 1
		}
	}
	if draft != "" {
		os.RemoveAll(filepath.Dir(draft))
	}
	if err != nil {
		return 1
	}
	return 0
}

// editError is a reason for which an edit does not reach the configuration.
type editError string

func (e editError) Error() string { return string(e) }

// editText lets the user edit a text; draft is the file it is in.
func (t *tool) editText(pkg string, old []byte) (text []byte, draft string, err error) {
	dir, err := os.MkdirTemp("", "uci-edit-")
	if err != nil {
		return nil, "", err
	}
	draft = filepath.Join(dir, pkg)
	if err := os.WriteFile(draft, old, 0o600); err != nil {
		return nil, draft, err
	}
	t.out.flush()
	const run = `${VISUAL:-${EDITOR:-vi}} "$1"`
	proc, err := os.StartProcess("/bin/sh", []string{"sh", "-c", run, "sh", draft},
		&os.ProcAttr{Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}})
	if err != nil {
		return nil, draft, err
	}
	state, err := proc.Wait()
	if err == nil && !state.Success() {
		err = editError("the editor failed")
	}
	if err != nil {
		return nil, draft, err
	}
	text, err = os.ReadFile(draft)
	return text, draft, err
}
