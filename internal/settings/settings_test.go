// SPDX-License-Identifier: Apache-2.0

package settings

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// load reads the settings with a file and flags, in an environment of the test's own.
func load(t *testing.T, file string, args ...string) (Settings, error) {
	t.Helper()
	for _, o := range options {
		if _, set := os.LookupEnv(envName(o.name)); !set {
			t.Setenv(envName(o.name), "")
		}
	}
	path := filepath.Join(t.TempDir(), "ucid.yaml")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("UCID_SETTINGS", path)
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	Flags(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return Load(flags)
}

func mustLoad(t *testing.T, file string, args ...string) Settings {
	t.Helper()
	s, err := load(t, file, args...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDefaults(t *testing.T) {
	s := mustLoad(t, "")
	if s.ConfDir != "/etc/config" || s.SaveDir != "/tmp/.uci" || s.RunDir != "/run/ucid" || s.StateDir != "/etc/ucid" ||
		s.Socket != "/run/ucid/ucid.sock" || s.LogLevel != slog.LevelInfo || len(s.Operators)+len(s.Viewers) != 0 {
		t.Errorf("%+v", s)
	}
}

func TestFlagBeatsEnvironmentBeatsFile(t *testing.T) {
	file := "rundir: /from/file\nconfdir: /from/file\nsavedir: /from/file\nlog_level: warn\n"
	t.Setenv("UCID_RUNDIR", "/from/env")
	t.Setenv("UCID_CONFDIR", "/from/env")
	s := mustLoad(t, file, "--rundir", "/from/flag", "--log-level=debug")
	if s.RunDir != "/from/flag" || s.ConfDir != "/from/env" || s.SaveDir != "/from/file" || s.StateDir != "/etc/ucid" || s.LogLevel != slog.LevelDebug {
		t.Errorf("%+v", s)
	}
	if s.Socket != "/from/flag/ucid.sock" {
		t.Errorf("socket %s is not in the run directory", s.Socket)
	}
}

func TestGroups(t *testing.T) {
	s := mustLoad(t, "operators: [wheel, net admins]\nviewers: staff users\n")
	if !slices.Equal(s.Operators, []string{"wheel", "net admins"}) || !slices.Equal(s.Viewers, []string{"staff", "users"}) {
		t.Errorf("operators %q, viewers %q", s.Operators, s.Viewers)
	}
	t.Setenv("UCID_OPERATORS", "a b")
	if s := mustLoad(t, "operators: [wheel]"); !slices.Equal(s.Operators, []string{"a", "b"}) {
		t.Errorf("operators %q", s.Operators)
	}
}

func TestDirectoriesBecomeAbsolute(t *testing.T) {
	t.Chdir(t.TempDir())
	here, _ := os.Getwd()
	if s := mustLoad(t, "", "--rundir", "run/../x"); s.RunDir != filepath.Join(here, "x") {
		t.Errorf("run directory %s", s.RunDir)
	}
}

func TestMistakesAreNamed(t *testing.T) {
	for _, c := range []struct{ file, words string }{
		{"rundri: /x", `unknown setting "rundri"`},
		{"a: {b: c}", `unknown setting "a.b"`},
		{"confdir: {x: y}", "confdir"},
		{"confdir: [a, b]", "confdir"},
		{"confdir: ''", "confdir"},
		{"log_level: loud", `"loud" is not one of`},
		{"log_level: [info]", "log_level"},
		{"- a list", "cannot read"},
		{"{", "cannot read"},
		{"\x00\xff", "cannot read"},
	} {
		if s, err := load(t, c.file); err == nil || !strings.Contains(err.Error(), c.words) || !strings.HasPrefix(err.Error(), "settings: ") {
			t.Errorf("%q: %+v, %v; want an error with %q", c.file, s, err, c.words)
		}
	}
}

func TestNamedFileMustBeThere(t *testing.T) {
	t.Setenv("UCID_SETTINGS", filepath.Join(t.TempDir(), "none.yaml"))
	if _, err := Load(nil); err == nil || !strings.Contains(err.Error(), "none.yaml") {
		t.Errorf("%v", err)
	}
	t.Setenv("UCID_SETTINGS", "") // as other variables do, an empty one says nothing
	if _, err := Load(nil); err != nil {
		t.Error(err)
	}
	t.Setenv("UCID_SETTINGS", t.TempDir())
	if _, err := Load(nil); err == nil {
		t.Error("a directory is read as a file")
	}
}
