// SPDX-License-Identifier: Apache-2.0

package apply_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ucid/internal/control"
	"ucid/test/lab"
)

// Neither a reload by signal nor an orderly end makes a change permanent.
func TestSignalsInTheWindow(t *testing.T) {
	r := lab.New(t)
	r.Write("network", wan+office("192.0.2.8"))
	p := startTraced(r)
	r.Applied()
	r.Write("network", wan+office("192.0.2.9"))
	c := r.Armed(time.Hour)
	unix.Kill(p.pid, unix.SIGHUP)
	lab.Eventually(t, func() error {
		if last := r.Status().LastApply; last == nil || last.Who != "hangup" || last.Outcome != control.Refused {
			return fmt.Errorf("the last apply is %+v", last)
		}
		return nil
	})
	unix.Kill(p.pid, unix.SIGTERM)
	<-p.ended
	startTraced(r)
	if w := r.Status().Window; w == nil || w.Change != c.ID {
		t.Fatalf("window %+v, want that of %s", w, c.ID)
	}
	if out, status := r.CLI("confirm", "c999"); status != 1 || !strings.Contains(out, c.ID+" waits") {
		t.Errorf("to confirm another one: %d, %s", status, out)
	}
	if out, status := r.CLI("rollback"); status != 0 || !strings.Contains(out, "revision 1") {
		t.Errorf("rollback: %d, %s", status, out)
	}
	viaNow(t, "192.0.2.8")
	if next := r.Applied(); next.ID == c.ID {
		t.Errorf("the name %s is given twice", c.ID)
	}
}

// Everybody who is logged in is warned before the time is over.
func TestWallWarning(t *testing.T) {
	dir := t.TempDir()
	said := filepath.Join(dir, "said")
	script := "#!/bin/sh\ncat >> " + said + "\n"
	if err := os.WriteFile(filepath.Join(dir, "wall"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	r := running(t, wan+office("192.0.2.8"))
	r.Write("network", wan+office("192.0.2.9"))
	c := r.Armed(2 * time.Second)
	lab.Eventually(t, func() error {
		text, err := os.ReadFile(said)
		if err == nil && !strings.Contains(string(text), c.ID+" is taken back in") {
			err = fmt.Errorf("the warning is %q", text)
		}
		return err
	})
	r.AwaitRevision(1)
}
