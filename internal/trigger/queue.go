// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"fmt"
	"slices"
	"time"
)

// queue holds the jobs of one service. The mutex of the scheduler guards it.
type queue struct {
	jobs    map[string]*job // by argvKey
	running bool
	timer   *time.Timer // set when nothing runs
}

// job is a command that waits, or that started less than MinGap ago.
type job struct {
	run      Run
	pending  bool
	due      time.Time // when it starts if it is pending, else when it can be forgotten
	earliest time.Time // MinGap after the last start
	seq      uint64    // orders jobs that are due at the same time
}

// job finds the job of a run, or makes one.
func (q *queue) job(r Run, now time.Time) (*job, error) {
	key := argvKey(r.Argv)
	if j := q.jobs[key]; j != nil {
		return j, nil
	}
	q.forget(now)
	if len(q.jobs) >= MaxJobs {
		return nil, fmt.Errorf("%s: more than %d different commands are asked for: %q is not run", r.Service, MaxJobs, r.Argv)
	}
	j := &job{run: Run{Service: r.Service, Argv: slices.Clone(r.Argv)}}
	q.jobs[key] = j
	return j, nil
}

// next is the job with something to do first, nil if there is none.
func (q *queue) next() *job {
	var first *job
	for _, j := range q.jobs {
		if first == nil || j.before(first) {
			first = j
		}
	}
	return first
}

func (j *job) before(other *job) bool {
	if c := j.due.Compare(other.due); c != 0 {
		return c < 0
	}
	return j.seq < other.seq
}

// pend lets the job run at due, or later if it ran a moment ago.
func (j *job) pend(event string, seq uint64, due time.Time) {
	j.run.Event, j.seq, j.pending = event, seq, true
	if j.due = due; due.Before(j.earliest) {
		j.due = j.earliest
	}
}

func (j *job) start(now time.Time) Run {
	j.pending, j.earliest = false, now.Add(MinGap)
	j.due = j.earliest
	run := j.run
	run.Argv = slices.Clone(run.Argv)
	return run
}

// forget drops the jobs that are of no more use.
func (q *queue) forget(now time.Time) {
	for key, j := range q.jobs {
		if !j.pending && !j.due.After(now) {
			delete(q.jobs, key)
		}
	}
}

// clear takes back what is pending. The last starts are kept: a service that is removed and
// registered again runs no more often.
func (q *queue) clear() {
	for _, j := range q.jobs {
		j.pending, j.due = false, j.earliest
	}
}

func (q *queue) stopTimer() {
	if q.timer != nil {
		q.timer.Stop()
		q.timer = nil
	}
}
