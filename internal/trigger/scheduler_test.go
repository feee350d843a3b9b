// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// bench records the runs of a scheduler in a synctest bubble.
type bench struct {
	*Scheduler
	begin   time.Time
	mu      sync.Mutex
	starts  []string // "120ms a x"
	results []Result
}

// newBench makes a scheduler whose runs take what works says.
func newBench(t *testing.T, o Options) *bench {
	b := &bench{begin: time.Now()}
	work := o.Run
	o.Run = func(ctx context.Context, r Run) error {
		b.mu.Lock()
		b.starts = append(b.starts, fmt.Sprintf("%v %s %s", time.Since(b.begin), r.Service, strings.Join(r.Argv, " ")))
		b.mu.Unlock()
		return work(ctx, r)
	}
	o.Report = func(r Result) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.results = append(b.results, r)
	}
	b.Scheduler = NewScheduler(o)
	t.Cleanup(func() { b.Close(context.Background()) })
	return b
}

func takes(d time.Duration) func(context.Context, Run) error {
	return func(ctx context.Context, _ Run) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// reported waits until nothing goes on at this moment and returns the results so far.
func (b *bench) reported() []Result {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.results)
}

func (b *bench) ask(t *testing.T, service, words string, delay time.Duration) {
	t.Helper()
	if err := b.Schedule(Run{Service: service, Event: "e", Argv: strings.Fields(words)}, delay); err != nil {
		t.Error(err)
	}
}

func (b *bench) want(t *testing.T, starts ...string) {
	t.Helper()
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Equal(b.starts, starts) {
		t.Errorf("got  %q\nwant %q", b.starts, starts)
	}
}

// bubble runs a test on a fake clock with a scheduler whose runs take d.
func bubble(t *testing.T, d time.Duration, test func(*testing.T, *bench)) {
	synctest.Test(t, func(t *testing.T) { test(t, newBench(t, Options{Run: takes(d)})) })
}

func TestFirstRunWaitsForTheDelayAtMostMaxDelay(t *testing.T) {
	bubble(t, 0, func(t *testing.T, b *bench) {
		b.ask(t, "a", "now", 0)
		b.want(t, "0s a now")
		b.ask(t, "b", "negative", -time.Hour)
		b.want(t, "0s a now", "0s b negative")
	})
	bubble(t, 0, func(t *testing.T, b *bench) {
		b.ask(t, "a", "late", time.Second)
		b.ask(t, "a", "soon", 30*time.Millisecond)
		time.Sleep(5 * time.Second)
		b.want(t, "30ms a soon", "100ms a late")
	})
}

func TestMatchesCoalesce(t *testing.T) {
	bubble(t, 0, func(t *testing.T, b *bench) {
		for range 9 {
			b.ask(t, "a", "x", time.Second)
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(5 * time.Second)
		b.want(t, "100ms a x")
	})
}

// Under procd three events 320 ms apart with a delay of 1 s run once, 1 s after the last.
func TestNothingIsPostponed(t *testing.T) {
	bubble(t, 0, func(t *testing.T, b *bench) {
		for range 3 {
			b.ask(t, "a", "x", time.Second)
			time.Sleep(320 * time.Millisecond)
		}
		time.Sleep(5 * time.Second)
		b.want(t, "100ms a x", "1.1s a x")
	})
}

func TestSteadyStreamRunsOnceASecond(t *testing.T) {
	bubble(t, 10*time.Millisecond, func(t *testing.T, b *bench) {
		for range 1000 {
			b.ask(t, "a", "x", time.Second)
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(5 * time.Second)
		b.want(t, "100ms a x", "1.1s a x", "2.1s a x", "3.1s a x", "4.1s a x", "5.1s a x", "6.1s a x", "7.1s a x",
			"8.1s a x", "9.1s a x", "10.1s a x")
	})
}

func TestMatchesWhileRunningLeadToOneMore(t *testing.T) {
	bubble(t, 3*time.Second, func(t *testing.T, b *bench) {
		b.ask(t, "a", "x", 0)
		time.Sleep(time.Second)
		for range 5 {
			b.ask(t, "a", "x", 0)
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		b.want(t, "0s a x", "3s a x")
	})
}

func TestOneServiceRunsOneAtATime(t *testing.T) {
	bubble(t, 5*time.Second, func(t *testing.T, b *bench) {
		b.ask(t, "a", "x", 0)
		b.ask(t, "a", "y", 0)
		b.ask(t, "a", "z", 0)
		time.Sleep(time.Second)
		b.ask(t, "b", "x", 0) // delayed by none of them
		time.Sleep(time.Minute)
		b.want(t, "0s a x", "1s b x", "5s a y", "10s a z")
	})
}

func TestStreamOfOneJobDoesNotStarveAnother(t *testing.T) {
	bubble(t, 2*time.Second, func(t *testing.T, b *bench) {
		for i := range 100 {
			b.ask(t, "a", "x", 0)
			if i == 10 {
				b.ask(t, "a", "y", 0)
			}
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if !slices.Contains(b.starts, "2s a x") || !slices.Contains(b.starts, "4s a y") {
			t.Error(b.starts)
		}
	})
}

func TestDeadline(t *testing.T) {
	bubble(t, time.Hour, func(t *testing.T, b *bench) {
		b.ask(t, "a", "x", 0)
		time.Sleep(time.Second)
		b.ask(t, "a", "y", 0)
		b.ask(t, "b", "x", 0)
		time.Sleep(60 * time.Second)
		b.want(t, "0s a x", "1s b x", "1m0s a y")
		r := b.reported()[0]
		if r.Service != "a" || r.Event != "e" || r.Argv[0] != "x" || r.Duration != DefaultTimeout || !r.Started.Equal(b.begin) {
			t.Error(r)
		}
		if !errors.Is(r.Err, ErrDeadline) || !errors.Is(r.Err, context.DeadlineExceeded) {
			t.Error(r.Err)
		}
	})
}

func TestRunThatEndsWellAtItsDeadlineHasFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Timeout: time.Second, Run: func(ctx context.Context, _ Run) error { <-ctx.Done(); return nil }})
		b.ask(t, "a", "x", 0)
		time.Sleep(2 * time.Second)
		if all := b.reported(); len(all) != 1 || !errors.Is(all[0].Err, ErrDeadline) {
			t.Error(all)
		}
	})
}

func TestHungRunIsReportedOnceAndKeepsItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		b := newBench(t, Options{Run: func(_ context.Context, r Run) error {
			if r.Argv[0] == "hang" {
				<-release
			}
			return nil
		}})
		b.ask(t, "a", "hang", 0)
		b.ask(t, "a", "x", 0)
		time.Sleep(time.Second)
		b.ask(t, "b", "x", 0)
		time.Sleep(2*time.Minute - time.Second)
		b.want(t, "0s a hang", "1s b x")
		if r := b.reported()[1]; !errors.Is(r.Err, ErrHung) || r.Duration != DefaultTimeout+Grace {
			t.Error(r)
		}
		close(release)
		b.want(t, "0s a hang", "1s b x", "2m0s a x")
		if all := b.reported(); len(all) != 3 {
			t.Error(all)
		}
	})
}

func TestFailureIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("exit status 3")
		b := newBench(t, Options{Run: func(context.Context, Run) error { return broken }})
		b.ask(t, "a", "x", 0)
		synctest.Wait()
		if all := b.reported(); len(all) != 1 || all[0].Err != broken {
			t.Error(all)
		}
	})
}

func TestRemoveTakesBackWhatHasNotStarted(t *testing.T) {
	bubble(t, 3*time.Second, func(t *testing.T, b *bench) {
		b.ask(t, "a", "x", 0)
		b.ask(t, "a", "y", 0)
		b.ask(t, "b", "z", time.Second)
		time.Sleep(50 * time.Millisecond)
		b.ask(t, "a", "x", 0)
		b.Remove("a")
		b.Remove("b")
		b.Remove("none")
		time.Sleep(time.Minute)
		b.want(t, "0s a x")
		if err := b.reported()[0].Err; err != nil {
			t.Error("what went on was stopped:", err)
		}
	})
}

// A script that removes its service and registers it again must not run in parallel with itself,
// nor more often.
func TestRemovedServiceKeepsItsRunAndItsRate(t *testing.T) {
	bubble(t, 3*time.Second, func(t *testing.T, b *bench) {
		b.ask(t, "a", "x", 0)
		time.Sleep(time.Second)
		b.Remove("a")
		b.ask(t, "a", "x", 0)
		time.Sleep(time.Minute)
		b.want(t, "0s a x", "3s a x")
	})
	bubble(t, 0, func(t *testing.T, b *bench) {
		for range 29 {
			b.ask(t, "a", "x", 0)
			time.Sleep(100 * time.Millisecond)
			b.Remove("a")
			b.ask(t, "a", "x", 0)
		}
		time.Sleep(time.Minute)
		b.want(t, "0s a x", "1s a x", "2s a x", "3s a x")
	})
}

func TestNothingIsKept(t *testing.T) {
	bubble(t, 0, func(t *testing.T, b *bench) {
		for i := range 1000 {
			b.ask(t, fmt.Sprintf("s%d", i%10), fmt.Sprintf("x %d", i), 0)
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(MinGap)
		synctest.Wait()
		if len(b.queues) != 0 {
			t.Error("queues are left:", len(b.queues))
		}
	})
}

func TestJobsOfAServiceAreLimited(t *testing.T) {
	bubble(t, 0, func(t *testing.T, b *bench) {
		for i := range MaxJobs {
			b.ask(t, "a", fmt.Sprintf("x %d", i), time.Second)
		}
		if err := b.Schedule(Run{Service: "a", Argv: []string{"more"}}, 0); err == nil {
			t.Error("one more is taken")
		}
		b.ask(t, "a", "x 0", 0)
		b.ask(t, "b", "x", 0)
		time.Sleep(2 * time.Second)
		b.ask(t, "a", "more", 0)
	})
}

func TestScheduleRefusesWhatCannotRun(t *testing.T) {
	bubble(t, 0, func(t *testing.T, b *bench) {
		for _, argv := range [][]string{nil, {""}, {"x", "a\x00b"}} {
			if err := b.Schedule(Run{Service: "a", Argv: argv}, 0); err == nil {
				t.Errorf("%q is taken", argv)
			}
		}
	})
}

func TestCloseWaits(t *testing.T) {
	bubble(t, 3*time.Second, func(t *testing.T, b *bench) {
		b.ask(t, "a", "x", 0)
		b.ask(t, "a", "y", 0)
		b.ask(t, "b", "z", time.Second)
		synctest.Wait()
		if err := b.Close(context.Background()); err != nil || time.Since(b.begin) != 3*time.Second {
			t.Error(err, time.Since(b.begin))
		}
		if err := b.Schedule(Run{Service: "a", Argv: []string{"x"}}, 0); err != ErrClosed {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		b.want(t, "0s a x")
	})
}

func TestCloseStopsWhatTakesTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		b := newBench(t, Options{Run: func(ctx context.Context, r Run) error {
			<-ctx.Done()
			if r.Service == "hung" {
				<-release
			}
			return ctx.Err()
		}})
		b.ask(t, "a", "x", 0)
		b.ask(t, "hung", "x", 0)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := b.Close(ctx)
		if err == nil || err.Error() != "cannot stop the trigger runs of hung" || time.Since(b.begin) != time.Second+Grace {
			t.Error(err, time.Since(b.begin))
		}
		all := b.reported()
		if len(all) != 1 || !errors.Is(all[0].Err, context.Canceled) || errors.Is(all[0].Err, ErrDeadline) {
			t.Error(all)
		}
		close(release)
	})
}
