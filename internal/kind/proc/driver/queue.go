// SPDX-License-Identifier: Apache-2.0

package driver

import "sync"

// A queue runs jobs one after another in a goroutine of its own.
type queue struct {
	mu     sync.Mutex
	more   *sync.Cond
	jobs   []func()
	closed bool
	ended  chan struct{}
}

func newQueue() *queue {
	q := &queue{ended: make(chan struct{})}
	q.more = sync.NewCond(&q.mu)
	go q.run()
	return q
}

// add never blocks.
func (q *queue) add(job func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		q.jobs = append(q.jobs, job)
		q.more.Signal()
	}
}

func (q *queue) run() {
	defer close(q.ended)
	for {
		jobs := q.take()
		if jobs == nil {
			return
		}
		for _, job := range jobs {
			job()
		}
	}
}

// take waits for jobs; nil: the queue is closed and empty.
func (q *queue) take() []func() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.jobs) == 0 && !q.closed {
		q.more.Wait()
	}
	jobs := q.jobs
	q.jobs = nil
	return jobs
}

// close runs what was added before and waits for it.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.more.Signal()
	q.mu.Unlock()
	<-q.ended
}
