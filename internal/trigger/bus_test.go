// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// garage is a bus with the record of a bench.
type garage struct {
	*Bus
	*bench
}

func newGarage(t *testing.T, o Options) garage {
	b := newBench(t, o)
	bus := NewBus(Options{})
	bus.scheduler.Close(context.Background())
	bus.scheduler = b.Scheduler
	t.Cleanup(func() { bus.Close(context.Background()) })
	return garage{bus, b}
}

func (g garage) Close(ctx context.Context) error { return g.Bus.Close(ctx) }

func busBubble(t *testing.T, d time.Duration, test func(*testing.T, garage)) {
	synctest.Test(t, func(t *testing.T) { test(t, newGarage(t, Options{Run: takes(d)})) })
}

func list(t *testing.T, raw string) List {
	t.Helper()
	l, err := Parse(json.RawMessage(raw))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

const reload = `[["config.change",["if",["eq","package","%s"],["run_script","/etc/init.d/%s","reload"]],1000]]`

func TestFireRunsWhoListens(t *testing.T) {
	busBubble(t, 0, func(t *testing.T, g garage) {
		for _, name := range []string{"demo", "other"} {
			g.Register(name, list(t, fmt.Sprintf(reload, name, name)))
		}
		for range 3 {
			if err := g.Fire(ConfigChange("demo")); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(time.Minute)
		g.want(t, "100ms demo /etc/init.d/demo reload")
		if r := g.reported()[0]; r.Event != "config.change" || r.Err != nil {
			t.Error(r)
		}
	})
}

func TestRegisterReplaces(t *testing.T) {
	busBubble(t, 0, func(t *testing.T, g garage) {
		g.Register("a", list(t, `[["one",["run_script","x"],100]]`))
		g.Fire("one", nil)
		g.Register("a", list(t, `[["two",["run_script","y"],100]]`))
		time.Sleep(time.Second)
		g.Fire("one", nil)
		g.Fire("two", nil)
		time.Sleep(time.Second)
		g.want(t, "100ms a x", "1.1s a y")
	})
}

func TestTriggersGoWithTheService(t *testing.T) {
	busBubble(t, 0, func(t *testing.T, g garage) {
		g.Register("a", list(t, `[["e",["run_script","x"],100],["timer",["run_script","y"],1000]]`))
		g.Fire("e", nil)
		g.Unregister("a")
		g.Unregister("none")
		g.Fire("e", nil)
		time.Sleep(time.Minute)
		g.want(t)
	})
}

// One hung script delays no other service; under procd it delays all of them.
func TestHungScriptDelaysNobody(t *testing.T) {
	busBubble(t, time.Hour, func(t *testing.T, g garage) {
		for i := range 50 {
			g.Register(fmt.Sprintf("s%02d", i), list(t, `[["e",["run_script","x"],1000]]`))
		}
		g.Fire("e", nil)
		time.Sleep(MaxDelay)
		synctest.Wait()
		if len(g.starts) != 50 {
			t.Error(g.starts)
		}
	})
}

func TestHungFileSystemDelaysNobody(t *testing.T) {
	busBubble(t, 0, func(t *testing.T, g garage) {
		release := make(chan struct{})
		g.directories.stat = func(path string) (os.FileInfo, error) {
			if path == "/hung" {
				<-release
			}
			return os.Stat("/")
		}
		isdir := `[["e",["if",["isdir","%s"],["run_script","x"]]]]`
		g.Register("a", list(t, fmt.Sprintf(isdir, "/hung")))
		g.Register("b", list(t, `[["e",["run_script","x"],20]]`))
		g.Register("c", list(t, fmt.Sprintf(isdir, "/")))
		err := g.Fire("e", nil)
		if time.Since(g.begin) != patience || !errors.Is(err, errNoAnswer) || !strings.HasPrefix(err.Error(), "a: e: triggers[0][1][1]: isdir: ") {
			t.Error(time.Since(g.begin), err)
		}
		g.want(t, "0s c x", "20ms b x")
		if err := g.Fire("e", nil); err == nil || time.Since(g.begin) != patience {
			t.Error("it is asked again:", time.Since(g.begin), err)
		}
		close(release)
		synctest.Wait()
		if err := g.Fire("e", nil); err != nil {
			t.Error(err)
		}
	})
}

func TestServiceRemovedWhileItIsEvaluatedDoesNotRun(t *testing.T) {
	busBubble(t, 0, func(t *testing.T, g garage) {
		g.directories.stat = func(string) (os.FileInfo, error) { time.Sleep(patience / 2); return os.Stat("/") }
		l := list(t, `[["e",["if",["isdir","/x"],["run_script","x"]]]]`)
		g.Register("a", l)
		g.Register("b", l)
		go g.Fire("e", nil)
		synctest.Wait()
		g.Unregister("a")
		time.Sleep(time.Minute)
		g.want(t, "500ms b x")
	})
}

func TestStatsLeftBehindAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		d := directories{stat: func(string) (os.FileInfo, error) { <-release; return os.Stat("/") }}
		var all sync.WaitGroup
		for i := range 2 * maxHung {
			all.Go(func() { d.is(fmt.Sprint(i)) })
		}
		all.Wait()
		time.Sleep(time.Second)
		begin := time.Now()
		if _, err := d.is("more"); err == nil || !time.Now().Equal(begin) {
			t.Error(err)
		}
		close(release)
		synctest.Wait()
		if ok, err := d.is("more"); !ok || err != nil {
			t.Error(ok, err)
		}
	})
}

func TestTimerTicks(t *testing.T) {
	busBubble(t, 0, func(t *testing.T, g garage) {
		g.Register("a", list(t, `[["timer",["run_script","%service%","%interval%"],1000],["timer",["run_script","slow"],2500],
			[".*",["run_script","never"]]]`))
		g.Register("b", list(t, `[["timer.*",["run_script","never"]]]`))
		time.Sleep(3100 * time.Millisecond)
		g.Unregister("a")
		time.Sleep(time.Minute)
		g.want(t, "1s a a 1000", "2s a a 1000", "2.5s a slow", "3s a a 1000")
	})
}

func TestTimerKeepsItsTimeWhenRegisteredAgain(t *testing.T) {
	busBubble(t, 0, func(t *testing.T, g garage) {
		for range 5 {
			g.Register("a", list(t, `[["timer",["run_script","x"],3000]]`))
			time.Sleep(2 * time.Second)
		}
		g.Register("a", list(t, `[["timer",["run_script","y"],5000]]`))
		time.Sleep(5500 * time.Millisecond)
		g.want(t, "3s a x", "6s a x", "9s a x", "15s a y")
	})
}

// A timer may have fired already when its clock is stopped.
func TestStoppedClockTicksNoMore(t *testing.T) {
	busBubble(t, 0, func(t *testing.T, g garage) {
		g.Register("a", list(t, `[["timer",["run_script","x"],1000]]`))
		c := g.services["a"].clocks[time.Second]
		g.Unregister("a")
		g.tick(c)
		time.Sleep(time.Minute)
		g.want(t)
		if time.Now().Before(c.next) || c.timer.Stop() {
			t.Error("it was wound up again")
		}
	})
}

func TestTimerThatCannotBeEvaluatedIsReported(t *testing.T) {
	busBubble(t, 0, func(t *testing.T, g garage) {
		g.Register("a", list(t, `[["timer",["run_script","%none%"],1000]]`))
		time.Sleep(1500 * time.Millisecond)
		all := g.reported()
		if len(all) != 1 || all[0].Service != "a" || all[0].Event != Timer || all[0].Err == nil || all[0].Argv != nil {
			t.Error(all)
		}
	})
}

func TestFireAfterClose(t *testing.T) {
	busBubble(t, 0, func(t *testing.T, g garage) {
		g.Register("a", list(t, `[["e",["run_script","x"],100],["timer",["run_script","x"],1000]]`))
		g.Fire("e", nil)
		if err := g.Close(t.Context()); err != nil {
			t.Error(err)
		}
		g.Register("b", list(t, `[["timer",["run_script","x"],1000]]`))
		if err := g.Fire("e", nil); err != ErrClosed {
			t.Error(err)
		}
		g.Unregister("a")
		time.Sleep(time.Minute)
		g.want(t)
	})
}

func TestFireNamesTheServiceThatFails(t *testing.T) {
	busBubble(t, 0, func(t *testing.T, g garage) {
		g.Register("bad", list(t, `[["e",["run_script","%none%"]]]`))
		g.Register("good", list(t, `[["e",["run_script","x"]]]`))
		if err := g.Fire("e", nil); err == nil || !strings.HasPrefix(err.Error(), "bad: e: triggers[0][1]: ") {
			t.Error(err)
		}
		g.want(t, "0s good x")
	})
}

// The bus is used from many goroutines, also from its own runs; the race detector watches.
func TestBusFromManyGoroutines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := list(t, `[["e.*",[["run_script","x"],["run_script","y","%n%"]],50],["timer",["run_script","x"],1000]]`)
		var g *Bus
		g = NewBus(Options{Run: func(_ context.Context, r Run) error {
			if r.Argv[0] == "x" {
				g.Unregister(r.Service)
				time.Sleep(10 * time.Millisecond)
				g.Register(r.Service, l)
			}
			return nil
		}, Report: func(Result) { g.Fire("e.report", nil) }})
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				for n := range 200 {
					g.Register(fmt.Sprintf("s%d", n%5), l)
					g.Fire("e.x", map[string]string{"n": fmt.Sprint(n % 7)})
					time.Sleep(time.Duration(i*n%13) * time.Millisecond)
				}
			})
		}
		all.Wait()
		if err := g.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestEventsHaveTheNamesScriptsLookFor(t *testing.T) {
	show := func(event string, data map[string]string) string {
		text, err := json.Marshal(data)
		if err != nil {
			t.Fatal(err)
		}
		return event + " " + string(text)
	}
	got := []string{show(ConfigChange("network")), show(Interface("up", "wan", "eth0")), show(Interface("down", "wan", "")),
		show(Service("reload", "a")), show(DataUpdate("a", "")), show(Instance("fail", "a", "i1")), show(Mount("add", "/mnt", "sda1"))}
	want := []string{`config.change {"package":"network"}`, `interface.up {"device":"eth0","interface":"wan"}`,
		`interface.down {"interface":"wan"}`, `service.reload {"service":"a"}`, `service.data.update {"name":"a","service":"a"}`,
		`instance.fail {"instance":"i1","service":"a"}`, `mount.add {"device":"sda1","target":"/mnt"}`}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
