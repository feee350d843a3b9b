// SPDX-License-Identifier: Apache-2.0

// Package settings says how this host runs the daemon: directories, socket, log level and
// who may do what. What the router should do is UCI and is read elsewhere.
//
// Each setting comes from, in rising order: its default, /etc/ucid/ucid.yaml, the
// environment (UCID_ and its name in capitals), a flag of the command line.
package settings

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"
	"github.com/spf13/viper"
)

// DefaultFile is the settings file when UCID_SETTINGS does not name another.
const DefaultFile = "/etc/ucid/ucid.yaml"

// Settings of one daemon and of the commands that talk to it.
type Settings struct {
	ConfDir   string     // UCI files: UCID_CONFDIR
	SaveDir   string     // UCI changes that are not committed: UCID_SAVEDIR
	RunDir    string     // socket, ledgers, caches; empty after a reboot: UCID_RUNDIR
	StateDir  string     // what must survive a reboot: UCID_STATEDIR
	Socket    string     // control socket: UCID_SOCKET; default RUNDIR/ucid.sock
	LogLevel  slog.Level // debug, info, warn, error: UCID_LOG_LEVEL
	Operators []string   // groups whose members may operate: UCID_OPERATORS, separated by blanks
	Viewers   []string   // groups whose members may view: UCID_VIEWERS
}

// option is one setting: its name in the file and in flags, its default, and help.
type option struct{ name, value, help string }

var options = []option{
	{"confdir", "/etc/config", "directory of UCI files"},
	{"savedir", "/tmp/.uci", "directory of UCI changes that are not committed"},
	{"rundir", "/run/ucid", "directory of the socket, ledgers and caches"},
	{"statedir", "/etc/ucid", "directory of what must survive a reboot"},
	{"socket", "", "control socket (default RUNDIR/ucid.sock)"},
	{"log_level", "info", "debug, info, warn or error"},
	{"operators", "", "groups whose members may start, stop and confirm"},
	{"viewers", "", "groups whose members may look at everything but secrets"},
}

// Flags adds the settings that have flags to a command line.
func Flags(flags *pflag.FlagSet) {
	for _, o := range options {
		flags.String(flagName(o.name), "", fmt.Sprintf("%s (%s)", o.help, envName(o.name)))
	}
}

func flagName(name string) string { return strings.ReplaceAll(name, "_", "-") }
func envName(name string) string  { return "UCID_" + strings.ToUpper(name) }

// Load reads the settings. flags may be nil; only flags that were given count.
func Load(flags *pflag.FlagSet) (Settings, error) {
	v := viper.New()
	for _, o := range options {
		v.SetDefault(o.name, o.value)
		if err := v.BindEnv(o.name, envName(o.name)); err != nil {
			return Settings{}, err
		}
		if flags == nil {
			continue
		}
		if f := flags.Lookup(flagName(o.name)); f != nil && f.Changed {
			v.Set(o.name, f.Value.String())
		}
	}
	if err := readFile(v); err != nil {
		return Settings{}, err
	}
	return build(v)
}

func readFile(v *viper.Viper) error {
	path := os.Getenv("UCID_SETTINGS")
	named := path != ""
	if !named {
		path = DefaultFile
	}
	v.SetConfigFile(path)
	v.SetConfigType("yaml")
	err := v.ReadInConfig()
	if errors.Is(err, fs.ErrNotExist) && !named {
		return nil
	}
	if err != nil {
		return fmt.Errorf("settings: cannot read %s: %w", path, err)
	}
	for _, key := range v.AllKeys() {
		if !known(key) {
			return fmt.Errorf("settings: %s: unknown setting %q; there are: %s", path, key, strings.Join(names(), ", "))
		}
	}
	return nil
}

func known(key string) bool {
	for _, o := range options {
		if o.name == key {
			return true
		}
	}
	return false
}

func names() []string {
	var all []string
	for _, o := range options {
		all = append(all, o.name)
	}
	return all
}

func build(v *viper.Viper) (Settings, error) {
	s := Settings{
		Operators: v.GetStringSlice("operators"),
		Viewers:   v.GetStringSlice("viewers"),
	}
	for name, dir := range map[string]*string{"confdir": &s.ConfDir, "savedir": &s.SaveDir,
		"rundir": &s.RunDir, "statedir": &s.StateDir} {
		abs, err := filepath.Abs(v.GetString(name))
		if err != nil || v.GetString(name) == "" {
			return s, fmt.Errorf("settings: %s is not a directory: %q", name, v.GetString(name))
		}
		*dir = abs
	}
	if s.Socket = v.GetString("socket"); s.Socket == "" {
		s.Socket = filepath.Join(s.RunDir, "ucid.sock")
	}
	if err := s.LogLevel.UnmarshalText([]byte(v.GetString("log_level"))); err != nil {
		return s, fmt.Errorf("settings: log_level: %q is not one of debug, info, warn, error", v.GetString("log_level"))
	}
	return s, nil
}
