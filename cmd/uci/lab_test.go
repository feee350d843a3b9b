// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// lab is a configuration directory with save directories for the tool to work on.
type lab struct {
	t    *testing.T
	dir  string
	conf string
	save string
	wrap []string // a command that runs the tool
}

func newLab(t *testing.T, config string) *lab {
	t.Helper()
	return labIn(t, t.TempDir(), config)
}

func labIn(t *testing.T, dir, config string) *lab {
	t.Helper()
	l := &lab{t: t, dir: dir, conf: filepath.Join(dir, "config"), save: filepath.Join(dir, "save")}
	for _, d := range []string{l.conf, l.save} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	l.write("p", config)
	return l
}

// write makes a configuration file.
func (l *lab) write(pkg, text string) {
	l.t.Helper()
	if err := os.WriteFile(filepath.Join(l.conf, pkg), []byte(text), 0o644); err != nil {
		l.t.Fatal(err)
	}
}

// user is the same lab with another save directory.
func (l *lab) user(name string) *lab {
	other := *l
	other.save = filepath.Join(l.dir, name)
	return &other
}

// run runs the tool; a death by signal has the exit code -1.
func (l *lab) run(args ...string) (stdout, stderr string, exit int) {
	l.t.Helper()
	argv := append(append([]string{}, l.wrap...), binary, "-c", l.conf, "-t", l.save)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], append(argv[1:], args...)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if e := (*exec.ExitError)(nil); err != nil && !errors.As(err, &e) {
		l.t.Error(err)
	}
	if ctx.Err() != nil {
		l.t.Errorf("uci %q hangs", args)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// must runs the tool, which has to succeed, and gives its output without the last newline.
func (l *lab) must(args ...string) string {
	l.t.Helper()
	out, errs, exit := l.run(args...)
	if exit != 0 {
		l.t.Errorf("uci %q: exit %d: %s", args, exit, errs)
	}
	return strings.TrimSuffix(out, "\n")
}

func (l *lab) file(path string) string {
	data, err := os.ReadFile(filepath.Join(l.dir, path))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		l.t.Error(err)
	}
	return string(data)
}
