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
	"ucid/test/lab"
)

func TestConfirmedChangeStays(t *testing.T) {
	r := running(t, wan+office("192.0.2.8"))
	r.Write("network", wan+office("192.0.2.9"))
	c := r.Armed(time.Second)
	if _, err := lab.Ask[control.Window](r, "confirm", map[string]string{"id": "c999"}); err == nil {
		t.Error("another id confirms it")
	}
	lab.Must[control.Window](r, "confirm", map[string]string{"id": c.ID})
	r.AwaitRevision(c.Revision)
	r.Restart()
	viaNow(t, "192.0.2.9")
	if got := r.States(); got != "applied applied" {
		t.Errorf("history: %s", got)
	}
	if _, err := lab.Ask[control.Window](r, "confirm", nil); err == nil {
		t.Error("it can be confirmed twice")
	}
}

func TestUnconfirmedChangeGoesBack(t *testing.T) {
	r := running(t, wan+office("192.0.2.8"))
	r.Write("network", wan+office("192.0.2.9"))
	c := r.Armed(time.Second)
	viaNow(t, "192.0.2.9")
	if w := r.Status().Window; w == nil || w.Change != c.ID || w.Before != 1 || w.Left > time.Second {
		t.Errorf("window %+v", w)
	}
	r.AwaitRevision(1)
	viaNow(t, "192.0.2.8")
	if got := r.Read("network"); got != wan+office("192.0.2.8") {
		t.Errorf("the file holds %s", got)
	}
	if got := r.States(); got != "rejected applied" {
		t.Errorf("history: %s", got)
	}
	if done := lab.Must[control.Change](r, "wait", map[string]string{"id": c.ID}); done.Outcome != control.Undone || !strings.Contains(done.Error, "not confirmed") {
		t.Errorf("the change is %s, %q", done.Outcome, done.Error)
	}
	for _, word := range []string{"confirm.armed", "confirm.warning", "confirm.rolledback"} {
		if !strings.Contains(r.Events(), word) {
			t.Errorf("no event %s in\n%s", word, r.Events())
		}
	}
}

// The rest of the window goes on in the next daemon, and the one after that; the change is
// taken back by the first one that runs when it is over.
func TestDeadlineIsKeptThroughRestarts(t *testing.T) {
	r := running(t, wan+office("192.0.2.8"))
	r.Write("network", wan+office("192.0.2.9"))
	const window = 4 * time.Second
	r.Armed(window)
	deadline := time.Now().Add(window)
	for range 3 {
		r.Restart()
		w := r.Status().Window
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
	r.AwaitRevision(1)
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
			r.Write("network", wan+office("192.0.2.9"))
			r.Armed(time.Hour)
			r.Stop()
			editJournal(r, spoil)
			r.Start() // it answers after the change was taken back
			viaNow(t, "192.0.2.8")
			if s := r.Status(); s.Revision != 1 || s.Window != nil || len(s.Unapplied) > 0 {
				t.Errorf("revision %d, window %v, not applied %v", s.Revision, s.Window, s.Unapplied)
			}
		})
	}
}

// A journal is measured by the clock that counts from boot: what the time of day says about
// the change makes no difference.
func TestWallClockChangesNothing(t *testing.T) {
	r := running(t, wan+office("192.0.2.8"))
	r.Write("network", wan+office("192.0.2.9"))
	c := r.Armed(time.Hour)
	for _, jump := range []time.Duration{-10 * 365 * 24 * time.Hour, 10 * 365 * 24 * time.Hour} {
		r.Stop()
		editJournal(r, func(x *txn.Txn) { x.Started = x.Started.Add(jump) })
		r.Start()
		w := r.Status().Window
		if w == nil || w.Left > time.Hour || w.Left < 59*time.Minute {
			t.Errorf("after a jump by %s: window %+v", jump, w)
		}
	}
	lab.Must[control.Window](r, "confirm", map[string]string{"id": c.ID})
	viaNow(t, "192.0.2.9")
}

func TestOthersAreRefusedInTheWindow(t *testing.T) {
	r := running(t, wan+office("192.0.2.8"))
	r.Write("network", wan+office("192.0.2.9"))
	c := r.Armed(time.Hour)
	r.Write("network", wan+office("192.0.2.10"))
	for _, request := range []control.Request{{}, {Confirm: time.Minute}} {
		got := r.Change("apply", request)
		if got.Outcome != control.Refused || !strings.Contains(got.Error, c.ID+" waits for 'ucid confirm'") {
			t.Errorf("%s: %s", got.Outcome, got.Error)
		}
	}
	if _, err := lab.Ask[control.Change](r, "rollback", control.Request{Revision: c.Revision}); err == nil || !strings.Contains(err.Error(), "waits to be confirmed") {
		t.Errorf("rollback to another revision: %v", err)
	}
	out, status := r.CLI("reload")
	if status != 1 || !strings.Contains(out, "waits for 'ucid confirm'") {
		t.Errorf("ucid reload: %d, %s", status, out)
	}
	viaNow(t, "192.0.2.9")
	lab.Must[control.Window](r, "confirm", nil)
	r.Applied()
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
				if err := os.WriteFile(r.Path("network")+"."+name, []byte(text), 0o600); err != nil {
					t.Error(err)
				}
				if err := os.Rename(r.Path("network")+"."+name, r.Path("network")); err != nil {
					t.Error(err)
				}
				c, err := lab.Ask[control.Change](r, "apply", control.Request{})
				if err == nil {
					c, err = lab.Ask[control.Change](r, "wait", map[string]string{"id": c.ID})
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
	r.Applied()
	committed := r.Read("network")
	if got := len(strings.Split(ours(t), "\n")); got != 2 {
		t.Errorf("%d routes, want 2:\n%s", got, ours(t))
	}
	applied := lab.Must[map[string]string](r, "history.files", map[string]int{"revision": r.Status().Revision})["network"]
	if applied != committed {
		t.Errorf("applied is\n%s\ncommitted\n%s", applied, committed)
	}
}

func TestFirstChangeEverIsTakenBack(t *testing.T) {
	r := lab.New(t)
	r.Write("network", wan+office("192.0.2.9"))
	r.Write("ucid", "config globals 'globals'\n\toption auto_apply '1'\n")
	r.Start()
	r.Armed(time.Second)
	r.AwaitRevision(0)
	viaNow(t, "")
	if r.Read("network") != wan+office("192.0.2.9") {
		t.Error("the file was changed, though nobody knows what was there before")
	}
	r.Write("ucid", r.Read("ucid")) // somebody touches a file, and auto_apply looks
	r.Restart()
	stays(r, 0)
	viaNow(t, "")
	r.Applied() // by hand it may
	viaNow(t, "192.0.2.9")
}

// stays expects that auto_apply has looked at the files and left a revision as it is.
func stays(r *lab.Router, revision int) {
	r.T.Helper()
	other := filepath.Join(r.Settings.ConfDir, "unrelated")
	if err := os.WriteFile(other, nil, 0o600); err != nil {
		r.T.Fatal(err)
	}
	for end := time.Now().Add(500 * time.Millisecond); time.Now().Before(end); {
		if s := r.Status(); s.Revision != revision {
			r.T.Fatalf("revision %d, want %d", s.Revision, revision)
		}
	}
	os.Remove(other)
}

const auto = "config globals 'globals'\n\toption auto_apply '1'\n"

// What was rejected does not come back by itself, wherever it comes from.
func TestRejectedIsNotAppliedAgainByItself(t *testing.T) {
	r := lab.New(t)
	commit := func(gateway, ucid string) {
		r.Write("network", wan+office(gateway))
		r.Write("ucid", ucid)
	}
	commit("192.0.2.8", "")
	r.Start()
	r.Applied()
	commit("192.0.2.9", auto)
	r.Armed(time.Hour)
	lab.Must[control.Change](r, "rollback", nil)
	commit("192.0.2.9", auto)
	stays(r, 1)
	viaNow(t, "192.0.2.8")
	r.Restart()
	stays(r, 1)
	commit("192.0.2.10", auto) // another one may
	via(t, "192.0.2.10")
	commit("192.0.2.9", auto)
	stays(r, r.Status().Revision)
	r.Applied() // by hand it may, too
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
			r := lab.New(t)
			r.Write("network", wan+office("192.0.2.8"))
			r.Write("ucid", strings.Replace(auto, "'1'", "'0'", 1))
			r.Start()
			r.Applied()
			r.Write("ucid", auto)
			r.Armed(time.Hour)
			r.Write("network", wan+office("192.0.2.9"))
			lab.Eventually(t, func() error {
				if !strings.Contains(r.Events(), "apply.refused") {
					return fmt.Errorf("auto_apply has not looked: %s", r.Events())
				}
				return nil
			})
			lab.Must[any](r, end, nil)
			if end == "confirm" {
				via(t, "192.0.2.9")
				return
			}
			viaNow(t, "192.0.2.8") // auto_apply itself was taken back
			if got := fmt.Sprint(r.Status().Unapplied); got != "map[network:changed]" {
				t.Errorf("not applied: %s", got)
			}
		})
	}
}
