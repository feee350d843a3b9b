// SPDX-License-Identifier: Apache-2.0

package nltest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// prepare makes the new namespaces a place to live in.
func prepare() error {
	if err := unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	keep := openAll(needed())
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	for _, dir := range []string{"/run", "/tmp"} {
		if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=1777"); err != nil {
			return fmt.Errorf("mount %s: %w", dir, err)
		}
	}
	if err := restore(keep); err != nil {
		return err
	}
	if err := os.MkdirAll("/run/netns", 0o755); err != nil {
		return err
	}
	return loopbackUp()
}

// needed returns the directories below /run and /tmp the tests cannot do without: that of
// the test binary, those named in its arguments (coverage), and that of the sources.
func needed() []string {
	var dirs []string
	add := func(dir string) {
		for _, hidden := range []string{"/run/", "/tmp/"} {
			if strings.HasPrefix(dir, hidden) {
				dirs = append(dirs, dir)
			}
		}
	}
	if exe, err := os.Executable(); err == nil {
		add(filepath.Dir(exe))
	}
	for _, a := range os.Args[1:] {
		if _, value, ok := strings.Cut(a, "="); ok && filepath.IsAbs(value) {
			if info, err := os.Stat(value); err != nil || !info.IsDir() {
				value = filepath.Dir(value)
			}
			add(value)
		}
	}
	if cwd, err := os.Getwd(); err == nil {
		add(moduleRoot(cwd))
	}
	return dirs
}

func moduleRoot(dir string) string {
	for d := dir; d != "/"; d = filepath.Dir(d) {
		if _, err := os.Stat(filepath.Join(d, "go.mod")); err == nil {
			return d
		}
	}
	return dir
}

// openAll returns a handle for each directory, which outlives what is mounted over it.
func openAll(dirs []string) map[string]int {
	handles := map[string]int{}
	for _, dir := range dirs {
		if fd, err := unix.Open(dir, unix.O_PATH|unix.O_CLOEXEC, 0); err == nil {
			handles[dir] = fd
		}
	}
	return handles
}

// restore shows the directories again where they were.
func restore(handles map[string]int) error {
	for dir, fd := range handles {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(fmt.Sprintf("/proc/self/fd/%d", fd), dir, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
			return fmt.Errorf("keep %s: %w", dir, err)
		}
		unix.Close(fd)
	}
	if cwd, err := os.Getwd(); err == nil {
		return os.Chdir(cwd) // by its path again, not under the mount
	}
	return nil
}

func loopbackUp() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	return netlink.LinkSetUp(lo)
}
