// SPDX-License-Identifier: Apache-2.0

// Package event keeps the last things that happened and hands them to whoever follows.
package event

import (
	"context"
	"sync"
	"time"
)

// Event is something that happened. Its text may hold foreign words: escape it where a
// terminal or a page shows it.
type Event struct {
	Seq     uint64    `json:"seq"` // from 1, without gaps since the daemon started
	Time    time.Time `json:"time"`
	Name    string    `json:"event"`             // "route.created", "proc.exited", "apply.done"
	Subject string    `json:"subject,omitempty"` // the object or the change
	Text    string    `json:"text,omitempty"`
	Where   string    `json:"where,omitempty"` // FILE:LINE that asked for the object
	Lost    uint64    `json:"lost,omitempty"`  // events between the one before and this that a slow follower missed
}

// A Log keeps the last events. Its methods may be called from several goroutines.
type Log struct {
	mu        sync.Mutex
	ring      []Event
	seq       uint64
	followers map[*follower]struct{}
	now       func() time.Time
}

// follower has a queue of its own, so a slow one delays nobody.
type follower struct {
	queue chan Event
	lost  uint64
}

// queueLength is how many events a follower may lag behind before it loses some.
const queueLength = 1024

// NewLog returns a log that keeps the last size events.
func NewLog(size int, now func() time.Time) *Log {
	return &Log{ring: make([]Event, 0, size), followers: map[*follower]struct{}{}, now: now}
}

// Add notes an event. It never blocks.
func (l *Log) Add(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq++
	e.Seq, e.Time = l.seq, l.now()
	if len(l.ring) == cap(l.ring) {
		copy(l.ring, l.ring[1:])
		l.ring = l.ring[:len(l.ring)-1]
	}
	l.ring = append(l.ring, e)
	for f := range l.followers {
		f.offer(e)
	}
}

func (f *follower) offer(e Event) {
	e.Lost = f.lost
	select {
	case f.queue <- e:
		f.lost = 0
	default:
		f.lost++
	}
}

// Last returns up to n of the newest events, oldest first; n ≤ 0: all that are kept.
func (l *Log) Last(n int) []Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Event(nil), l.last(n)...)
}

func (l *Log) last(n int) []Event {
	if n <= 0 || n > len(l.ring) {
		n = len(l.ring)
	}
	return l.ring[len(l.ring)-n:]
}

// Follow sends the newest n events and then each one as it happens, until ctx ends; then the
// channel is closed.
func (l *Log) Follow(ctx context.Context, n int) <-chan Event {
	f := &follower{queue: make(chan Event, queueLength)}
	l.mu.Lock()
	for _, e := range l.last(n) {
		f.offer(e)
	}
	l.followers[f] = struct{}{}
	l.mu.Unlock()
	out := make(chan Event)
	go func() {
		defer close(out)
		defer l.leave(f)
		for {
			select {
			case <-ctx.Done():
				return
			case e := <-f.queue:
				select {
				case <-ctx.Done():
					return
				case out <- e:
				}
			}
		}
	}()
	return out
}

func (l *Log) leave(f *follower) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.followers, f)
}
