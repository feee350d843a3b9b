// SPDX-License-Identifier: Apache-2.0

// Package driver writes rendered files as objects of kind "file".
//
// A file is ours when the ledger says so and it still is the very file that was written:
// one that somebody else put in its place is never changed or removed.
package driver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"ucid/internal/engine"
	"ucid/internal/kind/file"
)

// Options say where a Driver keeps its ledger.
type Options struct {
	RunDir string // the ledger is RunDir/files.json, mode 0600
}

// A Driver writes files. See [New].
type Driver struct {
	mu     sync.Mutex
	ledger *ledger
	news   chan string // directories that Watch has to look at as well
}

// The optional interfaces of the engine that Driver implements.
var (
	_ engine.Driver[file.File, string] = (*Driver)(nil)
	_ engine.Watcher                   = (*Driver)(nil)
	_ engine.Checker[file.File]        = (*Driver)(nil)
	_ engine.Surveyor[file.File]       = (*Driver)(nil)
	_ engine.Forecaster[file.File]     = (*Driver)(nil)
)

// New reads the ledger of an earlier driver on the same run directory.
func New(opt Options) (*Driver, error) {
	if err := os.MkdirAll(opt.RunDir, 0o755); err != nil {
		return nil, fmt.Errorf("cannot make the run directory: %w", err)
	}
	l, err := readLedger(filepath.Join(opt.RunDir, "files.json"))
	if err != nil {
		return nil, err
	}
	l.tidy()
	return &Driver{ledger: l, news: make(chan string, 1)}, nil
}

// Kind returns "file".
func (d *Driver) Kind() string { return file.Kind }

// Key returns the path.
func (d *Driver) Key(f file.File) string { return f.Key() }

// Needs nothing: a directory is not made by us.
func (d *Driver) Needs(file.File, func(engine.Ref)) {}

// Effect says what a change does.
func (d *Driver) Effect(c engine.Change[file.File]) string {
	switch c.Op {
	case engine.Create:
		return "writes the file"
	case engine.Remove:
		return "removes the file"
	}
	return "replaces the file in one step"
}

// Check refuses what could not be written.
func (d *Driver) Check(f file.File) error {
	switch {
	case !filepath.IsAbs(f.Path) || filepath.Clean(f.Path) != f.Path || f.Path == "/":
		return fmt.Errorf("file %q: the path is not absolute and clean", f.Path)
	case strings.ContainsFunc(f.Path, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return fmt.Errorf("file %q: the path holds a control character", f.Path)
	case f.Mode&^fs.ModePerm != 0:
		return fmt.Errorf("file %s: mode %v has more than permission bits", f.Path, f.Mode)
	}
	if _, _, err := owners(f); err != nil {
		return fmt.Errorf("file %s: %w", f.Path, err)
	}
	return checkPlace(f.Path)
}

// checkPlace wants a directory to write to, and nothing but a regular file to replace.
func checkPlace(path string) error {
	dir := filepath.Dir(path)
	st, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("file %s: the directory %s does not exist; create it first", path, dir)
	case err != nil:
		return fmt.Errorf("file %s: %w", path, err)
	case !st.IsDir():
		return fmt.Errorf("file %s: %s is not a directory", path, dir)
	}
	if st, err = os.Lstat(path); err == nil && !st.Mode().IsRegular() {
		return fmt.Errorf("file %s: there is %s in its place, which ucid does not replace", path, kindOf(st.Mode()))
	}
	return nil
}

func kindOf(mode fs.FileMode) string {
	switch mode.Type() {
	case fs.ModeSymlink:
		return "a symbolic link"
	case fs.ModeDir:
		return "a directory"
	case fs.ModeNamedPipe:
		return "a FIFO"
	case fs.ModeSocket:
		return "a socket"
	case 0:
		return "a regular file"
	}
	return "a device"
}

// Observe reads back every file of the ledger that still is the one that was written.
func (d *Driver) Observe(context.Context) ([]file.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []file.File
	for path, e := range d.ledger.entries {
		seen, err := look(path)
		if err != nil || !e.owns(seen) {
			continue
		}
		all = append(all, seen.as(e))
	}
	return all, nil
}

// Foreign tells what is in the place of files that are not ours.
func (d *Driver) Foreign(_ context.Context, wanted []file.File) ([]engine.Standing, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	found := make([]engine.Standing, len(wanted))
	for i, f := range wanted {
		st, err := os.Lstat(f.Path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		found[i] = d.standing(f, st, err)
	}
	return found, nil
}

func (d *Driver) standing(f file.File, st fs.FileInfo, err error) engine.Standing {
	if err != nil {
		return engine.Standing{Owner: "something that cannot be read: " + err.Error()}
	}
	if !st.Mode().IsRegular() {
		return engine.Standing{Owner: kindOf(st.Mode()) + " that ucid did not make"}
	}
	seen, err := look(f.Path)
	if err != nil {
		return engine.Standing{Owner: "something that cannot be read: " + err.Error()}
	}
	if e, known := d.ledger.entries[f.Path]; known && e.owns(seen) {
		return engine.Standing{}
	}
	return engine.Standing{
		Same:  seen.content == f.Content.Reveal() && seen.mode == f.Mode.Perm(),
		Owner: "a file that ucid did not write",
	}
}
