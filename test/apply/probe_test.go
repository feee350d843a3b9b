// SPDX-License-Identifier: Apache-2.0

package apply_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ucid/internal/control"
	"ucid/test/lab"
)

// probed arms a change with a probe.
func probed(t *testing.T, window time.Duration, probe ...string) *lab.Router {
	t.Helper()
	r := running(t, wan+office("192.0.2.8"))
	r.Write("network", wan+office("192.0.2.9"))
	c := r.Change("apply", control.Request{Confirm: window, Probes: probe})
	if c.Outcome != control.Armed && c.Outcome != control.Applied { // a fast probe is done by now
		t.Fatalf("%+v", c)
	}
	return r
}

func TestProbeThatSucceedsConfirms(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	defer server.Close()
	for name, probe := range map[string]string{
		"ping": "ping:127.0.0.1", "ping of our address": "ping:192.0.2.1", "ping6": "ping:::1",
		"tcp": "tcp:" + listener.Addr().String(), "http": server.URL, "http:URL": "http:" + server.URL, "command": "true",
	} {
		t.Run(name, func(t *testing.T) {
			r := probed(t, time.Hour, probe)
			r.AwaitRevision(2)
			viaNow(t, "192.0.2.9")
		})
	}
	t.Run("all", func(t *testing.T) {
		r := probed(t, time.Hour, "ping:127.0.0.1", server.URL, "true")
		r.AwaitRevision(2)
	})
}

// A probe that fails, or hangs, leaves the deadline to decide.
func TestProbeThatFailsDoesNot(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := closed.Addr().String()
	closed.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
	defer server.Close()
	for name, probes := range map[string][]string{
		"ping": {"ping:203.0.113.99"}, "tcp": {"tcp:" + address}, "http": {server.URL},
		"command": {"false"}, "hanging": {"sleep 1000"}, "one of two": {"true", "false"},
	} {
		t.Run(name, func(t *testing.T) {
			r := probed(t, time.Second, probes...)
			r.AwaitRevision(1)
			viaNow(t, "192.0.2.8")
		})
	}
}

// A command that hangs is ended with all it has started.
func TestHangingProbeLeavesNobody(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "mark")
	script := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nsleep 4321 &\necho $! > "+mark+"\nwait\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	r := probed(t, time.Second, script)
	var pid string
	lab.Eventually(t, func() error {
		text, err := os.ReadFile(mark)
		pid = strings.TrimSpace(string(text))
		if err == nil && pid == "" {
			err = fmt.Errorf("%s is empty", mark)
		}
		return err
	})
	r.AwaitRevision(1)
	lab.Eventually(t, func() error {
		if line, err := os.ReadFile("/proc/" + pid + "/cmdline"); err == nil && strings.Contains(string(line), "4321") {
			return fmt.Errorf("process %s is still there", pid)
		}
		return nil
	})
}

func TestProbesGoOnInTheNextDaemon(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "mark")
	r := probed(t, time.Hour, "test -e "+mark)
	r.Restart()
	w := r.Status().Window
	if w == nil || len(w.Probes) != 1 {
		t.Fatalf("window %+v", w)
	}
	if err := os.WriteFile(mark, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r.AwaitRevision(2)
	viaNow(t, "192.0.2.9")
}

func TestBadProbesAreRefused(t *testing.T) {
	r := running(t, wan+office("192.0.2.8"))
	r.Write("network", wan+office("192.0.2.9"))
	for _, probe := range []string{"", " ", "ping:", "ping:router.example", "ping:192.0.2.300", "tcp:", "tcp:192.0.2.1", "tcp:192.0.2.1:",
		"tcp::80", "http:", "http://", "no-such-program-anywhere", "/etc/passwd"} {
		if c, err := lab.Ask[control.Change](r, "apply", control.Request{Confirm: time.Hour, Probes: []string{probe}}); err == nil {
			t.Errorf("%q: %+v", probe, c)
		}
	}
	for name, request := range map[string]control.Request{
		"no window": {Probes: []string{"true"}}, "short": {Confirm: time.Millisecond}, "long": {Confirm: 1000 * time.Hour}, "negative": {Confirm: -time.Minute},
	} {
		if c, err := lab.Ask[control.Change](r, "apply", request); err == nil {
			t.Errorf("%s: %+v", name, c)
		}
	}
	viaNow(t, "192.0.2.8")
	if out, status := r.CLI("apply", "--confirm", "60s", "--probe", "ping:nowhere"); status == 0 || !strings.Contains(out, "not an address") {
		t.Errorf("ucid apply: %d, %s", status, out)
	}
}
