// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// A Bus knows the triggers of all services and runs what an event asks for. Its methods may be
// called from several goroutines, also from Run and Report.
type Bus struct {
	scheduler   *Scheduler
	directories directories
	ticks       sync.WaitGroup

	mu       sync.Mutex
	services map[string]*registration
	closed   bool
}

// registration is what one service has registered.
type registration struct {
	service string
	list    List // never changed in place
	clocks  map[time.Duration]*clock
}

// NewBus returns a bus without services; Close ends it.
func NewBus(o Options) *Bus {
	return &Bus{scheduler: NewScheduler(o), services: map[string]*registration{}}
}

// Register gives a service its triggers, in place of those it had. What waits to be run stays, and
// a timer whose interval it had before keeps its time.
func (b *Bus) Register(service string, list List) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	next := &registration{service: service, list: slices.Clone(list)}
	old := b.services[service]
	b.services[service] = next
	b.moveClocks(old, next)
}

// Unregister takes the triggers of a service away, and the runs that have not started.
func (b *Bus) Unregister(service string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.moveClocks(b.services[service], nil)
	delete(b.services, service)
	b.scheduler.Remove(service)
}

// Fire tells all services of an event. It does not wait for what they run. A script with isdir
// can make it wait, for a second at most and without delaying other services. The error names the
// services with a script that could not be evaluated or a command that can not be scheduled; it
// is ErrClosed after Close.
func (b *Bus) Fire(event string, data map[string]string) error {
	all, err := b.registered()
	if err != nil {
		return err
	}
	listens := func(t *Trigger) bool { return t.Matches(event) }
	errs := make([]error, len(all))
	var slow sync.WaitGroup
	for i, r := range all {
		if r.list.stats() {
			slow.Go(func() { errs[i] = b.match(r, event, listens, data) })
		}
	}
	for i, r := range all {
		if !r.list.stats() {
			errs[i] = b.match(r, event, listens, data)
		}
	}
	slow.Wait()
	return errors.Join(errs...)
}

func (b *Bus) registered() ([]*registration, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, ErrClosed
	}
	all := make([]*registration, 0, len(b.services))
	for _, service := range slices.Sorted(maps.Keys(b.services)) {
		all = append(all, b.services[service])
	}
	return all, nil
}

// match schedules what the triggers of one service that listen ask for.
func (b *Bus) match(r *registration, event string, listens func(*Trigger) bool, data map[string]string) error {
	commands, err := r.list.evaluate(listens, data, b.directories.is)
	if err != nil {
		err = fmt.Errorf("%s: %s: %w", r.service, event, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.services[r.service] == nil {
		return err // it was removed while its script was looked at
	}
	for _, c := range commands {
		run := Run{Service: r.service, Event: event, Argv: c.Argv}
		err = errors.Join(err, b.scheduler.Schedule(run, c.Delay))
	}
	return err
}

// Close takes back what has not started and waits for the runs that go on, as Scheduler.Close.
func (b *Bus) Close(ctx context.Context) error {
	b.mu.Lock()
	b.closed = true
	for _, r := range b.services {
		b.moveClocks(r, nil)
	}
	b.mu.Unlock()
	b.ticks.Wait()
	return b.scheduler.Close(ctx)
}
