// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ucid/internal/engine"
	"ucid/internal/kind/proc"
	"ucid/internal/kind/proc/driver/sysnums"
)

// mayLimit reports whether this test may take capabilities away.
func mayLimit(t *testing.T) bool {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range lines(status) {
		if key, value := cutField(line); key == "CapEff" {
			const setPCap, netRaw, setUID = 1 << 8, 1 << 13, 1 << 7
			all := uint64(setPCap | netRaw | setUID)
			return parseBits(value, 16)&all == all
		}
	}
	return false
}

func TestCapabilities(t *testing.T) {
	d, _ := open(t, t.TempDir())
	p := sh("web", `grep -E 'Cap(Prm|Eff|Bnd|Amb)' /proc/self/status | tr '\n\t' '  '; echo; echo end`)
	p.Caps = engine.MakeList("NET_RAW", "NET_BIND_SERVICE")
	if mayBecome(65534) {
		p.User, p.Group = "65534", "65534"
	}
	create(t, d, p)
	if !mayLimit(t) {
		if i := waitState(t, d, "web", idle); !strings.Contains(i.Text, "capabilit") {
			t.Errorf("what cannot be limited is started: %+v", i)
		}
		return
	}
	output(t, d, "web", "end")
	got := d.Logs("web", 2)[0].Text
	const want = "0000000000002400" // 13 and 10
	if strings.Count(got, want) != 4 {
		t.Errorf("%s; want all of them %s", got, want)
	}
	none := sh("none", `grep -E 'Cap(Prm|Eff|Bnd|Amb)' /proc/self/status | tr '\n\t' '  '; echo; echo end`)
	none.Caps = engine.MakeList("none")
	create(t, d, none)
	output(t, d, "none", "end")
	if got := d.Logs("none", 2)[0].Text; strings.Count(got, "0000000000000000") != 4 {
		t.Errorf("%s; want none", got)
	}
}

func TestSeccomp(t *testing.T) {
	d, _ := open(t, t.TempDir())
	file := filepath.Join(t.TempDir(), "profile.json")
	var names []string
	for name := range sysnumsAll() {
		if !strings.HasPrefix(name, "mkdir") {
			names = append(names, `"`+name+`"`)
		}
	}
	script := `exec 2>&1; echo up; mkdir ` + t.TempDir() + `/x && echo made; ulimit -n; echo end`
	for form, text := range map[string]string{
		"ours":  `{"allow":[` + strings.Join(names, ",") + `, "no_such_call"]}`,
		"procd": `{"whitelist":[` + strings.Join(names, ",") + `],"policy":1}`,
		"oci":   `{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":28,"syscalls":[{"names":[` + strings.Join(names, ",") + `],"action":"SCMP_ACT_ALLOW"}]}`,
	} {
		write(t, file, text)
		p := sh(form, script)
		p.Seccomp, p.NoNewPrivs = file, true
		if err := d.Check(p); err != nil {
			t.Fatal(err)
		}
		create(t, d, p)
		output(t, d, form, "end")
		var all string
		for _, l := range d.Logs(form, 0) {
			all += l.Text + "\n"
		}
		text := "not permitted"
		if form == "oci" {
			text = "No space"
		}
		if strings.Contains(all, "made") || !strings.Contains(all, text) {
			t.Errorf("%s: %s", form, all)
		}
	}
	for want, text := range map[string]string{
		"JSON":               `{`,
		"allows no system":   `{"allow":["no_such_call"]}`,
		"allow-list":         `{"defaultAction":"SCMP_ACT_ALLOW","allow":["read"]}`,
		"only SCMP_ACT":      `{"syscalls":[{"names":["read"],"action":"SCMP_ACT_KILL"}]}`,
		"compares arguments": `{"syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW","args":[{}]}]}`,
	} {
		write(t, file, text)
		p := sleeper("bad")
		p.Seccomp = file
		if err := d.Check(p); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
}

// A child that is killed by its filter says so by the signal.
func TestSeccompKills(t *testing.T) {
	d, _ := open(t, t.TempDir())
	file := filepath.Join(t.TempDir(), "profile.json")
	write(t, file, `{"defaultAction":"SCMP_ACT_KILL_PROCESS","allow":["brk"]}`)
	p := sleeper("web")
	p.Seccomp, p.NoNewPrivs = file, true
	create(t, d, p)
	if i := waitState(t, d, "web", idle); i.Signal != "SIGSYS" {
		t.Errorf("%+v", i)
	}
}

func TestSandbox(t *testing.T) {
	d, _ := open(t, t.TempDir())
	in, out := t.TempDir(), t.TempDir()
	write(t, filepath.Join(out, "secret"), "secret\n")
	p := sh("web", `echo hello > `+in+`/x && echo wrote inside; echo hello > `+out+`/x && echo wrote outside
		cat `+out+`/secret; echo x > /dev/null && echo null; echo end`)
	p.ReadWrite, p.NoNewPrivs = engine.MakeList(in), true
	if landlockVersion() == 0 {
		if err := d.Check(p); err == nil || !strings.Contains(err.Error(), "no landlock") {
			t.Errorf("what this kernel cannot do is accepted: %v", err)
		}
		p.SandboxOptional = true
	}
	if err := d.Check(p); err != nil {
		t.Fatal(err)
	}
	create(t, d, p)
	output(t, d, "web", "end")
	got := texts0(d, "web")
	if !strings.Contains(got, "wrote inside") || !strings.Contains(got, "null") {
		t.Errorf("too little is allowed: %s", got)
	}
	if landlockVersion() == 0 {
		return
	}
	if strings.Contains(got, "wrote outside") || !strings.Contains(got, "secret") {
		t.Errorf("written outside, or not read: %s", got)
	}
	p.Name = "strict"
	p.ReadOnly = engine.MakeList("/bin", "/usr", "/lib", "/etc")
	create(t, d, p)
	output(t, d, "strict", "end")
	if got := texts0(d, "strict"); strings.Contains(got, "secret\n") || !strings.Contains(got, "wrote inside") {
		t.Errorf("read outside: %s", got)
	}
	p.ReadOnly = engine.MakeList("/no/such/path")
	if err := d.Check(p); err == nil || !strings.Contains(err.Error(), "create it first") {
		t.Error(err)
	}
}

func texts0(d *Driver, name string) string {
	var all string
	for _, l := range d.Logs(name, 0) {
		all += l.Text + "\n"
	}
	return all
}

func TestCheckCaps(t *testing.T) {
	d, _ := open(t, t.TempDir())
	for want, caps := range map[string][]string{"unknown": {"FLY"}, "alone": {"none", "NET_RAW"}} {
		p := proc.Proc{Name: "x", Command: engine.MakeList("true"), Caps: engine.MakeList(caps...)}
		if err := d.Check(p); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
}

func sysnumsAll() map[string]uint32 { return sysnums.All() }
