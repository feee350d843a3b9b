// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ucid/internal/kind/proc"
)

// maxName keeps the files named after a process within what a directory entry holds.
const maxName = 80

// Check refuses what could not be started, before anything is touched.
func (d *Driver) Check(p proc.Proc) error {
	for _, check := range []func(proc.Proc) error{
		func(p proc.Proc) error { return checkName(p.Name) },
		checkUser, checkCommand, checkEnv, checkPaths, checkRanges, checkLimits, checkReady, checkOutlets, checkNeeds, d.checkCircle, d.checkCgroup,
		checkCaps, checkSeccomp, checkSandbox, checkHealth, checkHooks,
	} {
		if err := check(p); err != nil {
			return err
		}
	}
	return nil
}

// checkName accepts SERVICE and SERVICE/INSTANCE.
func checkName(name string) error {
	if name == "" {
		return errors.New("a process needs a name")
	}
	if len(name) > maxName {
		return fmt.Errorf("process name %.20q… has %d bytes, at most %d are allowed", name, len(name), maxName)
	}
	if strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return fmt.Errorf("process name %q holds a control character", name)
	}
	parts := strings.Split(name, "/")
	if len(parts) > 2 {
		return fmt.Errorf("process name %q has more than one slash; it is SERVICE or SERVICE/INSTANCE", name)
	}
	for _, part := range parts {
		if part == "" || part == "." || part == ".." {
			return fmt.Errorf("process name %q: %q is not a name", name, part)
		}
	}
	return nil
}

func checkUser(p proc.Proc) error {
	_, err := lookupAccount(p.User, p.Group)
	return err
}

func checkCommand(p proc.Proc) error {
	argv := p.Command.Slice()
	if len(argv) == 0 || argv[0] == "" {
		return errors.New("the command is empty")
	}
	if i := slices.IndexFunc(argv, hasNul); i >= 0 {
		return fmt.Errorf("word %d of the command holds a NUL byte", i+1)
	}
	if slices.Contains(slices.Collect(filePaths(p.Files)), argv[0]) {
		return nil // it is written before it is started
	}
	_, err := lookPath(argv[0], searchPath(p))
	return err
}

func hasNul(s string) bool { return strings.IndexByte(s, 0) >= 0 }

func checkEnv(p proc.Proc) error {
	for k, v := range p.Env.All() {
		if k == "" || strings.ContainsAny(k, "=\x00") {
			return fmt.Errorf("environment variable %q: the name is empty or holds \"=\" or a NUL byte", k)
		}
		if k == tagVariable {
			return fmt.Errorf("environment variable %s is set by ucid itself", k)
		}
		if hasNul(v) {
			return fmt.Errorf("environment variable %s: the value holds a NUL byte", k)
		}
	}
	return nil
}

func checkPaths(p proc.Proc) error {
	if p.Dir != "" {
		if !filepath.IsAbs(p.Dir) {
			return fmt.Errorf("working directory %q is not an absolute path", p.Dir)
		}
		st, err := os.Stat(p.Dir)
		if err != nil {
			return fmt.Errorf("working directory: %w; create it first", err)
		}
		if !st.IsDir() {
			return fmt.Errorf("working directory %s is not a directory", p.Dir)
		}
	}
	if p.PidFile != "" && (!filepath.IsAbs(p.PidFile) || hasNul(p.PidFile)) {
		return fmt.Errorf("pid file %q is not an absolute path", p.PidFile)
	}
	return nil
}

func checkRanges(p proc.Proc) error {
	switch {
	case p.Nice < -20 || p.Nice > 19:
		return fmt.Errorf("nice %d is not in -20 to 19", p.Nice)
	case p.OOMScore < -1000 || p.OOMScore > 1000:
		return fmt.Errorf("oom_score_adj %d is not in -1000 to 1000", p.OOMScore)
	case p.Umask > 0o777:
		return fmt.Errorf("umask %#o is not in 0 to 0777", p.Umask)
	case p.Reload > maxSignal:
		return fmt.Errorf("reload signal %d is not in 1 to %d", p.Reload, maxSignal)
	case p.Watchdog < 0:
		return fmt.Errorf("the time of the watchdog, %v, is negative", p.Watchdog)
	case p.TermAfter < 0:
		return fmt.Errorf("the time to stop in, %v, is negative", p.TermAfter)
	case p.Respawn.Delay < 0, p.Respawn.Threshold < 0, p.Respawn.MaxDelay < 0:
		return errors.New("a respawn time is negative")
	case p.Respawn.Retry < 0:
		return fmt.Errorf("respawn retry %d is negative; 0 means for ever", p.Respawn.Retry)
	}
	return nil
}

func checkLimits(p proc.Proc) error {
	_, err := parseLimits(p.Limits)
	return err
}

func (d *Driver) checkCgroup(p proc.Proc) error { return d.cgroups.check(p, d.opt.NoCgroup) }

func checkCaps(p proc.Proc) error {
	_, err := parseCaps(p.Caps)
	return err
}

func checkOutlets(p proc.Proc) error {
	if _, ok := facilityCodes[p.Facility]; !ok && p.Facility != "" {
		return fmt.Errorf("facility %q is none of syslog's", p.Facility)
	}
	if p.LogFile == "" {
		return nil
	}
	if !filepath.IsAbs(p.LogFile) || hasNul(p.LogFile) {
		return fmt.Errorf("log file %q is not an absolute path", p.LogFile)
	}
	if st, err := os.Stat(filepath.Dir(p.LogFile)); err != nil || !st.IsDir() {
		return fmt.Errorf("log file: there is no directory %s; create it first", filepath.Dir(p.LogFile))
	}
	return nil
}

func checkReady(p proc.Proc) error {
	how, what, _ := strings.Cut(p.Ready, ":")
	switch how {
	case "":
		return nil
	case readyNotify:
		if what == "" {
			return nil
		}
	case "socket", "file":
		if filepath.IsAbs(what) {
			return nil
		}
		return fmt.Errorf("ready %q: %q is not an absolute path", p.Ready, what)
	case "exec":
		return checkProgram(p, strings.Fields(what))
	case "tcp":
		if _, _, err := net.SplitHostPort(what); err == nil {
			return nil
		}
		return fmt.Errorf("ready %q: %q is not HOST:PORT", p.Ready, what)
	}
	return fmt.Errorf("ready %q is none of notify, socket:PATH, file:PATH, tcp:HOST:PORT, exec:PROGRAM ARGUMENTS", p.Ready)
}
