// SPDX-License-Identifier: Apache-2.0

package event

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func fill(l *Log, n int) {
	for i := range n {
		l.Add(Event{Name: "test", Text: fmt.Sprint(i)})
	}
}

func TestLastKeepsTheNewest(t *testing.T) {
	l := NewLog(10, time.Now)
	fill(l, 25)
	for _, c := range []struct{ n, first, length int }{{3, 23, 3}, {0, 16, 10}, {-1, 16, 10}, {99, 16, 10}} {
		got := l.Last(c.n)
		if len(got) != c.length || got[0].Seq != uint64(c.first) || got[len(got)-1].Seq != 25 {
			t.Errorf("Last(%d): %d events from %d to %d", c.n, len(got), got[0].Seq, got[len(got)-1].Seq)
		}
	}
}

func TestLastIsACopy(t *testing.T) {
	l := NewLog(2, time.Now)
	fill(l, 2)
	kept := l.Last(0)
	fill(l, 5)
	if kept[0].Seq != 1 || kept[1].Seq != 2 {
		t.Errorf("it became %v", kept)
	}
}

func TestFollowerGetsPastAndFutureInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLog(10, time.Now)
		fill(l, 5)
		ctx, cancel := context.WithCancel(t.Context())
		events := l.Follow(ctx, 2)
		fill(l, 100)
		for seq := uint64(4); seq <= 105; seq++ {
			if e := <-events; e.Seq != seq || e.Lost != 0 {
				t.Fatalf("event %d, lost %d; want %d, 0", e.Seq, e.Lost, seq)
			}
		}
		cancel()
		if _, open := <-events; open {
			t.Error("an event after the end")
		}
	})
}

// One that does not read loses events and is told how many; nobody waits for it.
func TestSlowFollowerLosesAndIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLog(10, time.Now)
		ctx, cancel := context.WithCancel(t.Context())
		slow := l.Follow(ctx, 1)
		const n = queueLength + 500
		for i := range n {
			l.Add(Event{Text: fmt.Sprint(i)})
			synctest.Wait() // what can go into the queue is there
		}
		seen, lost, before := 0, uint64(0), uint64(0)
		next := func() {
			e := <-slow
			seen++
			lost += e.Lost
			if e.Seq != before+e.Lost+1 {
				t.Fatalf("event %d follows %d with %d lost", e.Seq, before, e.Lost)
			}
			before = e.Seq
		}
		for range queueLength / 2 {
			next()
		}
		fill(l, 1)
		for before < n+1 {
			next()
		}
		if lost == 0 || seen+int(lost) != n+1 {
			t.Errorf("%d seen and %d lost of %d", seen, lost, n+1)
		}
		cancel()
		synctest.Wait()
	})
}

func TestFollowersThatLeaveAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLog(10, time.Now)
		for range 50 {
			ctx, cancel := context.WithCancel(t.Context())
			l.Follow(ctx, 0)
			fill(l, 3)
			cancel()
		}
		synctest.Wait()
		if len(l.followers) != 0 {
			t.Errorf("%d followers are left", len(l.followers))
		}
	})
}
