// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestJSON(t *testing.T) {
	l := newLab(t, "config t 'a'\n\toption x 'it\"s\n\x01'\n\tlist l '1'\n\tlist l '2'\nconfig u\n")
	l.must("set", "p.a.y=2")
	want := map[string]string{
		"get p.a.x":  `"it\"s\n\u0001"`,
		"get p.a.l":  `["1","2"]`,
		"get p.a":    `{".name":"a",".type":"t",".anonymous":false,".index":0,"x":"it\"s\n\u0001","l":["1","2"],"y":"2"}`,
		"show p.a.l": `["1","2"]`,
		"changes p":  `[{"op":"set","package":"p","section":"a","option":"y","value":"2"}]`,
		"changes":    `{"p":[{"op":"set","package":"p","section":"a","option":"y","value":"2"}]}`,
	}
	for command, w := range want {
		got := l.must(append(strings.Fields(command), "--json")...)
		if got != w {
			t.Errorf("%s: got %s\nwant %s", command, got, w)
		}
	}
	for _, command := range []string{"show", "export p", "show p"} {
		if got := l.must(append(strings.Fields(command), "--json")...); !json.Valid([]byte(got)) || !strings.Contains(got, `"cfg02b61a":{`) {
			t.Errorf("%s: %s", command, got)
		}
	}
}

func TestDiff(t *testing.T) {
	l := newLab(t, "config t 'a'\n\toption x '1'\n\tlist l '1'\nconfig u\n")
	l.must("set", "p.a.x=2")
	l.must("add_list", "p.a.l=2")
	l.must("delete", "p.@u[0]")
	l.must("set", "p.b=t")
	want := "-p.a.x='1'\n+p.a.x='2'\n-p.a.l='1'\n+p.a.l='1' '2'\n-p.@u[0]=u\n+p.b=t\n"
	if out, _, exit := l.run("diff", "p"); out != want || exit != 1 {
		t.Errorf("exit %d: %s", exit, out)
	}
	l.must("commit")
	l.must("diff", "p")
	l.must("diff", "p", filepath.Join(l.conf, "p"))
}

func TestComplete(t *testing.T) {
	l := newLab(t, "config t 'lan'\n\toption proto '1'\n\toption peer '1'\nconfig t\n")
	want := map[string]string{
		"delet":         "delete",
		"get|p":         "p.",
		"show|":         "p",
		"get|p.l":       "p.lan\np.lan.",
		"get|p.@":       "p.@t[1]",
		"set|p.lan.p":   "p.lan.proto=\np.lan.peer=",
		"get|p.lan.pr":  "p.lan.proto",
		"get|nope.x":    "",
		"get|p.nope.x":  "",
		"reorder|p.lan": "p.lan",
	}
	for words, w := range want {
		if got := l.must(append([]string{"complete"}, strings.Split(words, "|")...)...); got != w {
			t.Errorf("%s: %q, want %q", words, got, w)
		}
	}
}

func TestEdit(t *testing.T) {
	l := newLab(t, "# kept\nconfig t 'a'\n")
	t.Setenv("TMPDIR", t.TempDir())
	t.Setenv("VISUAL", "")
	t.Setenv("EDITOR", "sed -i s/a/b/")
	l.must("edit", "p")
	if got := l.file("config/p"); got != "# kept\nconfig t 'b'\n" {
		t.Errorf("edited: %q", got)
	}
	t.Setenv("EDITOR", "sed -i s/config/nonsense/")
	_, stderr, exit := l.run("edit", "p")
	if exit != 1 || !strings.Contains(stderr, "invalid command") || !strings.Contains(stderr, "What you wrote is in ") {
		t.Errorf("exit %d: %s", exit, stderr)
	}
	if got := l.file("config/p"); got != "# kept\nconfig t 'b'\n" {
		t.Errorf("after a mistake: %q", got)
	}
	if entries, _ := os.ReadDir(os.Getenv("TMPDIR")); len(entries) != 1 {
		t.Errorf("%d drafts are left, want 1", len(entries))
	}
}

// TestEditThatComesToNothing has an editor that fails, one that changes nothing, and someone who
// commits while the editor is open.
func TestEditThatComesToNothing(t *testing.T) {
	const config = "# kept\nconfig t 'a'\n"
	l := newLab(t, config)
	t.Setenv("TMPDIR", t.TempDir())
	t.Setenv("VISUAL", "")
	drafts := func() int {
		entries, _ := os.ReadDir(os.Getenv("TMPDIR"))
		return len(entries)
	}
	t.Setenv("EDITOR", "false")
	if _, stderr, exit := l.run("edit", "p"); exit != 1 || !strings.HasSuffix(stderr, ": the editor failed\n") || drafts() != 0 {
		t.Errorf("exit %d, %d drafts: %s", exit, drafts(), stderr)
	}
	t.Setenv("EDITOR", "true")
	if l.must("edit", "p"); drafts() != 0 || l.file("config/p") != config {
		t.Errorf("%d drafts, file %q", drafts(), l.file("config/p"))
	}
	script := filepath.Join(l.dir, "editor")
	text := "#!/bin/sh\necho '# mine' >> \"$1\"\n" + strings.Join([]string{binary, "-c", l.conf, "-t", l.save}, " ")
	text += " set p.a.x=1\n" + strings.Join([]string{binary, "-c", l.conf, "-t", l.save, "commit", "p"}, " ") + "\n"
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("EDITOR", script)
	_, stderr, exit := l.run("edit", "p")
	if exit != 1 || !strings.Contains(stderr, "someone else has changed it meanwhile") || drafts() != 1 {
		t.Errorf("exit %d, %d drafts: %s", exit, drafts(), stderr)
	}
	if l.must("get", "p.a.x") != "1" || strings.Contains(l.file("config/p"), "mine") {
		t.Errorf("file %q", l.file("config/p"))
	}
}

func TestCompletionScripts(t *testing.T) {
	l := newLab(t, "")
	for shell, text := range completions {
		if got := l.must("completion", shell); got+"\n" != text {
			t.Errorf("%s: %q", shell, got)
		}
	}
	script := filepath.Join(l.dir, "completion")
	if err := os.WriteFile(script, []byte(completions["bash"]), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("bash", "-n", script).CombinedOutput(); err != nil {
		t.Errorf("bash: %v: %s", err, out)
	}
}
