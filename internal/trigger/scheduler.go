// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// MaxDelay is how long after a match a run starts at the latest, if none is to wait for.
	MaxDelay = 100 * time.Millisecond
	// MinGap is the time between two starts of the same command for the same service.
	MinGap = time.Second
	// DefaultTimeout is how long a run may take if Options says nothing else.
	DefaultTimeout = time.Minute
	// MaxJobs is how many different commands of one service may wait or have run within MinGap.
	MaxJobs = 256
	// Grace is how long a run may take to end once its context has ended.
	Grace = 5 * time.Second
)

var (
	ErrDeadline = errors.New("it was stopped at its deadline")
	ErrHung     = errors.New("it goes on after its deadline")
	ErrClosed   = errors.New("no more triggers are run")
)

// A Run is one start of a command.
type Run struct {
	Service string
	Event   string // the one that asked first; more may have been answered by the same run
	Argv    []string
}

func (r Run) String() string { return r.Service + ": " + strings.Join(r.Argv, " ") + " on " + r.Event }

// A Result is how a run went.
type Result struct {
	Run
	Started  time.Time
	Duration time.Duration
	Err      error // what Run returned, with ErrDeadline if it was stopped then; or ErrHung
}

// Options say how runs are made.
type Options struct {
	// Run starts the command and waits until it ends. It returns soon, at most Grace, after ctx
	// ends. It is called for different services at the same time.
	Run func(ctx context.Context, r Run) error
	// Report is told of every run, once, before the next of the same service starts. A run that
	// does not end Grace after its deadline is reported as ErrHung while it still goes on. A Bus
	// also reports a timer whose script could not be evaluated, then with no Argv.
	Report  func(Result)  // may be nil
	Timeout time.Duration // of a run; 0 is DefaultTimeout
}

// A Scheduler runs commands, one at a time for each service and never too often.
//
// The service and the argv make a job. The first match of a job sets the time of its run, and
// further matches do not move it. A match while the job runs leads to one more run, however many
// there are. So each match is followed by a run that starts after it, unless the service is
// removed. The methods may be called from several goroutines, Run and Report included.
type Scheduler struct {
	options Options
	ctx     context.Context // of all runs
	cancel  context.CancelFunc
	runs    sync.WaitGroup

	mu     sync.Mutex
	queues map[string]*queue // by service
	seq    uint64
	closed bool
}

// NewScheduler returns a scheduler; Close ends it.
func NewScheduler(o Options) *Scheduler {
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Report == nil {
		o.Report = func(Result) {}
	}
	s := &Scheduler{options: o, queues: map[string]*queue{}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Schedule asks for a run after the delay, of which only MaxDelay counts: a longer quiet time is
// not waited for. The run starts later only as long as another one of the service goes on, or
// when the last one of this job started less than MinGap before. It fails when the argv is empty
// or holds a zero byte, when the service has MaxJobs already, and with ErrClosed after Close.
func (s *Scheduler) Schedule(r Run, delay time.Duration) error {
	if len(r.Argv) == 0 || r.Argv[0] == "" || slices.ContainsFunc(r.Argv, hasZero) {
		return fmt.Errorf("%s: cannot run %q", r.Service, r.Argv)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	q := s.queues[r.Service]
	if q == nil {
		q = &queue{jobs: map[string]*job{}}
		s.queues[r.Service] = q
	}
	now := time.Now()
	j, err := q.job(r, now)
	if err != nil {
		return err
	}
	if !j.pending {
		s.seq++
		j.pend(r.Event, s.seq, now.Add(min(max(delay, 0), MaxDelay)))
	}
	s.advance(r.Service, q)
	return nil
}

func hasZero(s string) bool { return strings.ContainsRune(s, 0) }

// Remove takes back the runs of a service that have not started. One that goes on is left to end:
// it may be the very script that removes the service in order to register it again.
func (s *Scheduler) Remove(service string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if q := s.queues[service]; q != nil {
		q.clear()
		s.advance(service, q)
	}
}

// advance starts the run that is due, or sets the timer for the next thing to do. s.mu is held.
func (s *Scheduler) advance(service string, q *queue) {
	q.stopTimer()
	if q.running || s.closed {
		return
	}
	now := time.Now()
	q.forget(now)
	next := q.next()
	switch {
	case next == nil:
		if s.queues[service] == q {
			delete(s.queues, service)
		}
	case next.pending && !next.due.After(now):
		q.running = true
		run := next.start(now)
		s.runs.Go(func() {
			s.perform(run)
			s.finish(service, q)
		})
	default:
		q.timer = time.AfterFunc(next.due.Sub(now), func() { s.wake(service, q) })
	}
}

func (s *Scheduler) wake(service string, q *queue) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance(service, q)
}

func (s *Scheduler) finish(service string, q *queue) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q.running = false
	s.advance(service, q)
}
