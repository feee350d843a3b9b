// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// both runs f for two users at once.
func both(a, b *lab, f func(l *lab, who int)) {
	var wg sync.WaitGroup
	for who, l := range []*lab{a, b} {
		wg.Go(func() { f(l, who) })
	}
	wg.Wait()
}

func TestTwoWritersLoseNothing(t *testing.T) {
	const each = 150
	for name, second := range map[string]string{"one save directory": "save", "two": "save2"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, "config t 'a'\n")
			both(l, l.user(second), func(l *lab, who int) {
				for i := range each {
					l.must("set", fmt.Sprintf("p.a.o%d_%d=%d", who, i, i))
					l.must("commit", "p")
				}
			})
			if n := strings.Count(l.file("config/p"), "option o"); n != 2*each {
				t.Errorf("%d of %d options arrived", n, 2*each)
			}
		})
	}
}

func TestReadersNeverGoBack(t *testing.T) {
	t.Parallel()
	l := newLab(t, "config t 'a'\n\toption v '0'\n")
	var done atomic.Bool
	both(l, l, func(l *lab, who int) {
		if who == 0 {
			for i := range 100 {
				l.must("set", fmt.Sprintf("p.a.v=%d", i+1))
				l.must("commit", "p")
			}
			done.Store(true)
			return
		}
		for last := 0; !done.Load(); {
			v, err := strconv.Atoi(l.must("get", "p.a.v"))
			if err != nil || v < last {
				t.Errorf("read %d after %d (%v)", v, last, err)
			}
			last = v
		}
	})
}

func TestConcurrentAddsGetTheirOwnNames(t *testing.T) {
	t.Parallel()
	const each = 40
	l := newLab(t, "config t 'a'\n")
	var names sync.Map
	both(l, l, func(l *lab, who int) {
		for range each {
			if name := l.must("add", "p", "t"); name != "" {
				if _, taken := names.LoadOrStore(name, true); taken {
					t.Errorf("name %s twice", name)
				}
				l.must("set", "p."+name+".who="+name)
			}
		}
	})
	l.must("commit", "p")
	text := l.file("config/p")
	if n := strings.Count(text, "config t\n"); n != 2*each {
		t.Errorf("%d sections, want %d", n, 2*each)
	}
	if n := strings.Count(text, "option who"); n != 2*each {
		t.Errorf("%d options, want %d", n, 2*each)
	}
}

func TestTwoUsersAddAndKeepBoth(t *testing.T) {
	t.Parallel()
	one := newLab(t, "config t 'a'\nconfig t 'b'\n")
	two := one.user("save2")
	first, second := one.must("add", "p", "t"), two.must("add", "p", "t")
	if first != second {
		t.Fatalf("names %s and %s: the test needs equal ones", first, second)
	}
	one.must("set", "p."+first+".from=one")
	two.must("set", "p."+second+".from=two")
	one.must("commit", "p")
	if got := two.must("get", "p."+second+".from"); got != "two" {
		t.Errorf("the second user sees %q in its own section", got)
	}
	two.must("set", "p."+second+".more=two")
	if _, _, exit := two.run("set", "p.@t[2].from=wrong"); exit != 1 {
		t.Error("a section whose name is taken by a new one can be changed")
	}
	two.must("commit", "p")
	want := "\nconfig t 'a'\n\nconfig t 'b'\n\nconfig t\n\toption from 'one'\n\nconfig t\n\toption from 'two'\n\toption more 'two'\n\n"
	if got := one.file("config/p"); got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

// TestBesideAnotherImplementation appends to the delta file as OpenWrt's tool does, with a
// lock on the file itself and no look at whether it is still there, while this tool commits.
func TestBesideAnotherImplementation(t *testing.T) {
	t.Parallel()
	const count = 300
	l := newLab(t, "config t 'a'\n")
	var done atomic.Bool
	both(l, l, func(l *lab, who int) {
		if who == 1 {
			for !done.Load() {
				l.must("commit", "p")
				l.must("set", "p.a.x=1")
				l.must("revert", "p.a.x")
			}
			return
		}
		for i := range count {
			appendLocked(t, filepath.Join(l.save, "p"), fmt.Sprintf("p.a.o%d='%d'\n", i, i))
		}
		done.Store(true)
	})
	l.must("commit", "p")
	if n := strings.Count(l.file("config/p"), "option o"); n != count {
		t.Errorf("%d of %d changes arrived", n, count)
	}
}

func appendLocked(t *testing.T, path, line string) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		t.Error(err)
		return
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Error(err)
	}
	if _, err := f.Seek(0, 2); err != nil {
		t.Error(err)
	}
	if _, err := f.WriteString(line); err != nil {
		t.Error(err)
	}
}
