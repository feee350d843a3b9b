// SPDX-License-Identifier: Apache-2.0

package control

import (
	"bytes"
	"os"
	"strconv"
	"time"

	procdriver "ucid/internal/kind/proc/driver"
)

// Usage is what a process uses, of itself: without its descendants.
type Usage struct {
	procdriver.Info
	CPU    time.Duration `json:"cpu_ns"`    // since it was started
	Memory int64         `json:"rss_bytes"` // resident
}

// Top lists the processes with what they use.
func (c *Control) Top() []Usage {
	var all []Usage
	for _, info := range c.Processes.List() {
		u := Usage{Info: info}
		if info.Pid != 0 {
			u.CPU, u.Memory = usage(info.Pid)
		}
		all = append(all, u)
	}
	return all
}

// clockTick is the unit of times in /proc (proc(5)); Linux shows all programs 100 a second.
const clockTick = 10 * time.Millisecond

// usage reads what a process used (proc(5), /proc/PID/stat); nothing when it is gone.
func usage(pid int) (cpu time.Duration, memory int64) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, 0
	}
	end := bytes.LastIndexByte(text, ')') // the name of the program may hold anything
	fields := bytes.Fields(text[end+1:])
	const utime, stime, rss = 11, 12, 21 // counted from the field after the name
	if len(fields) <= rss {
		return 0, 0
	}
	number := func(i int) int64 {
		n, _ := strconv.ParseInt(string(fields[i]), 10, 64)
		return n
	}
	return time.Duration(number(utime)+number(stime)) * clockTick, number(rss) * int64(os.Getpagesize())
}
