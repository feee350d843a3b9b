// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// cgroups is a directory of a cgroup v2 hierarchy; "" where there is none.
type cgroups string

// open makes the directory and checks that it is what it should be.
func (c cgroups) open() error {
	if c == "" {
		return nil
	}
	if err := os.MkdirAll(string(c), 0o755); err != nil {
		return fmt.Errorf("cannot make the cgroup: %w", err)
	}
	if _, err := os.Stat(filepath.Join(string(c), "cgroup.procs")); err != nil {
		return fmt.Errorf("%s is in no cgroup v2 hierarchy: %w", c, err)
	}
	return nil
}

func (c cgroups) dir(name string) string { return filepath.Join(string(c), stem(name)) }

// enter makes the group of a process and opens it for the fork; -1 where there are none.
func (c cgroups) enter(name string) (int, error) {
	if c == "" {
		return -1, nil
	}
	if err := os.Mkdir(c.dir(name), 0o755); err != nil && !os.IsExist(err) {
		return -1, fmt.Errorf("cannot make the cgroup: %w", err)
	}
	fd, err := unix.Open(c.dir(name), unix.O_DIRECTORY|unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("cannot open the cgroup: %w", err)
	}
	return fd, nil
}

// members lists the processes of a group, none where there is none.
func (c cgroups) members(name string) []procStat {
	if c == "" {
		return nil
	}
	data, _ := os.ReadFile(filepath.Join(c.dir(name), "cgroup.procs"))
	var all []procStat
	for word := range strings.FieldsSeq(string(data)) {
		pid, err := strconv.Atoi(word)
		if err != nil || pid <= 1 { // 0: a process of another pid namespace
			continue
		}
		if s, err := readStat(pid); err == nil && !s.zombie() {
			all = append(all, s)
		}
	}
	return all
}

// kill ends all members at once, also a fork bomb; since Linux 5.14.
func (c cgroups) kill(name string) {
	if c != "" {
		_ = os.WriteFile(filepath.Join(c.dir(name), "cgroup.kill"), []byte("1"), 0)
	}
}

func (c cgroups) remove(name string) {
	if c != "" {
		_ = os.Remove(c.dir(name))
	}
}
