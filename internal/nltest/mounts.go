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

// needed returns what the tests cannot do without below /run and /tmp: the test binary, the
// directories named in its arguments (coverage), and that of the sources.
func needed() []string {
	var paths []string
	add := func(path string) {
		for _, hidden := range []string{"/run/", "/tmp/"} {
			if strings.HasPrefix(path, hidden) {
				paths = append(paths, path)
			}
		}
	}
	if exe, err := os.Executable(); err == nil {
		add(exe)
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
	return paths
}

func moduleRoot(dir string) string {
	for d := dir; d != "/"; d = filepath.Dir(d) {
		if _, err := os.Stat(filepath.Join(d, "go.mod")); err == nil {
			return d
		}
	}
	return dir
}

// openAll returns a handle for each path, which outlives what is mounted over it.
func openAll(paths []string) map[string]*os.File {
	handles := map[string]*os.File{}
	for _, path := range paths {
		if fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0); err == nil {
			handles[path] = os.NewFile(uintptr(fd), path)
		}
	}
	return handles
}

// restore shows the paths again where they were.
func restore(handles map[string]*os.File) error {
	for path, handle := range handles {
		if err := makePlace(path, handle); err != nil {
			return err
		}
		source := fmt.Sprintf("/proc/self/fd/%d", handle.Fd())
		if err := unix.Mount(source, path, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
			return fmt.Errorf("keep %s: %w", path, err)
		}
		handle.Close()
	}
	if cwd, err := os.Getwd(); err == nil {
		return os.Chdir(cwd) // by its path again, not under the mount
	}
	return nil
}

// makePlace makes the file or directory that handle is mounted on, unless it is there.
func makePlace(path string, handle *os.File) error {
	if info, err := handle.Stat(); err == nil && info.IsDir() {
		return os.MkdirAll(path, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDONLY, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

func loopbackUp() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	return netlink.LinkSetUp(lo)
}
