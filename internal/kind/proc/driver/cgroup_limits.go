// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"ucid/internal/engine"
	"ucid/internal/kind/proc"
)

// controllerOf are the limits a process may have, and the controllers they are of.
var controllerOf = map[string]string{"memory.max": "memory", "pids.max": "pids", "cpu.weight": "cpu"}

// leaf is the group that the daemon itself moves to: the kernel lets no group with
// processes in it hand controllers down (cgroups(7), "no internal processes").
const leaf = "ucid-self"

// FindCgroup makes a directory for [Options.Cgroup] below the daemon's own group of the
// cgroup v2 hierarchy, with the controllers handed down that are there. Each run directory
// has one of its own. It fails where there is no such hierarchy, or it is not ours to use.
func FindCgroup(runDir string) (string, error) {
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", err
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return "", err
	}
	base, err := ownGroup(string(mounts), string(own))
	if err != nil {
		return "", err
	}
	if err := delegated(base); err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(runDir))
	return prepareGroup(base, "ucid-"+hex.EncodeToString(sum[:4]), os.Getpid())
}

// delegated reports whether systemd, where it runs, has left the group to us.
func delegated(base string) error {
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		return nil
	}
	var value [8]byte
	for _, name := range []string{"trusted.delegate", "user.delegate"} {
		if n, err := unix.Getxattr(base, name, value[:]); err == nil && string(value[:n]) == "1" {
			return nil
		}
	}
	return fmt.Errorf("systemd has not delegated %s; set Delegate=yes in the unit of ucid", base)
}

// ownGroup is the directory of our group of the v2 hierarchy.
func ownGroup(mounts, own string) (string, error) {
	mount := ""
	for line := range strings.Lines(mounts) {
		if fields := strings.Fields(line); len(fields) > 2 && fields[2] == "cgroup2" {
			mount = fields[1]
		}
	}
	if mount == "" {
		return "", errors.New("no cgroup v2 hierarchy is mounted")
	}
	for line := range strings.Lines(own) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			return strings.TrimSuffix(filepath.Join(mount, path), "/"+leaf), nil
		}
	}
	return "", errors.New("this process is in no group of the cgroup v2 hierarchy")
}

// prepareGroup makes the group for the processes below base.
func prepareGroup(base, name string, self int) (string, error) {
	have := controllers(base)
	if len(have) == 0 {
		return "", fmt.Errorf("%s has no controllers (they are with cgroup v1, or not handed down to it)", base)
	}
	dir := filepath.Join(base, name)
	if err := handDown(base, have); err != nil {
		if err := moveSelf(base, self); err != nil {
			return "", err
		}
		if err := handDown(base, have); err != nil {
			return "", fmt.Errorf("cannot hand controllers down from %s: %w", base, err)
		}
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !os.IsExist(err) {
		return "", fmt.Errorf("cannot make the cgroup: %w", err)
	}
	if err := handDown(dir, controllers(dir)); err != nil {
		return "", fmt.Errorf("cannot hand controllers down from %s: %w", dir, err)
	}
	return dir, nil
}

// moveSelf puts the daemon in a leaf.
func moveSelf(base string, self int) error {
	dir := filepath.Join(base, leaf)
	if err := os.Mkdir(dir, 0o755); err != nil && !os.IsExist(err) {
		return fmt.Errorf("cannot make the cgroup: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(self)), 0); err != nil {
		return fmt.Errorf("cannot move to %s: %w", dir, err)
	}
	return nil
}

// controllers are those of ours that a group has.
func controllers(dir string) []string {
	data, _ := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	have := strings.Fields(string(data))
	return slices.DeleteFunc([]string{"memory", "pids", "cpu"}, func(c string) bool { return !slices.Contains(have, c) })
}

func handDown(dir string, all []string) error {
	for _, c := range all {
		if err := os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+"+c), 0); err != nil {
			return err
		}
	}
	return nil
}

// check refuses limits that could not be set here.
func (c cgroups) check(p proc.Proc, why error) error {
	for name := range p.Cgroup.All() {
		controller, ok := controllerOf[name]
		switch {
		case !ok:
			return fmt.Errorf("cgroup limit %q is none of memory.max, pids.max, cpu.weight", name)
		case c == "" && why != nil:
			return fmt.Errorf("cgroup %s cannot be limited here: %w", name, why)
		case c == "":
			return fmt.Errorf("cgroup %s cannot be limited here: there is no cgroup v2 hierarchy that ucid may use", name)
		case !slices.Contains(controllers(string(c)), controller):
			return fmt.Errorf("cgroup %s cannot be limited here: %s has no controller %q", name, string(c), controller)
		}
	}
	return nil
}

// unlimited are the values of groups without a limit.
var unlimited = map[string]string{"memory.max": "max", "pids.max": "max", "cpu.weight": "100"}

// limitGroup sets what is asked for; where that cannot be, it is an error also when nobody checked.
func (d *Driver) limitGroup(p proc.Proc) error {
	if err := d.checkCgroup(p); err != nil {
		return err
	}
	return d.cgroups.limit(p.Name, p.Cgroup)
}

// limit sets the limits of a group, before anything is in it or while it runs. Those that
// are not asked for are lifted, where the group has them.
func (c cgroups) limit(name string, limits engine.Map) error {
	if c == "" {
		return nil
	}
	for file, none := range unlimited {
		path := filepath.Join(c.dir(name), file)
		value, asked := limits.Get(file)
		if !asked {
			value = none
		}
		had, err := os.ReadFile(path)
		if err == nil && strings.TrimSpace(string(had)) == value || err != nil && !asked {
			continue
		}
		if err := os.WriteFile(path, []byte(value), 0); err != nil {
			return fmt.Errorf("cannot set %s to %s: %w", file, value, err)
		}
	}
	return nil
}
