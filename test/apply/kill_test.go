// SPDX-License-Identifier: Apache-2.0

package apply_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ucid/internal/api/sock"
	"ucid/internal/control"
	"ucid/internal/txn"
)

// world is a configuration of many routes, and what the kernel has of it.
func world(gateway string, from, to int) (config, kernel string) {
	var b, k strings.Builder
	b.WriteString(wan)
	for i := from; i < to; i++ {
		b.WriteString(routeTo(fmt.Sprintf("r%d", i), fmt.Sprintf("10.%d.0.0/16", i), gateway))
		fmt.Fprintf(&k, "10.%d.0.0/16 via %s\n", i, gateway)
	}
	return b.String(), strings.TrimSuffix(k.String(), "\n")
}

// The old and the new world differ in every route, in what is removed and what is added.
var (
	oldConfig, oldKernel = world("192.0.2.8", 10, 30)
	newConfig, newKernel = world("192.0.2.9", 12, 35)
)

// A scene is a change that is killed.
type scene struct {
	name    string
	prepare func(r *router)       // what comes before it, the old world being applied
	do      func(r *router) error // the change; it fails when the daemon is killed
	files   bool                  // whether the files are part of the change
}

var scenes = []scene{
	{"apply", commitNew, apply(control.Request{}), false},
	{"apply with confirm", commitNew, apply(control.Request{Confirm: time.Hour}), false},
	{"confirm", armNew, func(r *router) error { _, err := ask[control.Window](r, "confirm", nil); return err }, true},
	{"take back", armNew, func(r *router) error { _, err := ask[control.Change](r, "rollback", nil); return err }, true},
	{"rollback to a revision", newThenOld, rollback(0), true},
	{"rollback with confirm", newThenOld, rollback(time.Hour), true},
}

func commitNew(r *router) { r.write("network", newConfig) }

func armNew(r *router) {
	commitNew(r)
	r.armed(time.Hour)
}

// newThenOld makes the new world the revision before the applied one.
func newThenOld(r *router) {
	commitNew(r)
	r.applied()
	r.write("network", oldConfig)
	r.applied()
}

func apply(request control.Request) func(*router) error {
	return func(r *router) error { return r.finish("apply", request) }
}

func rollback(window time.Duration) func(*router) error {
	return func(r *router) error { return r.finish("rollback", control.Request{Confirm: window}) }
}

// finish asks for a change and waits for it; a daemon that is killed meanwhile is an error.
func (r *router) finish(method string, request control.Request) error {
	c, err := ask[control.Change](r, method, request)
	if err == nil {
		c, err = ask[control.Change](r, "wait", map[string]string{"id": c.ID})
	}
	if err == nil && c.Error != "" {
		r.t.Errorf("%s: %s", method, c.Error)
	}
	return err
}

// The daemon is killed at each system call with which a change becomes lasting, on disk or in
// the kernel. The next one leaves the old world or the new one.
func TestKilledAtEachStep(t *testing.T) {
	for _, s := range scenes {
		t.Run(s.name, func(t *testing.T) {
			r := newRouter(t)
			p := r.startTraced()
			points := 0
			for more := true; more; points++ {
				r.setTheScene(s)
				more = r.killAt(p, points, s)
				p = r.checkWorld(s, fmt.Sprintf("killed at step %d", points))
			}
			r.kill(p)
			t.Logf("%d steps", points-1)
			if points < 4 {
				t.Errorf("only %d steps: the tracer misses some", points)
			}
		})
	}
}

// setTheScene makes the old world the applied one.
func (r *router) setTheScene(s scene) {
	r.t.Helper()
	if r.status().Window != nil {
		must[control.Change](r, "rollback", nil)
	}
	r.write("network", oldConfig)
	r.applied()
	if got := ours(r.t); got != oldKernel {
		r.t.Fatalf("the old world is %s", got)
	}
	s.prepare(r)
}

func (r *router) kill(p *tracee) {
	unix.Kill(p.pid, unix.SIGKILL)
	<-p.ended
}

// killAt makes the change with a daemon that is killed before lasting step n; more is false
// when it has fewer.
func (r *router) killAt(p *tracee, n int, s scene) (more bool) {
	r.t.Helper()
	p.watch(func(c call) bool {
		if c.writes() {
			n--
		}
		return n < 0
	})
	err := s.do(r)
	p.watch(nil)
	r.kill(p)
	return err != nil
}

// checkWorld looks at what a new daemon makes of it, which it returns.
func (r *router) checkWorld(s scene, when string) *tracee {
	r.t.Helper()
	p := r.startTraced()
	status := r.status()
	applied := must[map[string]string](r, "history.files", map[string]int{"revision": status.Revision})["network"]
	kernel, committed := ours(r.t), r.read("network")
	want := map[string]string{oldConfig: oldKernel, newConfig: newKernel}[applied]
	if want == "" || kernel != want {
		r.t.Errorf("%s: mixed: revision %d holds\n%s\nand the kernel\n%s", when, status.Revision, applied, kernel)
	}
	if s.files && committed != applied {
		r.t.Errorf("%s: mixed: committed is\n%s\nand applied\n%s", when, committed, applied)
	}
	if !s.files && committed != newConfig {
		r.t.Errorf("%s: the change wrote to the files:\n%s", when, committed)
	}
	r.checkBooks(when, status)
	return p
}

// checkBooks looks whether the history and the journal agree with what is applied.
func (r *router) checkBooks(when string, status control.Status) {
	r.t.Helper()
	_, open, err := txn.In(filepath.Join(r.s.StateDir, "txn")).Read()
	if err != nil || open != (status.Window != nil) {
		r.t.Errorf("%s: the journal is open: %v, %v; a window: %v", when, open, err, status.Window != nil)
	}
	for i, h := range r.history() {
		if h.State == "pending" && (i != 0 || status.Window == nil) {
			r.t.Errorf("%s: revision %d is still pending", when, h.ID)
		}
	}
	temps, _ := filepath.Glob(filepath.Join(r.s.StateDir, "*", "*", ".new-*"))
	if len(temps) > 1 {
		r.t.Errorf("%s: %q are left", when, temps)
	}
}

// A machine that is started again in the window takes the change back; being switched off
// again while it does so makes no difference.
func TestKilledWhileResuming(t *testing.T) {
	for name, spoil := range map[string]func(*txn.Txn){
		"another boot":    func(x *txn.Txn) { x.Confirm.Boot = "another" },
		"deadline passed": func(x *txn.Txn) { x.Confirm.Deadline = 1 },
		"was undoing":     func(x *txn.Txn) { x.State = txn.Undoing },
	} {
		if name == "deadline passed" && !soak() {
			continue // it takes the way of another boot, which TestPassedDeadlineIsActedOnAtStart shows
		}
		t.Run(name, func(t *testing.T) {
			r := newRouter(t)
			back := scene{prepare: armNew, files: true}
			p := r.startTraced()
			points := 0
			for more := true; more; points++ {
				r.setTheScene(back)
				r.kill(p)
				r.editJournal(spoil)
				more = r.killStart(points)
				p = r.checkWorld(back, fmt.Sprintf("killed at step %d of the start", points))
				if got := ours(t); got != oldKernel {
					t.Errorf("killed at step %d of the start: not taken back: %s", points, got)
				}
			}
			r.kill(p)
			t.Logf("%d steps", points-1)
		})
	}
}

func (r *router) editJournal(edit func(*txn.Txn)) {
	r.t.Helper()
	j := txn.In(filepath.Join(r.s.StateDir, "txn"))
	x, open, err := j.Read()
	if err != nil || !open {
		r.t.Fatalf("no journal: %v", err)
	}
	edit(&x)
	if err := j.Write(x); err != nil {
		r.t.Fatal(err)
	}
}

// killStart kills a daemon before lasting step n of its start; more is false when it is ready
// before.
func (r *router) killStart(n int) (more bool) {
	r.t.Helper()
	os.Remove(r.s.Socket)
	p := r.tracedDaemon()
	p.watch(func(c call) bool {
		if c.writes() {
			n--
		}
		return n < 0
	})
	ready := make(chan struct{})
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	go func() {
		defer close(ready)
		for ctx.Err() == nil {
			select {
			case <-p.ended:
				return
			default:
			}
			if client, err := sock.Dial(ctx, r.s.Socket); err == nil {
				err := client.Call(ctx, "status", nil, &json.RawMessage{})
				client.Close()
				if err == nil {
					return
				}
			}
		}
	}()
	<-ready
	p.watch(nil)
	select {
	case <-p.ended:
		return true
	default:
		r.kill(p)
		return false
	}
}

// The same at moments that chance chooses.
func TestKilledAtRandomMoments(t *testing.T) {
	moments := 30
	if soak() {
		moments = 300
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	chance := rand.New(rand.NewPCG(seed, 0))
	for _, s := range scenes {
		t.Run(s.name, func(t *testing.T) {
			r := newRouter(t)
			killed, p := 0, r.startTraced()
			for i := range (moments + len(scenes) - 1) / len(scenes) {
				r.setTheScene(s)
				after := time.Duration(chance.Int64N(int64(20 * time.Millisecond)))
				if r.killAfter(p, after, s) {
					killed++
				}
				p = r.checkWorld(s, fmt.Sprintf("moment %d, killed after %s", i, after))
			}
			r.kill(p)
			t.Logf("%d were killed before the answer", killed)
		})
	}
}

func (r *router) killAfter(p *tracee, after time.Duration, s scene) (unanswered bool) {
	r.t.Helper()
	timer := time.AfterFunc(after, func() { unix.Kill(p.pid, unix.SIGKILL) })
	defer timer.Stop()
	err := s.do(r)
	r.kill(p)
	return err != nil
}
