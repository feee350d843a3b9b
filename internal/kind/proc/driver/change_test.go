// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"ucid/internal/engine"
	"ucid/internal/kind/proc"
)

func TestModify(t *testing.T) {
	d, events := open(t, t.TempDir())
	p := sh("web", `trap 'echo reloaded' HUP; echo up; while :; do sleep 0.01; done`)
	p.Reload = 1
	create(t, d, p)
	output(t, d, "web", "up")
	pid := waitState(t, d, "web", running).Pid

	data := p
	data.Data = engine.MakeMap(map[string]string{"a": "b"})
	modify(t, d, p, data)
	if i := status(t, d, "web"); i.Pid != pid || events.count(EventReloaded, "web") != 0 {
		t.Errorf("changed data: %+v", i)
	}

	files := data
	files.Files = engine.MakeList("/etc/web.conf=1")
	modify(t, d, data, files)
	output(t, d, "web", "reloaded")
	if i := status(t, d, "web"); i.Pid != pid {
		t.Errorf("changed files with a reload signal: %+v", i)
	}

	env := files
	env.Env = engine.MakeMap(map[string]string{"A": "1"})
	modify(t, d, files, env)
	if alive(pid) && status(t, d, "web").State != "stopping" {
		t.Error("changed environment: not stopping")
	}
	eventually(t, "it is restarted", func() bool {
		i := status(t, d, "web")
		return i.State == "running" && i.Pid != pid
	})
	if alive(pid) {
		t.Error("old and new overlap")
	}
	all, _ := d.Observe(context.Background())
	if len(all) != 1 || all[0] != env {
		t.Errorf("observed %v", all)
	}
}

func TestApplyDoesNotWaitForASlowStop(t *testing.T) {
	d, _ := open(t, t.TempDir())
	p := sh("slow", `trap '' TERM; echo up; while :; do sleep 0.05; done`)
	p.TermAfter = time.Hour
	create(t, d, p)
	output(t, d, "slow", "up")
	pid := waitState(t, d, "slow", running).Pid
	apply(t, d, engine.Remove, p, proc.Proc{})
	if !alive(pid) || status(t, d, "slow").State != "stopping" {
		t.Error("Apply waited, or did nothing")
	}
	if all, _ := d.Observe(context.Background()); len(all) != 0 {
		t.Errorf("removed and yet observed: %v", all)
	}
	kill9(pid)
	eventually(t, "it is forgotten", func() bool { return len(d.List()) == 0 })
}

func TestActions(t *testing.T) {
	d, _ := open(t, t.TempDir())
	create(t, d, sh("web", `trap 'echo usr1' USR1; echo up; while :; do sleep 0.01; done`))
	output(t, d, "web", "up")
	act(t, d, "web", "signal", "USR1")
	output(t, d, "web", "usr1")
	pid := waitState(t, d, "web", running).Pid
	act(t, d, "web", "reload") // it has no signal for that
	eventually(t, "it is restarted", func() bool {
		i := status(t, d, "web")
		return i.State == "running" && i.Pid != pid
	})
	for _, bad := range [][]string{
		{"none", "start"}, {"web", "dance"}, {"web", "signal"}, {"web", "signal", "0"}, {"web", "signal", "NONE"},
	} {
		if err := d.Act(context.Background(), bad[0], bad[1], bad[2:]); err == nil {
			t.Errorf("%v is no error", bad)
		}
	}
	act(t, d, "web", "stop")
	waitState(t, d, "web", stopped)
	if err := d.Act(context.Background(), "web", "signal", []string{"TERM"}); err == nil {
		t.Error("a signal to what does not run is no error")
	}
	if s := strings.Join(d.Explain(context.Background(), "web"), "\n"); !strings.Contains(s, "stopped by hand") {
		t.Errorf("explained: %s", s)
	}
}

func TestFollow(t *testing.T) {
	d, _ := open(t, t.TempDir())
	ctx, cancel := context.WithCancel(context.Background())
	lines := d.Follow(ctx, "web", -1) // before it exists
	slow := d.Follow(ctx, "web", -1)
	create(t, d, sh("web", `i=0; more() { n=$((i+1000)); while [ $i -lt $n ]; do i=$((i+1)); echo $((i-1)); done; }
		trap more USR1; more; while :; do sleep 0.01; done`))
	want := func(from int) {
		for next := from; next < from+1000; next++ {
			select {
			case l := <-lines:
				if l.Text != fmt.Sprint(next) || l.Dropped > 0 {
					t.Fatalf("line %q, %d dropped; want %d", l.Text, l.Dropped, next)
				}
			case <-time.After(patience):
				t.Fatalf("no line %d", next)
			}
		}
	}
	want(0)
	act(t, d, "web", "signal", "USR1")
	want(1000)
	for range followQueue { // what it did not miss
		<-slow
	}
	act(t, d, "web", "signal", "USR1")
	if l := <-slow; l.Text != "2000" || l.Dropped != 2000-followQueue {
		t.Errorf("the slow one got %q and was told of %d lost lines", l.Text, l.Dropped)
	}
	cancel()
	for range lines {
	}
}

// The ledger keeps every field, whatever bytes are in it.
func TestSpecIsComplete(t *testing.T) {
	var p proc.Proc
	v := reflect.ValueOf(&p).Elem()
	for i := range v.NumField() {
		fill(t, v.Type().Field(i).Name, v.Field(i))
	}
	l := ledger{t.TempDir()}
	p.Name = "all"
	if err := l.write(record{Want: packSpec(p)}); err != nil {
		t.Fatal(err)
	}
	got, errs := l.read()
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if got["all"].Want.unpack() != p {
		t.Errorf("\n got %#v\nwant %#v", got["all"].Want.unpack(), p)
	}
}

const odd = "a\xff\n=\"<é>"

func fill(t *testing.T, name string, v reflect.Value) {
	switch x := v.Addr().Interface().(type) {
	case *engine.List:
		*x = engine.MakeList(odd, "", "b")
		return
	case *engine.Map:
		*x = engine.MakeMap(map[string]string{odd: odd, "k": ""})
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(odd)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int64:
		v.SetInt(7)
	case reflect.Uint8, reflect.Uint32:
		v.SetUint(9)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, name, v.Field(i))
		}
	default:
		t.Fatalf("field %s: a kind that this test does not know", name)
	}
}

func TestManyAtOnce(t *testing.T) {
	const many = 300
	d, _ := open(t, t.TempDir())
	var changes []engine.Change[proc.Proc]
	for i := range many {
		changes = append(changes, engine.Change[proc.Proc]{Op: engine.Create, New: sleeper(fmt.Sprintf("%s/%d", own("many"), i))})
	}
	before := threads()
	if errs := d.Apply(context.Background(), changes); errs != nil {
		t.Fatal(errs)
	}
	eventually(t, "all run", func() bool {
		n := 0
		for _, i := range d.List() {
			if i.State == "running" {
				n++
			}
		}
		return n == many
	})
	if now := threads(); now > before+5 {
		t.Errorf("%d goroutines for %d children", now-before, many)
	}
	removeAll(t, d)
	if n := grandchildren(own("many") + "/0"); n != 0 {
		t.Errorf("%d survive", n)
	}
}
