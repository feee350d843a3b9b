// SPDX-License-Identifier: Apache-2.0

package process

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"ucid/internal/engine"
	"ucid/internal/kind/link"
	"ucid/internal/kind/proc"
	"ucid/services"
	"ucid/services/servicetest"
)

func compileText(t *testing.T, text string) (*services.Compilation, proc.Proc) {
	t.Helper()
	c := servicetest.Compile(t, txtar.Parse([]byte("-- ucid --\n"+text)))
	w := engine.Wishes[proc.Proc](c.Set)
	if len(w) != 1 {
		t.Fatalf("%d processes, want 1: %v", len(w), c.Problems)
	}
	return c, w[0].Object
}

// The values that no golden shows: those of the environment, limits and data.
func TestTables(t *testing.T) {
	_, p := compileText(t, `config process 'p'
	list command 'd'
	list env 'A=1'
	list env 'EMPTY='
	list env 'WORDS=a b=c'
	list limits 'nofile=1024   4096'
	list limits 'core=unlimited'
	option data 'k=v w'
`)
	for _, test := range []struct {
		table     engine.Map
		key, want string
	}{
		{p.Env, "A", "1"}, {p.Env, "EMPTY", ""}, {p.Env, "WORDS", "a b=c"},
		{p.Limits, "nofile", "1024 4096"}, {p.Limits, "core", "unlimited"}, {p.Data, "k", "v w"},
	} {
		if got, ok := test.table.Get(test.key); !ok || got != test.want {
			t.Errorf("%s: got %q, %v; want %q", test.key, got, ok, test.want)
		}
	}
	if got := fmt.Sprintf("%v %+v", p, p.Env); strings.Contains(got, "b=c") {
		t.Errorf("a value is shown: %s", got)
	}
}

// Words of a list are taken as they are: blanks, quotes and empty ones.
func TestCommandWords(t *testing.T) {
	_, p := compileText(t, "config process 'p'\n\tlist command 'sh'\n\tlist command ''\n\tlist command 'a  b'\n\tlist command \"it's\"\n")
	got := p.Command.Slice()
	if want := []string{"sh", "", "a  b", "it's"}; fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A device that is made anew has another ifindex, so the process is another object.
func TestNetDevFollowsTheDevice(t *testing.T) {
	const text = "config process 'p'\n\toption command 'd'\n\tlist netdev 'eth1'\n"
	c, before := compileText(t, text+"-- facts --\nlink.index eth1 3\n")
	_, after := compileText(t, text+"-- facts --\nlink.index eth1 4\n")
	if before == after {
		t.Errorf("same object before and after: %v", before.NetDevs)
	}
	if !c.Stale(map[engine.Fact]string{{Topic: link.Index, Name: "eth1"}: "4"}) {
		t.Error("the new ifindex is not noticed")
	}
}

// However many values are wrong, a few are shown, and quickly.
func TestManyMistakes(t *testing.T) {
	text := "config process 'p'\n\toption command 'd'\n" + strings.Repeat("\tlist env 'x'\n", 100_000)
	c := servicetest.Compile(t, txtar.Parse([]byte("-- ucid --\n"+text)))
	if n := len(c.Problems); n == 0 || n > reported || c.Set.Len() != 0 {
		t.Errorf("%d problems, %d objects", n, c.Set.Len())
	}
}
