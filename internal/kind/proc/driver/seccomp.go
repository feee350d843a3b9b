// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"ucid/internal/kind/proc"
	"ucid/internal/kind/proc/driver/sysnums"
)

// auditArch is what the kernel calls each architecture of Go in a filter (linux/audit.h).
var auditArch = map[string]uint32{
	"386": 0x40000003, "amd64": 0xc000003e, "arm": 0x40000028, "arm64": 0xc00000b7, "loong64": 0xc0000102,
	"mips": 0x8, "mipsle": 0x40000008, "mips64": 0x80000008, "mips64le": 0xc0000008,
	"ppc64": 0x80000015, "ppc64le": 0xc0000015, "riscv64": 0xc00000f3, "s390x": 0x80000016,
}

// alwaysAllowed are what the way to the program takes.
var alwaysAllowed = []string{"execve", "exit_group", "rt_sigreturn"}

// A profile is a file of system calls: ours, procd's or that of OCI without arguments.
type profile struct {
	Allow     []string `json:"allow"`
	Whitelist []string `json:"whitelist"`
	Default   string   `json:"defaultAction"`
	Errno     *uint32  `json:"defaultErrnoRet"`
	Calls     []struct {
		Names  []string          `json:"names"`
		Action string            `json:"action"`
		Args   []json.RawMessage `json:"args"`
	} `json:"syscalls"`
}

// maxProfile bounds a profile in bytes.
const maxProfile = 1 << 20

// loadProfile returns the filter that a file describes.
func loadProfile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("seccomp: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxProfile))
	if err != nil {
		return nil, fmt.Errorf("seccomp: %w", err)
	}
	var p profile
	if err := json.Unmarshal(data, &p); err != nil {
		return nil, fmt.Errorf("seccomp: %s: %w", path, err)
	}
	filter, err := p.compile()
	if err != nil {
		return nil, fmt.Errorf("seccomp: %s: %w", path, err)
	}
	return filter, nil
}

// denial is what happens to a call that is not allowed.
func (p profile) denial() (uint32, error) {
	switch p.Default {
	case "", "SCMP_ACT_ERRNO":
		number := uint32(unix.EPERM)
		if p.Errno != nil {
			number = *p.Errno
		}
		return unix.SECCOMP_RET_ERRNO | number&0xffff, nil
	case "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS":
		return unix.SECCOMP_RET_KILL_PROCESS, nil
	case "SCMP_ACT_TRAP":
		return unix.SECCOMP_RET_TRAP, nil
	case "SCMP_ACT_LOG":
		return unix.SECCOMP_RET_LOG, nil
	}
	return 0, fmt.Errorf("defaultAction %q is none of SCMP_ACT_ERRNO, _KILL, _KILL_PROCESS, _TRAP, _LOG: it has to be an allow-list", p.Default)
}

// numbers are those of the calls that are allowed and that this architecture has.
func (p profile) numbers() ([]uint32, error) {
	names := slices.Concat(p.Allow, p.Whitelist)
	for _, c := range p.Calls {
		if c.Action != "SCMP_ACT_ALLOW" {
			return nil, fmt.Errorf("action %q: only SCMP_ACT_ALLOW is understood", c.Action)
		}
		if len(c.Args) > 0 {
			return nil, fmt.Errorf("the rule for %v compares arguments, which is not understood", c.Names)
		}
		names = append(names, c.Names...)
	}
	table := sysnums.All()
	var all []uint32
	for _, name := range names {
		if n, ok := table[name]; ok {
			all = append(all, n)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("it allows no system call of this architecture")
	}
	for _, name := range alwaysAllowed {
		if n, ok := table[name]; ok {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// compile makes the program for the kernel: one comparison and one return for each call.
func (p profile) compile() ([]byte, error) {
	arch, ok := auditArch[runtime.GOARCH]
	if !ok {
		return nil, fmt.Errorf("there are no filters for %s", runtime.GOARCH)
	}
	deny, err := p.denial()
	if err != nil {
		return nil, err
	}
	numbers, err := p.numbers()
	if err != nil {
		return nil, err
	}
	const load, jumpEqual, jumpAtLeast, ret = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS,
		unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K, unix.BPF_RET | unix.BPF_K
	program := []unix.SockFilter{
		{Code: load, K: 4}, // seccomp_data.arch: calls of another ABI have other numbers
		{Code: jumpEqual, K: arch, Jt: 1},
		{Code: ret, K: unix.SECCOMP_RET_KILL_PROCESS},
		{Code: load, K: 0}, // seccomp_data.nr
	}
	if runtime.GOARCH == "amd64" {
		const x32 = 0x40000000
		program = append(program, unix.SockFilter{Code: jumpAtLeast, K: x32, Jf: 1}, unix.SockFilter{Code: ret, K: deny})
	}
	for _, n := range numbers {
		program = append(program, unix.SockFilter{Code: jumpEqual, K: n, Jf: 1}, unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_ALLOW})
	}
	program = append(program, unix.SockFilter{Code: ret, K: deny})
	var b bytes.Buffer
	err = binary.Write(&b, binary.NativeEndian, program)
	return b.Bytes(), err
}

func checkSeccomp(p proc.Proc) error {
	if p.Seccomp == "" {
		return nil
	}
	if !filepath.IsAbs(p.Seccomp) {
		return fmt.Errorf("seccomp: %q is not an absolute path", p.Seccomp)
	}
	if slices.Contains(slices.Collect(filePaths(p.Files)), p.Seccomp) {
		return nil // it may be written before the start
	}
	_, err := loadProfile(p.Seccomp)
	return err
}

// execFiltered sets the filter and becomes the program in two calls with nothing between,
// as whatever this program does itself may not be allowed any more.
func execFiltered(path string, argv, env []string, filter []byte) error {
	name, err := syscall.BytePtrFromString(path)
	if err != nil {
		return err
	}
	args, err := syscall.SlicePtrFromStrings(argv)
	if err != nil {
		return err
	}
	vars, err := syscall.SlicePtrFromStrings(env)
	if err != nil {
		return err
	}
	// Package syscall puts back the limit of open files, which the runtime had raised, only
	// in its own Exec: let that fail once.
	_ = syscall.Exec("/", argv, env)
	const size = 8 // of an instruction
	program := unix.SockFprog{Len: uint16(len(filter) / size), Filter: (*unix.SockFilter)(unsafe.Pointer(&filter[0]))}
	_, _, errno := unix.RawSyscall6(unix.SYS_PRCTL, unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0, 0)
	if errno != 0 {
		return fmt.Errorf("cannot set the filter of system calls (without no_new_privs that takes root): %w", errno)
	}
	_, _, errno = unix.RawSyscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(name)), uintptr(unsafe.Pointer(&args[0])), uintptr(unsafe.Pointer(&vars[0])))
	unix.RawSyscall(unix.SYS_WRITE, stubReport, uintptr(unsafe.Pointer(&noExecText[0])), uintptr(len(noExecText)))
	unix.RawSyscall(unix.SYS_EXIT_GROUP, codeNoExec, 0, 0)
	return errno
}

var noExecText = []byte("cannot execute the program behind its seccomp filter")
