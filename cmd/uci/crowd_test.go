// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestCrowd has 20 users with 5 save directories do all there is to do, each to a section of
// its own; what each of them ends with is what it has asked for.
func TestCrowd(t *testing.T) {
	t.Parallel()
	const users = 20
	l := newLab(t, "config t 'first'\n")
	var wg sync.WaitGroup
	for who := range users {
		wg.Go(func() { member(l.user(fmt.Sprintf("save%d", who%5)), who) })
	}
	wg.Wait()
	for save := range 5 {
		l.user(fmt.Sprintf("save%d", save)).must("commit", "p")
	}
	text := l.file("config/p")
	for who := range users {
		want := fmt.Sprintf("\nconfig t 'kept%d'\n\toption b 'it'\\''s %d'\n\tlist l 'two'\n", who, who)
		if !strings.Contains(text, want) {
			t.Errorf("user %d has lost something", who)
		}
	}
	if n := strings.Count(text, "config t\n\toption by"); n != users || strings.Contains(text, "gone") {
		t.Errorf("%d anonymous sections, want %d:\n%s", n, users, text)
	}
	if n := strings.Count(text, "config "); n != 2*users+1 {
		t.Errorf("%d sections, want %d", n, 2*users+1)
	}
}

// member makes one named section and one anonymous one, with detours.
func member(l *lab, who int) {
	at := fmt.Sprintf("p.s%d", who)
	l.must("set", at+"=t")
	l.must("set", at+".a=gone")
	l.must("set", fmt.Sprintf("%s.b=it's %d", at, who))
	l.must("add_list", at+".l=gone")
	l.must("add_list", at+".l=two")
	l.must("commit", "p")
	l.must("del_list", at+".l=gone")
	l.must("delete", at+".a")
	l.must("set", at+".c=gone")
	l.must("revert", at+".c")
	l.run("delete", at+".c") // someone may have committed it for us before
	// A generated name lasts until the section is committed, so nobody else may do that.
	own := l.user(fmt.Sprintf("own%d", who))
	name := own.must("add", "p", "t")
	own.must("set", "p."+name+".by="+strconv.Itoa(who))
	own.must("commit", "p")
	l.must("reorder", at+"=0")
	l.must("rename", fmt.Sprintf("%s=kept%d", at, who))
	l.must("show", "p")
	l.must("commit", "p")
	l.must("changes", "p")
}

// TestKilledBesideReaders kills a writer again and again, at no chosen moment. Readers find a
// whole file and a value that never goes back; the next writer can always go on.
func TestKilledBesideReaders(t *testing.T) {
	t.Parallel()
	rounds := 150
	if soak {
		rounds = 5000
	}
	l := newLab(t, "config t 'a'\n\toption v '0'\n")
	var done atomic.Bool
	both(l, l, func(l *lab, who int) {
		if who == 1 {
			for last := 0; !done.Load(); {
				v, err := strconv.Atoi(l.must("get", "p.a.v"))
				if err != nil || v < last {
					t.Errorf("read %d after %d (%v)", v, last, err)
				}
				last = v
			}
			return
		}
		defer done.Store(true)
		for i := range rounds {
			script := fmt.Sprintf("set p.a.v=%d\ncommit p\nset p.a.v=%d\n", 2*i+1, 2*i+2)
			cmd := exec.Command(binary, "-c", l.conf, "-t", l.save, "batch")
			cmd.Stdin = strings.NewReader(script)
			if err := cmd.Start(); err != nil {
				t.Error(err)
				return
			}
			timer := time.AfterFunc(time.Duration(rand.IntN(6000))*time.Microsecond, func() { cmd.Process.Kill() })
			cmd.Wait() // an error is what this is about
			timer.Stop()
		}
	})
	l.must("set", fmt.Sprintf("p.a.v=%d", 2*rounds+1))
	l.must("commit", "p")
	if got, want := l.file("config/p"), fmt.Sprintf("\nconfig t 'a'\n\toption v '%d'\n\n", 2*rounds+1); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
