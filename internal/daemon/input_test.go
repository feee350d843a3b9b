// SPDX-License-Identifier: Apache-2.0

package daemon_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"ucid/internal/control"
	"ucid/test/lab"
)

// What package managers and editors leave in the directory is no package, and neither it nor
// anything that is not a file keeps others from being applied.
func TestStrangersInTheConfigDirectory(t *testing.T) {
	r := running(t, wan+office)
	r.Write("ucid", "config globals 'globals'\n\toption auto_apply '1'\n")
	r.Applied()
	for _, name := range []string{"network-opkg", "network.apk-new", "network~", ".network.swp", "a.b", "4913", "netw ork", "-rf", "nét", "\xff\n\x1b[2J"} {
		if err := os.WriteFile(filepath.Join(r.Settings.ConfDir, name), []byte("config '"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	err := errors.Join(os.MkdirAll(filepath.Join(r.Settings.ConfDir, "firewall", "network"), 0o700),
		syscall.Mkfifo(filepath.Join(r.Settings.ConfDir, "dhcp"), 0o600),
		syscall.Mkfifo(filepath.Join(r.Settings.ConfDir, "pipe.d"), 0o600),
		os.Symlink("/dev/zero", filepath.Join(r.Settings.ConfDir, "system")))
	if err != nil {
		t.Fatal(err)
	}
	r.Write("network", wan)
	lab.Eventually(t, func() error {
		if got := kernelRoutes(t, "198.51.100.0/24"); len(got) > 0 {
			return fmt.Errorf("still %v", got)
		}
		return nil
	})
	change := r.Applied()
	if len(change.Problems) != 0 {
		t.Errorf("problems: %v", change.Problems)
	}
	r.Restart()
}

func TestNetworkIsNoFile(t *testing.T) {
	for name, put := range map[string]func(string) error{
		"fifo":        func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"directory":   func(path string) error { return os.Mkdir(path, 0o700) },
		"endless":     func(path string) error { return os.Symlink("/dev/zero", path) },
		"proc memory": func(path string) error { return os.Symlink("/proc/self/mem", path) },
	} {
		t.Run(name, func(t *testing.T) {
			r := running(t, wan+office)
			r.Applied()
			path := filepath.Join(r.Settings.ConfDir, "network")
			if err := errors.Join(os.Remove(path), put(path)); err != nil {
				t.Fatal(err)
			}
			wantProblem(t, r.Apply(), "network: "+path, "stays as it was")
			viaNow(t, "198.51.100.0/24", "192.0.2.9")
			lab.Eventually(t, func() error {
				if s := r.Status(); s.Unapplied["network"] != "broken" {
					return fmt.Errorf("not applied: %v", s.Unapplied)
				}
				return nil
			})
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestNoConfigDirectory(t *testing.T) {
	r := newRouter(t)
	if err := os.Remove(r.Settings.ConfDir); err != nil {
		t.Fatal(err)
	}
	r.Start()
	wantProblem(t, r.Apply(), r.Settings.ConfDir, "no such file or directory")
	if err := os.Mkdir(r.Settings.ConfDir, 0o755); err != nil {
		t.Fatal(err)
	}
	r.Write("network", wan+office)
	r.Applied()
	viaNow(t, "198.51.100.0/24", "192.0.2.9")
	r.Restart()

	// It goes away with everything in it, and comes back: that is noticed again.
	if err := os.Rename(r.Settings.ConfDir, r.Settings.ConfDir+".away"); err != nil {
		t.Fatal(err)
	}
	r.Apply()
	viaNow(t, "198.51.100.0/24", "192.0.2.9")
	if err := os.Mkdir(r.Settings.ConfDir, 0o755); err != nil {
		t.Fatal(err)
	}
	r.Write("network", wan)
	lab.Eventually(t, func() error {
		if s := r.Status(); s.Unapplied["network"] != "changed" {
			return fmt.Errorf("not applied: %v", s.Unapplied)
		}
		return nil
	})
}

func TestRandomBytes(t *testing.T) {
	r := running(t, wan+office)
	r.Write("ucid", sleeper)
	r.Applied()
	pid := r.Child("sleeper")
	for seed := range uint64(25) {
		r.Write("network", noise(seed, ""))
		if change := r.Apply(); change.OK() {
			t.Errorf("seed %d: %q is a configuration", seed, noise(seed, ""))
		}
		viaNow(t, "198.51.100.0/24", "192.0.2.9")
		r.Write("network", noise(seed, wan+office)) // may be a configuration, of something else
		r.Apply()
		r.Write("network", wan+office)
		r.Applied()
		viaNow(t, "198.51.100.0/24", "192.0.2.9")
	}
	if got := r.Child("sleeper"); got != pid {
		t.Errorf("the child has pid %d, had %d", got, pid)
	}
}

// noise is random bytes, or a text with some of its bytes changed.
func noise(seed uint64, text string) string {
	rnd := rand.New(rand.NewPCG(seed, 1))
	b := []byte(text)
	if text == "" {
		b = make([]byte, 100+rnd.IntN(5000))
	}
	for i := range b {
		if text == "" || rnd.IntN(40) == 0 {
			b[i] = byte(rnd.Uint32())
		}
	}
	return string(b)
}

func TestHugeFile(t *testing.T) {
	r := running(t, wan+office)
	r.Applied()
	line := "\toption description '" + strings.Repeat("x", 4000) + "'\n"
	r.Write("network", wan+office+strings.Repeat(line, 50<<20/len(line)))
	change := r.Apply()
	t.Logf("50 MB of options: %s in %v", change.Outcome, change.Took)
	viaNow(t, "198.51.100.0/24", "192.0.2.9")
	r.Write("network", wan+office+"\toption x '"+strings.Repeat("y", 50<<20)) // and no end
	wantProblem(t, r.Apply(), "network")
	viaNow(t, "198.51.100.0/24", "192.0.2.9")
	r.Write("network", wan+office)
	r.Applied()
}

// Values of the environment of a process reach nobody.
func TestSecretsStayInside(t *testing.T) {
	const secret = "hunter2-do-not-show"
	r := running(t, wan)
	conf := "config process 'api'\n\tlist command 'sleep'\n\tlist command '1000'\n\tlist env 'TOKEN=%s'\n\tlist data 'k=%s'\n"
	r.Write("ucid", fmt.Sprintf(conf, secret, secret))
	var seen []string
	look := func(method string, params any) {
		answer, err := lab.Ask[any](r, method, params)
		seen = append(seen, fmt.Sprintf("%s: %v %v", method, answer, err))
	}
	all := func() {
		look("plan", nil)
		change := r.Apply()
		seen = append(seen, fmt.Sprintf("%+v", change))
		look("status", map[string]any{"all": true})
		look("why", map[string]any{"name": "proc:api"})
		look("events", nil)
		look("service.list", nil)
		look("logs", map[string]any{"name": "api"})
		look("history", nil)
	}
	all()
	r.Child("api")
	r.Write("ucid", fmt.Sprintf(conf, secret+"2", secret+"2")) // changed in place
	all()
	for _, wrong := range []string{"\tlist env '" + secret + "'\n", "\tlist env '=" + secret + "'\n", "\tlist env 'TOKEN=" + secret + "3'\n",
		"\tlist env 'A=\x01" + secret + "'\n", "\tlist data '" + secret + "'\n", "\toption user 'nope-nope'\n"} {
		r.Write("ucid", fmt.Sprintf(conf, secret, secret)+wrong)
		all()
	}
	r.Write("ucid", fmt.Sprintf(conf, secret, secret)+"\tlist env 'B="+secret+" and no end\n")
	all()
	for _, text := range append(seen, r.Log.String()) {
		if i := strings.Index(text, secret); i >= 0 {
			t.Errorf("it is shown: …%s…", text[max(0, i-200):min(len(text), i+100)])
		}
	}
}

func TestTwoApplyAtOnce(t *testing.T) {
	r := running(t, wan+office)
	results := make(chan control.Change, 8)
	for range cap(results) {
		go func() {
			change, err := lab.Ask[control.Change](r, "apply", nil)
			if err == nil {
				change, err = lab.Ask[control.Change](r, "wait", map[string]any{"id": change.ID})
			}
			if err != nil {
				t.Error(err)
			}
			results <- change
		}()
	}
	created, ids := 0, map[string]bool{}
	for range cap(results) {
		change := <-results
		if created += change.Created; !change.OK() {
			t.Errorf("%+v", change)
		}
		ids[change.ID] = true
	}
	if created != 2 || len(ids) != cap(results) {
		t.Errorf("%d objects made by %d changes, want 2 by 8", created, len(ids))
	}
	viaNow(t, "198.51.100.0/24", "192.0.2.9")
}
