// SPDX-License-Identifier: Apache-2.0

// Package nltest gives tests a kernel of their own to play with: [Main] runs the test
// binary again in new user, network, mount and process namespaces, where it is root, and
// the rest makes devices and further network namespaces in there.
//
//	func TestMain(m *testing.M) { nltest.Main(m) }
//
// It works as root and as an ordinary user, with -race, and leaves nothing behind: when the
// test binary ends, whatever it started ends with it.
package nltest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// stage is set in the environment of the copies that run in the namespaces: first the init
// process, then the tests.
const stage = "UCID_NLTEST"

// Main runs the tests of m in namespaces of their own and exits with their status. There
// they find lo up, /proc of their own process namespace, and an empty /run and /tmp. A
// process that loses its parent is not left a zombie, as on any machine with an init.
func Main(m *testing.M) {
	at := os.Getenv(stage)
	os.Unsetenv(stage)
	switch at {
	case "":
		os.Exit(outside())
	case "init":
		os.Exit(initProcess())
	}
	os.Exit(m.Run())
}

// initProcess prepares the namespaces, runs the tests and buries the dead.
func initProcess() int {
	if err := prepare(); err != nil {
		fmt.Fprintf(os.Stderr, "nltest: cannot prepare the namespaces: %v\n", err)
		return 1
	}
	tests, err := os.StartProcess("/proc/self/exe", os.Args, &os.ProcAttr{
		Env:   append(os.Environ(), stage+"=run"),
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
	})
	if err != nil {
		fmt.Fprintf(os.Stderr, "nltest: cannot start the tests: %v\n", err)
		return 1
	}
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			fmt.Fprintf(os.Stderr, "nltest: lost the tests: %v\n", err)
			return 1
		case pid == tests.Pid && status.Signaled():
			fmt.Fprintf(os.Stderr, "nltest: the tests were ended by signal: %v\n", status.Signal())
			return 128 + int(status.Signal())
		case pid == tests.Pid:
			return status.ExitStatus()
		}
	}
}

// outside runs the copy and returns its exit status.
func outside() int {
	runtime.LockOSThread() // the copy is killed when the thread that made it ends
	cmd := exec.Command("/proc/self/exe", innerArgs(os.Args[1:])...)
	cmd.Args[0] = os.Args[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), stage+"=init")
	cmd.SysProcAttr = attributes()
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() >= 0 {
		return exit.ExitCode()
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "nltest: cannot run the tests in namespaces of their own: %v\n"+
			"(an ordinary user needs sysctl kernel.unprivileged_userns_clone=1 and user.max_user_namespaces > 0)\n", err)
		return 1
	}
	return 0
}

// innerArgs leaves out the log that go test uses for its cache: what a kernel test does is
// not to be cached, and the file is out of reach in there.
func innerArgs(args []string) []string {
	var kept []string
	for _, a := range args {
		if !strings.HasPrefix(a, "-test.testlogfile=") {
			kept = append(kept, a)
		}
	}
	return kept
}

func attributes() *syscall.SysProcAttr {
	uid, gid := os.Getuid(), os.Getgid()
	attr := &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID,
		Pdeathsig:  syscall.SIGKILL,
	}
	attr.UidMappings = []syscall.SysProcIDMap{{HostID: uid, Size: 1}}
	attr.GidMappings = []syscall.SysProcIDMap{{HostID: gid, Size: 1}}
	if uid == 0 { // root keeps its other users, so that tests can change to them
		attr.UidMappings[0].Size = mapped("/proc/self/uid_map")
		attr.GidMappings[0] = syscall.SysProcIDMap{Size: mapped("/proc/self/gid_map")}
		allowed, _ := os.ReadFile("/proc/self/setgroups")
		attr.GidMappingsEnableSetgroups = strings.HasPrefix(string(allowed), "allow")
	}
	return attr
}

// mapped is how many ids from 0 on the user namespace we are in has.
func mapped(file string) int {
	text, _ := os.ReadFile(file)
	fields := strings.Fields(string(text))
	if len(fields) >= 3 && fields[0] == "0" {
		if n, err := strconv.Atoi(fields[2]); err == nil {
			return min(n, 1<<16)
		}
	}
	return 1
}
