// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"os"
	"strconv"
	"strings"
	"time"
)

// tagVariable marks a child and all its descendants: UCID_PROC=NAME:RANDOM.
const tagVariable = "UCID_PROC"

// A process that is in the middle of an exec has no environment for a moment.
const (
	tagTries = 4
	tagWait  = time.Millisecond
)

// tagOf reads the tag of a process from its environment; "" when it has none.
func tagOf(pid int) string {
	path := "/proc/" + strconv.Itoa(pid) + "/environ"
	for try := 1; ; try++ {
		data, err := os.ReadFile(path)
		if err != nil {
			return ""
		}
		if len(data) > 0 {
			return findTag(data)
		}
		if s, err := readStat(pid); try == tagTries || err != nil || s.zombie() || s.kernel() {
			return ""
		}
		time.Sleep(tagWait)
	}
}

func findTag(environ []byte) string {
	for entry := range strings.SplitSeq(string(environ), "\x00") {
		if tag, ok := strings.CutPrefix(entry, tagVariable+"="); ok {
			return tag
		}
	}
	return ""
}

// childrenOf lists the children of a process.
func childrenOf(pid int) []int {
	if s, err := readStat(pid); err != nil || s.threads == 1 {
		return childrenOfThread(pid, strconv.Itoa(pid))
	}
	threads, _ := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/task")
	var all []int
	for _, t := range threads {
		all = append(all, childrenOfThread(pid, t.Name())...)
	}
	return all
}

// ownChildren lists the children of our first thread: that is the one orphans are given to.
func ownChildren() []int { return childrenOfThread(os.Getpid(), strconv.Itoa(os.Getpid())) }

func childrenOfThread(pid int, thread string) []int {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/task/" + thread + "/children")
	if err != nil {
		return nil
	}
	var all []int
	for word := range strings.FieldsSeq(string(data)) {
		if n, err := strconv.Atoi(word); err == nil {
			all = append(all, n)
		}
	}
	return all
}

// maxTree bounds a walk over a tree that grows while it is walked: a fork bomb.
const maxTree = 1 << 15

// descendants lists all processes below pid, without pid itself.
func descendants(pid int) []procStat {
	var all []procStat
	seen := map[int]bool{pid: true}
	for next := childrenOf(pid); len(next) > 0 && len(all) < maxTree; {
		child := next[0]
		next = next[1:]
		if seen[child] {
			continue
		}
		seen[child] = true
		if s, err := readStat(child); err == nil {
			all = append(all, s)
			next = append(next, childrenOf(child)...)
		}
	}
	return all
}

// allProcesses lists every process that /proc shows.
func allProcesses() []int {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	var all []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			all = append(all, pid)
		}
	}
	return all
}

// tagged lists every living process that carries a tag, by tag.
func tagged() map[string][]procStat {
	all := map[string][]procStat{}
	for _, pid := range allProcesses() {
		tag := tagOf(pid)
		if tag == "" {
			continue
		}
		if s, err := readStat(pid); err == nil && !s.zombie() {
			all[tag] = append(all[tag], s)
		}
	}
	return all
}
