// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// model checks what a scheduler does against what was asked of it.
type model struct {
	t       *testing.T
	mu      sync.Mutex
	random  *rand.Rand
	running map[string]bool      // by service
	owed    map[string]time.Time // by job: the first match that no run has answered yet
	last    map[string]time.Time // by job: the last start
	idle    map[string]time.Time // by service: when it had nothing to run last
	runs    int
	late    int
	reports int
}

func (m *model) match(service, argv string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.owed[service+argv]; !ok {
		m.owed[service+argv] = time.Now()
	}
}

func (m *model) remove(service string, argvs []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, argv := range argvs {
		delete(m.owed, service+argv)
	}
}

// start checks everything that must be so when a run starts, and says how long it shall take.
func (m *model) start(r Run) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.runs++
	job, now := r.Service+r.Argv[0], time.Now()
	if m.running[r.Service] {
		m.t.Errorf("two runs of %s at once", r.Service)
	}
	m.running[r.Service] = true
	since, ok := m.owed[job]
	if !ok {
		m.t.Errorf("%s runs unasked", job)
	}
	delete(m.owed, job)
	if last, ok := m.last[job]; ok && now.Sub(last) < MinGap {
		m.t.Errorf("%s runs again after %v", job, now.Sub(last))
	}
	limit := latest(since.Add(MaxDelay), m.last[job].Add(MinGap), m.idle[r.Service])
	if now.After(limit) {
		m.t.Errorf("%s runs %v late", job, now.Sub(limit))
	}
	m.last[job] = now
	return m.length()
}

func latest(times ...time.Time) time.Time {
	last := times[0]
	for _, t := range times {
		if t.After(last) {
			last = t
		}
	}
	return last
}

// length of a run: mostly short, at times longer than the deadline.
func (m *model) length() time.Duration {
	switch m.random.IntN(10) {
	case 0:
		return 0
	case 1:
		return time.Hour
	case 2:
		return time.Duration(m.random.IntN(5000)) * time.Millisecond
	}
	return time.Duration(m.random.IntN(300)) * time.Millisecond
}

func (m *model) end(service string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.running[service] = false
	m.idle[service] = time.Now()
}

func (m *model) run(ctx context.Context, r Run) error {
	length := m.start(r)
	defer m.end(r.Service)
	return takes(length)(ctx, r)
}

func (m *model) report(r Result) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reports++
	if r.Duration > 10*time.Second {
		m.t.Errorf("%v took %v", r.Run, r.Duration)
	}
	if errors.Is(r.Err, ErrDeadline) != (r.Duration == 10*time.Second) {
		m.t.Errorf("%v after %v: %v", r.Run, r.Duration, r.Err)
	}
	if errors.Is(r.Err, ErrDeadline) {
		m.late++
	}
}

func TestRandomWalk(t *testing.T) {
	for seed := range uint64(30) {
		synctest.Test(t, func(t *testing.T) { walk(t, seed, 2000) })
	}
}

func walk(t *testing.T, seed uint64, steps int) {
	argvs := []string{" x", " y", " z"}
	random := rand.New(rand.NewPCG(seed, 0))
	m := &model{t: t, random: rand.New(rand.NewPCG(seed, 1)), running: map[string]bool{}, owed: map[string]time.Time{},
		last: map[string]time.Time{}, idle: map[string]time.Time{}}
	s := NewScheduler(Options{Run: m.run, Report: m.report, Timeout: 10 * time.Second})
	for range steps {
		synctest.Wait()
		service, argv := fmt.Sprintf("s%d", random.IntN(4)), argvs[random.IntN(len(argvs))]
		if random.IntN(100) == 0 {
			m.remove(service, argvs)
			s.Remove(service)
			continue
		}
		m.match(service, argv)
		if err := s.Schedule(Run{Service: service, Argv: []string{argv}}, time.Duration(random.IntN(2000))*time.Millisecond); err != nil {
			t.Error(err)
		}
		if random.IntN(3) > 0 {
			time.Sleep(time.Duration(random.IntN(200)) * time.Millisecond)
		}
	}
	time.Sleep(time.Hour)
	synctest.Wait()
	if len(m.owed) != 0 || m.reports != m.runs || m.runs < 50 || m.late == 0 || len(s.queues) != 0 {
		t.Errorf("seed %d: %d matches without a run, %d runs, %d reports, %d deadlines", seed, len(m.owed), m.runs, m.reports, m.late)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
