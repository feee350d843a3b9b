// SPDX-License-Identifier: Apache-2.0

package apply_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"ucid/internal/control"
	"ucid/internal/txn"
)

func TestConfirmedChangeStays(t *testing.T) {
	r := running(t, wan+office("192.0.2.8"))
	r.write("network", wan+office("192.0.2.9"))
	c := r.armed(time.Second)
	if _, err := ask[control.Window](r, "confirm", map[string]string{"id": "c999"}); err == nil {
		t.Error("another id confirms it")
	}
	must[control.Window](r, "confirm", map[string]string{"id": c.ID})
	r.awaitRevision(c.Revision)
	r.restart()
	viaNow(t, "192.0.2.9")
	if got := r.states(); got != "applied applied" {
		t.Errorf("history: %s", got)
	}
	if _, err := ask[control.Window](r, "confirm", nil); err == nil {
		t.Error("it can be confirmed twice")
	}
}

func TestUnconfirmedChangeGoesBack(t *testing.T) {
	r := running(t, wan+office("192.0.2.8"))
	r.write("network", wan+office("192.0.2.9"))
	c := r.armed(time.Second)
	viaNow(t, "192.0.2.9")
	if w := r.status().Window; w == nil || w.Change != c.ID || w.Before != 1 || w.Left > time.Second {
		t.Errorf("window %+v", w)
	}
	r.awaitRevision(1)
	viaNow(t, "192.0.2.8")
	if got := r.read("network"); got != wan+office("192.0.2.8") {
		t.Errorf("the file holds %s", got)
	}
	if got := r.states(); got != "rejected applied" {
		t.Errorf("history: %s", got)
	}
	if done := must[control.Change](r, "wait", map[string]string{"id": c.ID}); done.Outcome != control.Undone || !strings.Contains(done.Error, "not confirmed") {
		t.Errorf("the change is %s, %q", done.Outcome, done.Error)
	}
	for _, word := range []string{"confirm.armed", "confirm.warning", "confirm.rolledback"} {
		if !strings.Contains(r.events(), word) {
			t.Errorf("no event %s in\n%s", word, r.events())
		}
	}
}

// The rest of the window goes on in the next daemon, and the one after that; the change is
// taken back by the first one that runs when it is over.
func TestDeadlineIsKeptThroughRestarts(t *testing.T) {
	r := running(t, wan+office("192.0.2.8"))
	r.write("network", wan+office("192.0.2.9"))
	const window = 4 * time.Second
	r.armed(window)
	deadline := time.Now().Add(window)
	for range 3 {
		r.restart()
		w := r.status().Window
		if w == nil {
			if time.Now().Before(deadline) {
				t.Fatal("the window is gone before its time")
			}
			break // a slow machine
		}
		if left := time.Until(deadline); w.Left > left+time.Second {
			t.Errorf("%s left, want at most %s: the window was opened again", w.Left, left)
		}
	}
	r.awaitRevision(1)
	if early := time.Until(deadline); early > 0 {
		t.Errorf("taken back %s too early", early)
	}
	viaNow(t, "192.0.2.8")
}

func TestPassedDeadlineIsActedOnAtStart(t *testing.T) {
	for name, spoil := range map[string]func(*txn.Txn){
		"deadline": func(x *txn.Txn) { x.Confirm.Deadline = 1 },
		"boot":     func(x *txn.Txn) { x.Confirm.Boot = "another" },
	} {
		t.Run(name, func(t *testing.T) {
			r := running(t, wan+office("192.0.2.8"))
			r.write("network", wan+office("192.0.2.9"))
			r.armed(time.Hour)
			r.end()
			r.editJournal(spoil)
			r.start() // it answers after the change was taken back
			viaNow(t, "192.0.2.8")
			if s := r.status(); s.Revision != 1 || s.Window != nil || len(s.Unapplied) > 0 {
				t.Errorf("revision %d, window %v, not applied %v", s.Revision, s.Window, s.Unapplied)
			}
		})
	}
}

// A journal is measured by the clock that counts from boot: what the time of day says about
// the change makes no difference.
func TestWallClockChangesNothing(t *testing.T) {
	r := running(t, wan+office("192.0.2.8"))
	r.write("network", wan+office("192.0.2.9"))
	c := r.armed(time.Hour)
	for _, jump := range []time.Duration{-10 * 365 * 24 * time.Hour, 10 * 365 * 24 * time.Hour} {
		r.end()
		r.editJournal(func(x *txn.Txn) { x.Started = x.Started.Add(jump) })
		r.start()
		w := r.status().Window
		if w == nil || w.Left > time.Hour || w.Left < 59*time.Minute {
			t.Errorf("after a jump by %s: window %+v", jump, w)
		}
	}
	must[control.Window](r, "confirm", map[string]string{"id": c.ID})
	viaNow(t, "192.0.2.9")
}

func TestOthersAreRefusedInTheWindow(t *testing.T) {
	r := running(t, wan+office("192.0.2.8"))
	r.write("network", wan+office("192.0.2.9"))
	c := r.armed(time.Hour)
	r.write("network", wan+office("192.0.2.10"))
	for _, request := range []control.Request{{}, {Confirm: time.Minute}} {
		got := r.change("apply", request)
		if got.Outcome != control.Refused || !strings.Contains(got.Error, c.ID+" waits for 'ucid confirm'") {
			t.Errorf("%s: %s", got.Outcome, got.Error)
		}
	}
	if _, err := ask[control.Change](r, "rollback", control.Request{Revision: c.Revision}); err == nil || !strings.Contains(err.Error(), "waits to be confirmed") {
		t.Errorf("rollback to another revision: %v", err)
	}
	out, status := r.cli("reload")
	if status != 1 || !strings.Contains(out, "waits for 'ucid confirm'") {
		t.Errorf("ucid reload: %d, %s", status, out)
	}
	viaNow(t, "192.0.2.9")
	must[control.Window](r, "confirm", nil)
	r.applied()
	viaNow(t, "192.0.2.10")
}

// Many clients at once: each one's change is applied or refused with a reason, and in the end
// the system is what is committed.
func TestClientsAtOnce(t *testing.T) {
	r := running(t, wan+office("192.0.2.8"))
	outcomes := map[control.Outcome]int{}
	var mu sync.Mutex
	var clients sync.WaitGroup
	for i := range 8 {
		clients.Go(func() {
			for j := range 5 {
				name := fmt.Sprintf("c%d", i)
				text := wan + office(fmt.Sprintf("192.0.2.%d", 20+i)) + routeTo(name, fmt.Sprintf("10.%d.%d.0/24", i, j), "192.0.2.8")
				if err := os.WriteFile(r.path("network")+"."+name, []byte(text), 0o600); err != nil {
					t.Error(err)
				}
				if err := os.Rename(r.path("network")+"."+name, r.path("network")); err != nil {
					t.Error(err)
				}
				c, err := ask[control.Change](r, "apply", control.Request{})
				if err == nil {
					c, err = ask[control.Change](r, "wait", map[string]string{"id": c.ID})
				}
				if err != nil || c.Outcome == control.Refused && c.Error == "" || c.Outcome == control.Undone {
					t.Errorf("%v: %+v", err, c)
				}
				mu.Lock()
				outcomes[c.Outcome]++
				mu.Unlock()
			}
		})
	}
	clients.Wait()
	t.Logf("%v", outcomes)
	r.applied()
	committed := r.read("network")
	if got := len(strings.Split(ours(t), "\n")); got != 2 {
		t.Errorf("%d routes, want 2:\n%s", got, ours(t))
	}
	applied := must[map[string]string](r, "history.files", map[string]int{"revision": r.status().Revision})["network"]
	if applied != committed {
		t.Errorf("applied is\n%s\ncommitted\n%s", applied, committed)
	}
}

func TestFirstChangeEverIsTakenBack(t *testing.T) {
	r := newRouter(t)
	r.write("network", wan+office("192.0.2.9"))
	r.write("ucid", "config globals 'globals'\n\toption auto_apply '1'\n")
	r.start()
	r.armed(time.Second)
	r.awaitRevision(0)
	viaNow(t, "")
	if r.read("network") != wan+office("192.0.2.9") {
		t.Error("the file was changed, though nobody knows what was there before")
	}
	r.write("ucid", r.read("ucid")) // somebody touches a file, and auto_apply looks
	r.restart()
	r.stays(0)
	viaNow(t, "")
	r.applied() // by hand it may
	viaNow(t, "192.0.2.9")
}

// stays expects that auto_apply has looked at the files and left a revision as it is.
func (r *router) stays(revision int) {
	r.t.Helper()
	other := filepath.Join(r.s.ConfDir, "unrelated")
	if err := os.WriteFile(other, nil, 0o600); err != nil {
		r.t.Fatal(err)
	}
	for end := time.Now().Add(500 * time.Millisecond); time.Now().Before(end); {
		if s := r.status(); s.Revision != revision {
			r.t.Fatalf("revision %d, want %d", s.Revision, revision)
		}
	}
	os.Remove(other)
}

const auto = "config globals 'globals'\n\toption auto_apply '1'\n"

// What was rejected does not come back by itself, wherever it comes from.
func TestRejectedIsNotAppliedAgainByItself(t *testing.T) {
	r := newRouter(t)
	commit := func(gateway, ucid string) {
		r.write("network", wan+office(gateway))
		r.write("ucid", ucid)
	}
	commit("192.0.2.8", "")
	r.start()
	r.applied()
	commit("192.0.2.9", auto)
	r.armed(time.Hour)
	must[control.Change](r, "rollback", nil)
	commit("192.0.2.9", auto)
	r.stays(1)
	viaNow(t, "192.0.2.8")
	r.restart()
	r.stays(1)
	commit("192.0.2.10", auto) // another one may
	via(t, "192.0.2.10")
	commit("192.0.2.9", auto)
	r.stays(r.status().Revision)
	r.applied() // by hand it may, too
	viaNow(t, "192.0.2.9")
	commit("192.0.2.10", auto)
	via(t, "192.0.2.10")
	commit("192.0.2.9", auto) // it was applied since
	via(t, "192.0.2.9")
}

// What is committed in the window waits, and is applied after it when auto_apply says so.
func TestAutoApplyAfterTheWindow(t *testing.T) {
	for _, end := range []string{"confirm", "rollback"} {
		t.Run(end, func(t *testing.T) {
			r := newRouter(t)
			r.write("network", wan+office("192.0.2.8"))
			r.write("ucid", strings.Replace(auto, "'1'", "'0'", 1))
			r.start()
			r.applied()
			r.write("ucid", auto)
			r.armed(time.Hour)
			r.write("network", wan+office("192.0.2.9"))
			eventually(t, func() error {
				if !strings.Contains(r.events(), "apply.refused") {
					return fmt.Errorf("auto_apply has not looked: %s", r.events())
				}
				return nil
			})
			must[any](r, end, nil)
			if end == "confirm" {
				via(t, "192.0.2.9")
				return
			}
			viaNow(t, "192.0.2.8") // auto_apply itself was taken back
			if got := fmt.Sprint(r.status().Unapplied); got != "map[network:changed]" {
				t.Errorf("not applied: %s", got)
			}
		})
	}
}
