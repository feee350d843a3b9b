// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"bytes"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"ucid/internal/engine"
	"ucid/internal/kind/proc"
)

// What a child gets by the stub, which is this test binary started again.
func TestAttributes(t *testing.T) {
	d, _ := open(t, t.TempDir())
	p := sh("attr", `umask; ulimit -n; ulimit -Hn; ulimit -c; nice; id -u; id -G; pwd
		cat /proc/self/oom_score_adj; grep NoNewPrivs /proc/self/status; echo $UCID_TEST; ls /proc/self/fd | wc -l; echo end`)
	p.Umask, p.Nice, p.Dir, p.NoNewPrivs, p.OOMScore = 0o027, 5, "/tmp", true, 300
	ids := ownIDs(t)
	if mayBecome(65534) {
		p.User, p.Group, ids = "nobody", "daemon", "65534|1 65534"
	}
	p.Limits = engine.MakeMap(map[string]string{"nofile": "123 456", "core": "0"})
	p.Env = engine.MakeMap(map[string]string{"UCID_TEST": "\xfe\xff"})
	create(t, d, p)
	output(t, d, "attr", "end")
	var got []string
	for _, l := range d.Logs("attr", 0) {
		got = append(got, strings.Join(strings.Fields(l.Text), " "))
	}
	want := "0027|123|456|0|5|" + ids + "|/tmp|300|NoNewPrivs: 1|\xfe\xff|4|end"
	if s := strings.Join(got, "|"); s != want {
		t.Errorf("\n got %q\nwant %q", s, want)
	}
}

// ownIDs is what id -u and id -G print here.
func ownIDs(t *testing.T) string {
	out, err := exec.Command("sh", "-c", "id -u; id -G").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(strings.TrimSpace(string(out)), "\n", "|")
}

func TestPlainChild(t *testing.T) {
	d, _ := open(t, t.TempDir())
	p := sh("plain", `id -u; id -G; umask; cd -- "$HOME" && pwd; env | sort | cut -d= -f1 | tr '\n' ' '; echo
		grep -E 'Sig(Blk|Ign)' /proc/self/status; readlink /proc/self/fd/0; echo hello > /dev/stdout; echo end`)
	first := ownIDs(t) + "|0022|"
	if mayBecome(1) {
		p.User, first = "daemon", "1|1|0022|/usr/sbin|"
	}
	create(t, d, p)
	output(t, d, "plain", "end")
	var got []string
	for _, l := range d.Logs("plain", 0) {
		got = append(got, strings.Join(strings.Fields(l.Text), " "))
	}
	s := strings.Join(got, "|")
	for _, want := range []string{
		first, "HOME LANG LOGNAME", "PATH PWD", "SHELL UCID_PROC USER",
		"SigBlk: 0000000000000000|SigIgn: 0000000000000000|/dev/null|hello|end",
	} {
		if !strings.Contains(s, want) {
			t.Errorf("%q misses %q", s, want)
		}
	}
}

func TestStubSaysWhyItFailed(t *testing.T) {
	d, _ := open(t, t.TempDir())
	script := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(script, []byte("#!/no/such/interpreter\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	p := proc.Proc{Name: "bad", Command: engine.MakeList(script), Limits: engine.MakeMap(map[string]string{"core": "0"})}
	create(t, d, p)
	i := waitState(t, d, "bad", idle)
	if i.ExitCode != codeNoExec || !strings.Contains(i.Text, "cannot execute "+script) {
		t.Errorf("%+v", i)
	}
}

func TestUnknownUserIsRefused(t *testing.T) {
	d, events := open(t, t.TempDir())
	p := sleeper("web")
	p.User = "no-such-user"
	if err := d.Check(p); err == nil || !strings.Contains(err.Error(), "no-such-user") {
		t.Errorf("check: %v", err)
	}
	create(t, d, p) // also when nobody checked
	i := waitState(t, d, "web", idle)
	if !strings.Contains(i.Text, "unknown") || events.count(EventStarted, "web") != 0 {
		t.Errorf("%+v", i)
	}
}

func TestCheck(t *testing.T) {
	d, _ := open(t, t.TempDir())
	if err := d.Check(sleeper("good/one")); err != nil {
		t.Error(err)
	}
	dir := t.TempDir()
	for want, change := range map[string]func(*proc.Proc){
		"needs a name":      func(p *proc.Proc) { p.Name = "" },
		"control character": func(p *proc.Proc) { p.Name = "a\nb" },
		`".."`:              func(p *proc.Proc) { p.Name = "a/.." },
		"more than one":     func(p *proc.Proc) { p.Name = "a/b/c" },
		"at most":           func(p *proc.Proc) { p.Name = strings.Repeat("x", 200) },
		"empty":             func(p *proc.Proc) { p.Command = engine.List{} },
		"install it":        func(p *proc.Proc) { p.Command = engine.MakeList("no-such-program") },
		"directory":         func(p *proc.Proc) { p.Command = engine.MakeList(dir) },
		"permission":        func(p *proc.Proc) { p.Command = engine.MakeList("/etc/passwd") },
		"absolute":          func(p *proc.Proc) { p.Command = engine.MakeList("./x") },
		"group":             func(p *proc.Proc) { p.Group = "no-such-group" },
		"create it":         func(p *proc.Proc) { p.Dir = "/no/such/dir" },
		"not a directory":   func(p *proc.Proc) { p.Dir = "/etc/passwd" },
		"nice":              func(p *proc.Proc) { p.Nice = -21 },
		"oom_score_adj":     func(p *proc.Proc) { p.OOMScore = 1001 },
		"limit":             func(p *proc.Proc) { p.Limits = engine.MakeMap(map[string]string{"files": "1"}) },
		"neither a number":  func(p *proc.Proc) { p.Limits = engine.MakeMap(map[string]string{"core": "many"}) },
		"above the hard":    func(p *proc.Proc) { p.Limits = engine.MakeMap(map[string]string{"core": "2 1"}) },
		"reload signal":     func(p *proc.Proc) { p.Reload = 65 },
		"none of notify":    func(p *proc.Proc) { p.Ready = "soon" },
		"NUL":               func(p *proc.Proc) { p.Env = engine.MakeMap(map[string]string{"A": "\x00"}) },
		"set by ucid":       func(p *proc.Proc) { p.Env = engine.MakeMap(map[string]string{"UCID_PROC": "x"}) },
	} {
		p := sleeper("web")
		change(&p)
		if err := d.Check(p); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
}

// A value of the environment is in the child and in the ledger, which only root reads.
func TestSecretsStaySecret(t *testing.T) {
	dir := t.TempDir()
	var log bytes.Buffer
	d, err := New(Options{RunDir: dir, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	p := sleeper("web")
	p.Env = engine.MakeMap(map[string]string{"KEY": "geheim"})
	p.Limits = engine.MakeMap(map[string]string{"core": "0"}) // by the stub
	p.Respawn = proc.Respawn{On: true}
	create(t, d, p)
	i := waitState(t, d, "web", running)
	cmdline, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", i.Pid))
	environ, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", i.Pid))
	if !bytes.Contains(environ, []byte("KEY=geheim\x00")) {
		t.Errorf("the child has not got it: %q", environ)
	}
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, _ error) error {
		st, err := e.Info()
		if err == nil && st.Mode().Perm()&0o077 != 0 && path != dir {
			t.Errorf("%s has mode %v", path, st.Mode())
		}
		return err
	})
	clear2(t, d)
	for what, text := range map[string]string{
		"String": p.String(), "%v": fmt.Sprintf("%v", p), "status": fmt.Sprintf("%+v", i), "log": log.String(), "argv": string(cmdline),
	} {
		if strings.Contains(text, "geheim") {
			t.Errorf("%s shows it: %s", what, text)
		}
	}
	if err != nil {
		t.Error(err)
	}
}
