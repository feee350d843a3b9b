// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"sync"
	"time"
)

// A pool runs jobs that may hang, as a fork of a program on a file server that is gone. One
// goroutine does the work; another one comes to help when it has not moved for a while.
type pool struct {
	mu      sync.Mutex
	jobs    []func()
	workers int
	taken   int // jobs so far
	seen    int // of these at the last look
	look    *time.Timer
	closed  bool
	ended   sync.WaitGroup
}

const (
	stuckAfter = 100 * time.Millisecond
	maxWorkers = 64
	poolGrace  = 2 * time.Second // for the jobs that run when it is closed
)

// add never blocks.
func (p *pool) add(job func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.jobs = append(p.jobs, job)
	if p.workers == 0 {
		p.hire()
	} else if p.look == nil {
		p.seen = p.taken
		p.look = time.AfterFunc(stuckAfter, p.help)
	}
}

func (p *pool) hire() {
	p.workers++
	p.ended.Go(p.work)
}

func (p *pool) work() {
	for {
		job := p.take()
		if job == nil {
			return
		}
		job()
	}
}

func (p *pool) take() func() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.jobs) == 0 {
		p.jobs = nil
		p.workers--
		return nil
	}
	job := p.jobs[0]
	p.jobs[0] = nil
	p.jobs = p.jobs[1:]
	p.taken++
	return job
}

// help adds a worker when none has taken a job since the last look.
func (p *pool) help() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.look = nil
	if len(p.jobs) == 0 || p.closed {
		return
	}
	if p.seen == p.taken && p.workers < maxWorkers {
		p.hire()
	}
	p.seen = p.taken
	p.look = time.AfterFunc(stuckAfter, p.help)
}

// close runs what was added before and waits for it, but not for long for what hangs.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		p.ended.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(poolGrace):
	}
}
