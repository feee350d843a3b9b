// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"ucid/internal/kind/proc"
)

// Rights of landlock(7), by the version of its interface that has them.
const (
	landlockRead = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR

	landlockWrite = unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_REMOVE_DIR |
		unix.LANDLOCK_ACCESS_FS_REMOVE_FILE | unix.LANDLOCK_ACCESS_FS_MAKE_CHAR | unix.LANDLOCK_ACCESS_FS_MAKE_DIR |
		unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_MAKE_SOCK | unix.LANDLOCK_ACCESS_FS_MAKE_FIFO |
		unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK | unix.LANDLOCK_ACCESS_FS_MAKE_SYM

	// landlockFile are those that a file, not a directory, can have.
	landlockFile = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE |
		unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE
)

// landlockVersion is that of the kernel's interface; 0: it has none.
var landlockVersion = sync.OnceValue(func() int {
	n, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0
	}
	return int(n)
})

func sandboxed(p proc.Proc) bool { return !p.ReadOnly.Empty() || !p.ReadWrite.Empty() }

func checkSandbox(p proc.Proc) error {
	if !sandboxed(p) {
		return nil
	}
	if landlockVersion() == 0 && !p.SandboxOptional {
		return errors.New("its sandbox names paths, and this kernel has no landlock (Linux 5.13 or later with " +
			"CONFIG_SECURITY_LANDLOCK, and landlock in lsm=); leave the paths out, or set option optional '1' in the sandbox")
	}
	for _, paths := range [][]string{p.ReadOnly.Slice(), p.ReadWrite.Slice()} {
		for _, path := range paths {
			if _, err := os.Stat(path); err != nil {
				return fmt.Errorf("sandbox: %w; create it first", err)
			}
		}
	}
	return nil
}

// lockIn keeps this thread, and what it becomes, to the paths of the plan.
func (p *plan) lockIn() error {
	if len(p.ReadOnly)+len(p.ReadWrite) == 0 {
		return nil
	}
	version := landlockVersion()
	if version == 0 {
		if p.SandboxOptional {
			return nil
		}
		return errors.New("this kernel has no landlock for the sandbox")
	}
	handled := uint64(landlockWrite)
	if version >= 2 {
		handled |= unix.LANDLOCK_ACCESS_FS_REFER
	}
	if version >= 3 {
		handled |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	if len(p.ReadOnly) > 0 {
		handled |= landlockRead
	}
	rules, err := newRuleset(handled)
	if err != nil {
		return err
	}
	defer unix.Close(rules)
	if err := p.allowPaths(rules, handled); err != nil {
		return err
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(rules), 0, 0); errno != 0 {
		return fmt.Errorf("cannot enter the sandbox (without no_new_privs that takes root): %w", errno)
	}
	return nil
}

func newRuleset(handled uint64) (int, error) {
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&handled)), unsafe.Sizeof(handled), 0)
	if errno != 0 {
		return -1, fmt.Errorf("cannot make the sandbox: %w", errno)
	}
	return int(fd), nil
}

func (p *plan) allowPaths(rules int, handled uint64) error {
	const device = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE
	if err := allowPath(rules, "/dev/null", handled&device); err != nil {
		return err
	}
	if err := allowPath(rules, string(p.Path), handled&landlockRead); err != nil {
		return err
	}
	for _, path := range p.ReadOnly {
		if err := allowPath(rules, string(path), handled&landlockRead); err != nil {
			return err
		}
	}
	for _, path := range p.ReadWrite {
		if err := allowPath(rules, string(path), handled); err != nil {
			return err
		}
	}
	return nil
}

// allowPath allows rights on what is below path, or on the file that it is.
func allowPath(rules int, path string, rights uint64) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("sandbox: cannot open %s: %w", path, err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("sandbox: %s: %w", path, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		rights &= landlockFile
	}
	if rights == 0 {
		return nil
	}
	rule := unix.LandlockPathBeneathAttr{Allowed_access: rights, Parent_fd: int32(fd)}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(rules), unix.LANDLOCK_RULE_PATH_BENEATH,
		uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
	if errno != 0 {
		return fmt.Errorf("sandbox: cannot allow %s: %w", path, errno)
	}
	return nil
}
