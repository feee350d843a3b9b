// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"context"
	"strings"
	"sync"
	"time"
	"unicode"
)

// A Line is one line of a child's output. Text is the child's: escape it before it goes
// to a terminal.
type Line struct {
	Time      time.Time `json:"time"`
	Stream    string    `json:"stream"` // "stdout" or "stderr"
	Text      string    `json:"text"`
	Truncated bool      `json:"truncated,omitempty"` // it was longer; the rest is left out
	Dropped   int       `json:"dropped,omitempty"`   // lines a slow follower lost just before this one
}

const (
	defaultRing = 1000
	maxRingText = 1 << 20 // bytes of text kept for each process
	followQueue = 1024    // lines a follower may lag behind
	gistLines   = 20      // lines told when a process is given up
	maxGistLine = 200     // bytes of each of them
)

// A ring keeps the last lines of a process and hands new ones to its followers.
type ring struct {
	mu        sync.Mutex
	max       int
	lines     []Line // a circle once it is full
	first     int
	bytes     int
	followers map[*follower]struct{}
}

type follower struct {
	lines   chan Line
	dropped int
}

func newRing(max int) *ring { return &ring{max: max} }

func (r *ring) add(batch []Line) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range batch {
		r.keep(l)
		for f := range r.followers {
			f.offer(l)
		}
	}
}

func (r *ring) keep(l Line) {
	if len(r.lines) < r.max {
		r.lines = append(r.lines, l)
	} else {
		r.bytes -= len(r.lines[r.first].Text)
		r.lines[r.first] = l
		r.first = (r.first + 1) % r.max
	}
	r.bytes += len(l.Text)
	for i := r.first; r.bytes > maxRingText; i++ { // few long lines: the oldest lose their text
		old := &r.lines[i%len(r.lines)]
		r.bytes -= len(old.Text)
		old.Truncated = old.Truncated || old.Text != ""
		old.Text = ""
	}
}

// offer never blocks: what a slow follower misses is counted.
func (f *follower) offer(l Line) {
	l.Dropped = f.dropped
	select {
	case f.lines <- l:
		f.dropped = 0
	default:
		f.dropped++
	}
}

// last returns the newest n lines, oldest first; all of them for n ≤ 0.
func (r *ring) last(n int) []Line {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.newest(n)
}

// newest is last for who holds the lock.
func (r *ring) newest(n int) []Line {
	if n <= 0 || n > len(r.lines) {
		n = len(r.lines)
	}
	out := make([]Line, 0, n)
	for i := len(r.lines) - n; i < len(r.lines); i++ {
		out = append(out, r.lines[(r.first+i)%len(r.lines)])
	}
	return out
}

func (r *ring) lastText() string {
	if l := r.last(1); len(l) == 1 {
		return l[0].Text
	}
	return ""
}

// gist is the end of the output in a few words, for a report of failure.
func (r *ring) gist() string {
	var b strings.Builder
	for _, l := range r.last(gistLines) {
		text := l.Text
		if len(text) > maxGistLine {
			text = text[:maxGistLine] + "…"
		}
		b.WriteString("\n  " + printable(text))
	}
	return b.String()
}

// printable replaces what could control a terminal: the text is the child's.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// follow returns a follower that has the newest n lines already, none for n < 0.
func (r *ring) follow(n int) *follower {
	r.mu.Lock()
	defer r.mu.Unlock()
	var known []Line
	if n >= 0 {
		known = r.newest(n)
	}
	f := &follower{lines: make(chan Line, followQueue+len(known))}
	for _, l := range known {
		f.lines <- l
	}
	if r.followers == nil {
		r.followers = map[*follower]struct{}{}
	}
	r.followers[f] = struct{}{}
	return f
}

func (r *ring) unfollow(f *follower) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.followers, f)
	close(f.lines)
}

// Logs returns the newest n lines of the process of that name, oldest first; n ≤ 0: all
// that are kept.
func (d *Driver) Logs(name string, n int) []Line {
	d.mu.Lock()
	r := d.rings[name]
	d.mu.Unlock()
	if r == nil {
		return nil
	}
	return r.last(n)
}

// Follow returns the newest n lines, as [Driver.Logs], and those that come from then on,
// none twice and none missing in between, until ctx ends or the driver is closed; then the
// channel is closed. With n < 0 it begins with what comes. The process need not exist yet. A follower that does not
// keep up loses lines, and is told how many.
func (d *Driver) Follow(ctx context.Context, name string, n int) <-chan Line {
	d.mu.Lock()
	r := d.ring(name)
	f := r.follow(n)
	d.mu.Unlock()
	go func() {
		select {
		case <-ctx.Done():
		case <-d.done:
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		r.unfollow(f)
		d.dropRing(name)
	}()
	return f.lines
}

// ring returns the ring of a name, which it makes when it is not there.
func (d *Driver) ring(name string) *ring {
	r := d.rings[name]
	if r == nil {
		r = newRing(d.opt.Ring)
		d.rings[name] = r
	}
	return r
}

// dropRing forgets the ring of a name that neither a process nor a follower uses.
func (d *Driver) dropRing(name string) {
	r := d.rings[name]
	if r == nil || d.procs[name] != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.followers) == 0 {
		delete(d.rings, name)
	}
}
