// SPDX-License-Identifier: Apache-2.0

package uci

import (
	"os"
	"path/filepath"
	"testing"
)

func TestCommitKeepsComments(t *testing.T) {
	const before = `# the head
package p

# about a
config t a   # here
	option   x 1 # one
	# the end of a

# about b
config t 'b'
	option y "2"


config t
	option z 3
`
	const after = `# the head
package p

# about a
config t a   # here
	option   x 1 # one
	# the end of a

# about b
config t 'b'
	option y 'new'

config u 'c'
	option k 'v'
`
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "p"), []byte(before), 0o644); err != nil {
		t.Fatal(err)
	}
	st := Open(dir, filepath.Join(dir, "save"))
	st.KeepComments = true
	for _, err := range []error{
		st.Set("p.b.y", "new"), st.Delete("p.@t[2]"), st.Set("p.c", "u"), st.Set("p.c.k", "v"), st.Commit("p"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(filepath.Join(dir, "p"))
	if err != nil || string(got) != after {
		t.Errorf("%v\n%s", err, got)
	}
}

func FuzzRewrite(f *testing.F) {
	seeds(f, filesBelow("config/"))
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse("p", "p", []byte(text))
		if err != nil || p.Len() == 0 {
			return
		}
		p.Add("new")
		for s := range p.Sections() {
			p.Set(s.Name, "o", "v")
			break
		}
		again, err := Parse("p", "p", Format{}.Rewrite([]byte(text), p))
		if err != nil {
			t.Fatal(err)
		}
		if d := Diff(p, again); len(d) > 0 {
			t.Errorf("%q reads back differently: %v", text, d)
		}
	})
}
