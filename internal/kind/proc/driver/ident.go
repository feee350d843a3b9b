// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// An ident is one process of this boot and pid namespace, and no other that gets its
// number later.
type ident struct {
	pid   int
	start uint64 // clock ticks from boot to its start, field 22 of /proc/PID/stat
}

// A procStat is what /proc/PID/stat tells.
type procStat struct {
	ident
	state               byte
	ppid, pgrp, session int
	threads             int
	flags               uint64 // PF_… of the kernel
}

// readStat reads /proc/PID/stat. The name in it may hold anything, so the fields are
// counted from the last parenthesis.
func readStat(pid int) (procStat, error) {
	var buf [1024]byte
	data, err := readProc("/proc/"+strconv.Itoa(pid)+"/stat", buf[:])
	if err != nil {
		return procStat{}, err
	}
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	const startTime = 19 // the state, field 3, is the first here
	if len(fields) <= startTime {
		return procStat{}, fmt.Errorf("/proc/%d/stat has only %d fields", pid, len(fields))
	}
	s := procStat{ident: ident{pid: pid}, state: fields[0][0]}
	s.ppid, _ = strconv.Atoi(fields[1])
	s.pgrp, _ = strconv.Atoi(fields[2])
	s.session, _ = strconv.Atoi(fields[3])
	s.threads, _ = strconv.Atoi(fields[17])
	s.flags, _ = strconv.ParseUint(fields[6], 10, 64)
	s.start, err = strconv.ParseUint(fields[startTime], 10, 64)
	return s, err
}

// kernel reports whether it is a thread of the kernel: PF_KTHREAD.
func (s procStat) kernel() bool { return s.flags&0x00200000 != 0 }

// readProc reads a small file in as few system calls as can be: it is done for every start.
func readProc(path string, buf []byte) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	n, err := unix.Read(fd, buf)
	if err != nil {
		return nil, &os.PathError{Op: "read", Path: path, Err: err}
	}
	return buf[:n], nil
}

func (s procStat) zombie() bool { return s.state == 'Z' || s.state == 'X' }

// ticksPerSecond is USER_HZ, which is 100 on every architecture of Linux that Go runs on.
const ticksPerSecond = 100

// startedAt is when the process started, to the hundredth of a second.
func (i ident) startedAt() time.Time {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		return time.Now()
	}
	age := time.Duration(now.Nano()) - time.Duration(i.start)*time.Second/ticksPerSecond
	return time.Now().Add(-max(age, 0))
}

// open returns a pidfd of exactly this process; it fails when the process is gone.
func (i ident) open() (int, error) {
	fd, err := unix.PidfdOpen(i.pid, 0)
	if err != nil {
		return -1, err
	}
	if now, err := readStat(i.pid); err != nil || now.start != i.start {
		unix.Close(fd)
		return -1, unix.ESRCH
	}
	return fd, nil
}

// A world is where pids mean what they mean: a boot and a pid namespace.
type world struct {
	Boot  string `json:"boot"`
	Space string `json:"pidns"`
}

func thisWorld() (world, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return world{}, fmt.Errorf("cannot supervise processes without /proc: %w", err)
	}
	space, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return world{}, fmt.Errorf("cannot supervise processes without /proc: %w", err)
	}
	return world{Boot: strings.TrimSpace(string(boot)), Space: space}, nil
}
