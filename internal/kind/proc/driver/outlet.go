// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"

	"ucid/internal/kind/proc"
)

// maxOutbox bounds the bytes of a process that wait for each of its outlets.
const maxOutbox = 256 << 10

// lineCost is what a line costs beside its text.
const lineCost = 64

// An outlet is where output goes beside the ring: syslog or a file. A queue of its own
// serves it, so neither can hold the loop or a child; what does not fit is dropped,
// counted and said.
type outlet struct {
	what    string // "syslog", "logfile"
	queue   *queue
	send    func([]Line) (lost int, err error)
	failed  func(lost int, err error)
	waiting atomic.Int64 // bytes
	dropped atomic.Int64 // lines
}

// offer never blocks.
func (o *outlet) offer(lines []Line) {
	cost := int64(0)
	for _, l := range lines {
		cost += int64(len(l.Text)) + lineCost
	}
	if o.waiting.Load() > 0 && o.waiting.Load()+cost > maxOutbox {
		o.dropped.Add(int64(len(lines)))
		return
	}
	o.waiting.Add(cost)
	lines = append([]Line(nil), lines...)
	o.queue.add(func() {
		defer o.waiting.Add(-cost)
		o.deliver(lines)
	})
}

func (o *outlet) deliver(lines []Line) {
	if n := int(o.dropped.Swap(0)); n > 0 {
		text := fmt.Sprintf("ucid: %d lines were dropped here: %s is too slow", n, o.what)
		lines = append([]Line{{Time: lines[0].Time, Stream: "stderr", Text: text}}, lines...)
		o.failed(n, nil)
	}
	if lost, err := o.send(lines); err != nil {
		o.failed(lost, err)
		o.dropped.Add(int64(lost))
	}
}

// outlets are those that are wanted of p, for a child with that number.
func (d *Driver) outlets(p proc.Proc, pid int) []*outlet {
	var all []*outlet
	add := func(what string, q *queue, send func([]Line) (int, error)) {
		var told atomic.Bool
		all = append(all, &outlet{what: what, queue: q, send: send, failed: func(lost int, err error) {
			if told.CompareAndSwap(false, true) { // once for each run
				d.log.Warn("output is dropped", "name", p.Name, "to", what, "lines", lost, "error", err)
			}
		}})
	}
	if p.Facility != "" {
		ident := fmt.Sprintf("%s[%d]", strings.Map(identRune, filepath.Base(program(p))), pid)
		add("syslog", d.syslogs, func(lines []Line) (int, error) { return d.syslog.send(p.Facility, ident, lines) })
	}
	if p.LogFile != "" {
		f := logFile{path: p.LogFile, size: p.LogSize, keep: int(p.LogKeep)}
		add("logfile", d.logFiles, f.send)
	}
	return all
}

// identRune keeps a program name from looking like another part of a message.
func identRune(r rune) rune {
	if r <= ' ' || r == 0x7f || strings.ContainsRune("[]:", r) {
		return '_'
	}
	return r
}
