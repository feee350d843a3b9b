// SPDX-License-Identifier: Apache-2.0

package apply_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ucid/internal/control"
	"ucid/internal/revision"
	"ucid/test/lab"
)

func TestRollbackToARevision(t *testing.T) {
	r := running(t, wan+office("192.0.2.8"))
	r.Write("network", wan+office("192.0.2.9"))
	r.Write("ucid", sleeper)
	r.Applied()
	c := r.Change("rollback", control.Request{})
	if !c.OK() || c.Revision != 3 {
		t.Fatalf("%+v", c)
	}
	viaNow(t, "192.0.2.8")
	if r.Read("network") != wan+office("192.0.2.8") {
		t.Errorf("the file holds %s", r.Read("network"))
	}
	if _, err := os.Stat(r.Path("ucid")); err == nil {
		t.Error("a file that the revision has not is still there")
	}
	if s := r.Status(); len(s.Unapplied) > 0 {
		t.Errorf("not applied: %v", s.Unapplied)
	}
	if got := r.Change("rollback", control.Request{Revision: 2}); !got.OK() || r.Read("ucid") != sleeper {
		t.Errorf("and forward again: %+v, %s", got, r.Read("ucid"))
	}
	viaNow(t, "192.0.2.9")
	if _, err := lab.Ask[control.Change](r, "rollback", control.Request{Revision: 99}); err != nil {
		t.Log(err)
	} else if got := r.Change("rollback", control.Request{Revision: 99}); got.Outcome != control.Refused || !strings.Contains(got.Error, "no revision 99") {
		t.Errorf("%+v", got)
	}
}

// What was committed and never applied is kept before a rollback writes over it, and is back
// when the rollback is taken back.
func TestRollbackSavesWhatItReplaces(t *testing.T) {
	r := running(t, wan+office("192.0.2.8"))
	r.Write("network", wan+office("192.0.2.9"))
	r.Applied()
	draft := wan + office("192.0.2.10")
	r.Write("network", draft)
	if c := r.Change("rollback", control.Request{Revision: 1, Confirm: time.Hour}); c.Outcome != control.Armed {
		t.Fatalf("%+v", c)
	}
	lab.Must[control.Change](r, "rollback", nil)
	viaNow(t, "192.0.2.9")
	if r.Read("network") != draft {
		t.Errorf("the file holds %s", r.Read("network"))
	}
	r.Change("rollback", control.Request{Revision: 1})
	viaNow(t, "192.0.2.8")
	if got := r.States(); got != "applied saved rejected saved applied applied" {
		t.Errorf("history: %s", got)
	}
	saved := r.History()[1]
	if saved.State != revision.Saved || !strings.Contains(saved.Message, "not applied") {
		t.Errorf("%+v", saved)
	}
	r.Restart()
	viaNow(t, "192.0.2.8")
	r.Change("rollback", control.Request{Revision: saved.ID})
	viaNow(t, "192.0.2.10")
}

func TestRejectedRevisionIsAppliedByHand(t *testing.T) {
	r := running(t, wan+office("192.0.2.8"))
	r.Write("network", wan+office("192.0.2.9"))
	c := r.Armed(time.Hour)
	lab.Must[control.Change](r, "rollback", nil)
	r.Restart()
	viaNow(t, "192.0.2.8")
	if again := r.Change("rollback", control.Request{Revision: c.Revision}); !again.OK() {
		t.Errorf("%+v", again)
	}
	viaNow(t, "192.0.2.9")
}

// The history has a bound, whatever comes of the changes.
func TestHistoryIsBounded(t *testing.T) {
	r := running(t, wan+office("192.0.2.8"))
	for i := range 30 {
		r.Write("network", wan+routeTo("office", fmt.Sprintf("10.%d.0.0/16", i), "192.0.2.9"))
		r.Armed(time.Hour)
		lab.Must[control.Change](r, "rollback", nil)
	}
	all := r.History()
	if len(all) > 21 || all[len(all)-1].State != revision.Applied {
		t.Errorf("%d revisions, the last %s; want 20 and the applied one", len(all), all[len(all)-1].State)
	}
	if n := len(stateFiles(r)["blobs"]); n > len(all) {
		t.Errorf("%d blobs for %d revisions", n, len(all))
	}
	r.Restart()
	viaNow(t, "192.0.2.8")
	lab.Must[struct{}](r, "history.purge", nil)
	if got := r.States(); got != "applied" {
		t.Errorf("after the purge: %s", got)
	}
	if n := len(stateFiles(r)["blobs"]); n != 1 {
		t.Errorf("%d blobs after the purge, want 1", n)
	}
	r.Restart()
	viaNow(t, "192.0.2.8")
}

// stateFiles lists what is stored, by directory.
func stateFiles(r *lab.Router) map[string][]string {
	r.T.Helper()
	found := map[string][]string{}
	err := filepath.WalkDir(r.Settings.StateDir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		dir := filepath.Base(filepath.Dir(path))
		found[dir] = append(found[dir], path)
		info, err := d.Info()
		if err == nil && info.Mode().Perm() != 0o600 {
			r.T.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		r.T.Fatal(err)
	}
	return found
}

func TestUnchangedFilesAreStoredOnce(t *testing.T) {
	r := lab.New(t)
	r.Write("network", wan+office("192.0.2.8"))
	r.Write("ucid", sleeper)
	r.Start()
	for i := range 10 {
		r.Write("network", wan+office(fmt.Sprintf("192.0.2.%d", 20+i)))
		r.Applied()
	}
	if n := len(stateFiles(r)["blobs"]); n != 11 {
		t.Errorf("%d blobs for 10 networks and one process, want 11", n)
	}
}

// Purging in the window keeps what it takes to go back.
func TestPurgeInTheWindow(t *testing.T) {
	r := running(t, wan+office("192.0.2.8"))
	r.Write("network", wan+office("192.0.2.9"))
	r.Applied()
	r.Write("network", wan+office("192.0.2.10"))
	r.Change("rollback", control.Request{Revision: 1, Confirm: time.Hour})
	lab.Must[struct{}](r, "history.purge", nil)
	r.Restart()
	lab.Must[control.Change](r, "rollback", nil)
	viaNow(t, "192.0.2.9")
	if got := r.Read("network"); got != wan+office("192.0.2.10") {
		t.Errorf("the file holds %s", got)
	}
}
