// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"time"

	"ucid/internal/kind/proc"
)

// A care is what is known of the health of a run.
type care struct {
	cancel  func() // of the next look
	failed  int    // looks in a row
	text    string // why the last one failed
	ping    time.Time
	unwatch func() // cancels the watchdog
}

// watchOver begins to look after a process that runs, anew when its settings changed.
func (p *process) watchOver() {
	p.unwatch()
	p.care = care{ping: p.now()}
	if h := p.m.want.Health; h.Check != "" {
		p.care.cancel = p.after(h.Interval, func() { p.look(p.m.pid) })
	}
	if p.m.run.Watchdog > 0 {
		p.armWatchdog(p.m.run.Watchdog)
	}
}

// unwatch ends that.
func (p *process) unwatch() {
	for _, cancel := range []func(){p.care.cancel, p.care.unwatch} {
		if cancel != nil {
			cancel()
		}
	}
	p.care.cancel, p.care.unwatch = nil, nil
}

// look asks once, aside, how the process is.
func (p *process) look(pid int) {
	want := p.m.want
	if p.m.st != running || p.m.pid != pid {
		return
	}
	p.d.goAside(func() {
		err := p.d.ask(want, want.Health.Check, want.Health.Timeout)
		p.d.mu.Lock()
		defer p.d.mu.Unlock()
		if p.d.closed || p.m.st != running || p.m.pid != pid || p.m.want.Health != want.Health {
			return
		}
		p.looked(err)
		if p.m.st == running {
			p.care.cancel = p.after(want.Health.Interval, func() { p.look(pid) })
		}
	})
}

// looked takes the answer.
func (p *process) looked(err error) {
	h, before := p.m.want.Health, p.care.failed
	if err == nil {
		p.care.failed, p.care.text = 0, ""
		if before >= h.Retries {
			p.tell(EventHealthy)
		}
		return
	}
	p.care.failed, p.care.text = before+1, err.Error()
	if p.care.failed < h.Retries || !h.Restart && p.care.failed > h.Retries {
		return
	}
	p.d.log.Warn("process is unhealthy", "name", p.name, "pid", p.m.pid, "looks", p.care.failed, "error", err)
	p.tell(EventUnhealthy)
	if h.Restart {
		p.m.ail()
	}
}

// healthText is for people; "" when nothing is looked at.
func (p *process) healthText() string {
	switch {
	case p.m.st != running || p.m.want.Health.Check == "":
		return ""
	case p.care.failed == 0:
		return "ok"
	}
	return fmt.Sprintf("failed %d times in a row: %s", p.care.failed, p.care.text)
}

// armWatchdog expects a sign of life within d of the last one.
func (p *process) armWatchdog(d time.Duration) {
	pid := p.m.pid
	p.care.unwatch = p.after(p.care.ping.Add(d).Sub(p.now()), func() {
		if p.m.st != running || p.m.pid != pid {
			return
		}
		if p.now().Sub(p.care.ping) < d {
			p.armWatchdog(d)
			return
		}
		p.d.log.Warn("process gave no sign of life", "name", p.name, "pid", pid, "within", d)
		p.tell(EventUnhealthy)
		p.m.ail()
	})
}

// ask looks at what a check names: it returns nil when all is well.
func (d *Driver) ask(want proc.Proc, check string, limit time.Duration) error {
	how, what, _ := strings.Cut(check, ":")
	switch how {
	case "exec":
		_, err := d.aside(want, strings.Fields(what), limit)
		return err
	case "tcp", "unix":
		c, err := net.DialTimeout(how, what, limit)
		if err == nil {
			c.Close()
		}
		return err
	case "http":
		return askHTTP(what, limit)
	}
	return fmt.Errorf("%q is no check", check)
}

// askHTTP is a GET with the least that HTTP/1.0 needs; 2xx and 3xx are well.
func askHTTP(address string, limit time.Duration) error {
	host, path, _ := strings.Cut(address, "/")
	deadline := time.Now().Add(limit)
	c, err := net.DialTimeout("tcp", host, limit)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(deadline)
	if _, err := fmt.Fprintf(c, "GET /%s HTTP/1.0\r\nHost: %s\r\nUser-Agent: ucid\r\n\r\n", path, host); err != nil {
		return err
	}
	const maxStatus = 1024
	line, err := bufio.NewReaderSize(c, maxStatus).ReadSlice('\n')
	if err != nil {
		return fmt.Errorf("no answer of HTTP: %w", err)
	}
	words := strings.Fields(string(line))
	if len(words) < 2 || !strings.HasPrefix(words[0], "HTTP/") {
		return errors.New("no answer of HTTP")
	}
	if code := words[1]; len(code) != 3 || code[0] != '2' && code[0] != '3' {
		return fmt.Errorf("HTTP status %s", printable(code))
	}
	return nil
}

func checkHealth(p proc.Proc) error {
	h := p.Health
	if h == (proc.Health{}) {
		return nil
	}
	if h.Interval <= 0 || h.Timeout <= 0 || h.Retries <= 0 {
		return errors.New("health needs an interval, a timeout and a number of retries above 0")
	}
	how, what, _ := strings.Cut(h.Check, ":")
	switch how {
	case "exec":
		return checkProgram(p, strings.Fields(what))
	case "unix":
		if filepath.IsAbs(what) {
			return nil
		}
	case "tcp", "http":
		host, path, _ := strings.Cut(what, "/")
		if _, _, err := net.SplitHostPort(host); err == nil && !strings.ContainsAny(path, " \r\n") {
			return nil
		}
	}
	return fmt.Errorf("health %q is none of exec:PROGRAM ARGUMENTS, tcp:HOST:PORT, http:HOST:PORT/PATH, unix:PATH", h.Check)
}
