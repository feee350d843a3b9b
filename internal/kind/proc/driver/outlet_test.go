// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ucid/internal/engine"
	"ucid/internal/kind/proc"
)

// withSyslog makes a driver whose syslog daemon is the test.
func withSyslog(t *testing.T) (*Driver, *net.UnixConn, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	d, err := New(Options{RunDir: t.TempDir(), Syslog: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { clear2(t, d) })
	return d, listenLog(t, path), path
}

func listenLog(t *testing.T, path string) *net.UnixConn {
	t.Helper()
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func message(t *testing.T, c *net.UnixConn) string {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(patience))
	buf := make([]byte, 2*maxMessage)
	n, err := c.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}

func TestSyslog(t *testing.T) {
	d, c, path := withSyslog(t)
	p := sh("web", `read x < `+gateOf(t)+`; echo out; echo err >&2; head -c 10000 /dev/zero | tr '\0' x; echo; exec sleep 100000`)
	p.Facility = "local3"
	create(t, d, p)
	pid := waitState(t, d, "web", running).Pid
	changed := p
	changed.Facility = "daemon" // taken over in place
	modify(t, d, p, changed)
	write(t, gateOf(t), "\n")
	seen := map[string]bool{}
	long := ""
	for len(seen) < 2 || len(long) < 10000 {
		m := regexp.MustCompile(`^<(\d+)>\w{3} [ \d]\d \d\d:\d\d:\d\d (\S+): (.*)$`).FindStringSubmatch(message(t, c))
		if m == nil || m[2] != fmt.Sprintf("sh[%d]", pid) {
			t.Fatalf("%q", m)
		}
		if strings.HasPrefix(m[3], "xx") {
			long += m[3]
			continue
		}
		seen[m[1]+m[3]] = true
	}
	if !seen["30out"] || !seen["27err"] {
		t.Errorf("%v", seen)
	}
	c.Close()
	_ = os.Remove(path)
	c = listenLog(t, path) // a syslog daemon that was restarted
	second := sh("two", "echo two")
	second.Facility = "user"
	create(t, d, second)
	if s := message(t, c); !strings.HasPrefix(s, "<14>") || !strings.HasSuffix(s, "]: two") {
		t.Errorf("%q", s)
	}
}

// gateOf is one FIFO for the test.
func gateOf(t *testing.T) string {
	path := filepath.Join(os.TempDir(), own(t.Name()))
	if err := makeFIFO(path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(path) })
	return path
}

// A syslog daemon that never reads holds up neither the child nor the daemon; what it
// missed is counted and said when it reads again.
func TestBlockedSyslog(t *testing.T) {
	d, c, _ := withSyslog(t)
	p := sh("flood", `yes "$(head -c 200 /dev/zero | tr '\0' x)" | head -n 20000; echo end; read x < `+gateOf(t)+`; echo again; exec sleep 100000`)
	p.Facility = "daemon"
	create(t, d, p)
	output(t, d, "flood", "end")
	waitState(t, d, "flood", running)
	write(t, gateOf(t), "\n")
	output(t, d, "flood", "again")
	o := d.procs["flood"].out.outlets[0]
	total := 0
	for total < 20002 { // with the line that says how many
		s := message(t, c)
		var n int
		if _, text, ok := strings.Cut(s, "]: ucid: "); ok {
			if _, err := fmt.Sscanf(text, "%d lines were dropped", &n); err != nil {
				t.Fatalf("%q", s)
			}
		} else {
			n = 1
		}
		if total += n; o.waiting.Load() == 0 && total < 20002 && o.dropped.Load() > 0 {
			o.offer([]Line{{Time: time.Now(), Text: "more"}})
			total--
		}
	}
	if total != 20002 {
		t.Errorf("%d lines arrived or were said to be dropped", total)
	}
}

func TestLogFileTurns(t *testing.T) {
	d, _ := open(t, t.TempDir())
	path := filepath.Join(t.TempDir(), "web.log")
	p := sh("web", `seq 1 1000; echo last; printf end`)
	p.LogFile, p.LogSize, p.LogKeep = path, 8<<10, 99
	create(t, d, p)
	var text string
	eventually(t, "all is written", func() bool {
		text = ""
		for i := 99; i >= 0; i-- {
			name := fmt.Sprintf("%s.%d", path, i)
			if i == 0 {
				name = path
			}
			data, err := os.ReadFile(name)
			if err == nil && len(data) > 8<<10 {
				t.Fatalf("%s has %d bytes", name, len(data))
			}
			text += string(data)
		}
		return strings.HasSuffix(text, " end\n")
	})
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) != 1002 || !strings.HasSuffix(lines[499], " 500") {
		t.Errorf("%d lines, number 500 is %q", len(lines), lines[min(499, len(lines)-1)])
	}
}

func TestLogFileOfOthers(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "target")
	write(t, target, "")
	if err := os.Symlink(target, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"link", "fifo", "none/x"} {
		lost, err := logFile{path: filepath.Join(dir, name), size: 100, keep: 1}.send([]Line{{Text: "x"}})
		if err == nil || lost != 1 {
			t.Errorf("%s: lost %d, %v", name, lost, err)
		}
	}
	d, _ := open(t, t.TempDir())
	p := proc.Proc{Name: "x", Command: engine.MakeList("true"), LogFile: "/no/such/dir/x"}
	if err := d.Check(p); err == nil || !strings.Contains(err.Error(), "create it first") {
		t.Error(err)
	}
}
