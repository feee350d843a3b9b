// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// perform makes a run, reports it, and returns when it has ended.
func (s *Scheduler) perform(r Run) {
	ctx, cancel := context.WithTimeout(s.ctx, s.options.Timeout)
	defer cancel()
	result := Result{Run: r, Started: time.Now()}
	ended := make(chan error, 1)
	go func() { ended <- s.options.Run(ctx, r) }()
	late := time.NewTimer(s.options.Timeout + Grace)
	defer late.Stop()
	select {
	case err := <-ended:
		result.Err = s.outcome(ctx, err)
		s.report(result)
	case <-late.C:
		result.Err = ErrHung
		s.report(result)
		<-ended
	}
}

// outcome makes a failure of whatever was stopped at its deadline.
func (s *Scheduler) outcome(ctx context.Context, err error) error {
	switch {
	case !errors.Is(ctx.Err(), context.DeadlineExceeded):
		return err
	case err == nil:
		return fmt.Errorf("%w of %v", ErrDeadline, s.options.Timeout)
	}
	return fmt.Errorf("%w of %v: %w", ErrDeadline, s.options.Timeout, err)
}

func (s *Scheduler) report(r Result) {
	r.Duration = time.Since(r.Started)
	s.options.Report(r)
}

// Close takes back what has not started and waits for the runs that go on. When ctx ends, so do
// their contexts; Close then waits Grace longer and names the services whose runs still hang.
func (s *Scheduler) Close(ctx context.Context) error {
	defer s.cancel()
	s.stop()
	idle := make(chan struct{})
	go func() {
		s.runs.Wait()
		close(idle)
	}()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
	}
	s.cancel()
	grace := time.NewTimer(Grace)
	defer grace.Stop()
	select {
	case <-idle:
		return nil
	case <-grace.C:
		return fmt.Errorf("cannot stop the trigger runs of %s", strings.Join(s.busy(), ", "))
	}
}

func (s *Scheduler) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, q := range s.queues {
		q.stopTimer()
		q.clear()
	}
}

func (s *Scheduler) busy() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Sorted(maps.Keys(s.queues)), func(service string) bool { return !s.queues[service].running })
}
