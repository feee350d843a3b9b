// SPDX-License-Identifier: Apache-2.0

package servicetest

import (
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"ucid/internal/engine"
	"ucid/services"
	"ucid/uci"
)

// thing is an object of a kind of its own.
type thing struct {
	Name   string
	Hidden engine.Secret
	Extra  int
}

func (t thing) String() string { return t.Name }

func init() {
	services.Register("things", services.Packages{"things"}, func(c *struct {
		Things []struct {
			uci.Meta
			Extra int `uci:"extra"`
		} `uci:"thing"`
	}, b *services.Builder) {
		for _, t := range c.Things {
			value, _ := b.Fact("colour", t.Name)
			services.Want(b, thing{t.Name + " " + value, engine.MakeSecret("geheim"), t.Extra}, t.Meta)
		}
	})
}

const archive = `
A thing.
-- things --
config thing 'one'
	option extra '7'
	option other '1'
-- facts --
colour one dark red

-- wanted --
old
`

// A run shows objects with what their text leaves out, secrets masked, and problems.
func TestWhatIsShown(t *testing.T) {
	a := txtar.Parse([]byte(archive))
	c := Compile(t, a)
	got := wanted(t, c.Set, []Kind{Of[thing]("thing", "Name")})
	if want := "thing one dark red\n\tHidden ***\n\tExtra 7\n"; got != want {
		t.Errorf("wanted: got %q, want %q", got, want)
	}
	if got, want := problems(c), "warning: things:3: thing 'one': unknown option other\n"; got != want {
		t.Errorf("problems: got %q, want %q", got, want)
	}
}

// recorder is a test that may fail without this one failing.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Errorf(string, ...any) { r.failed = true }
func (r *recorder) Helper()               {}

// A run fails when an archive says something else, and when it does not know a kind.
func TestThatRunsFail(t *testing.T) {
	known := []Kind{Of[thing]("thing", "Name")}
	stale := &recorder{TB: t}
	check(stale, "stale.txtar", txtar.Parse([]byte(archive)), known)
	if !stale.failed {
		t.Error("a stale archive passes")
	}
	unknown := &recorder{TB: t}
	check(unknown, "unknown.txtar", txtar.Parse([]byte(archive)), nil)
	if !unknown.failed {
		t.Error("an object of an unknown kind passes")
	}
	fresh := strings.Replace(archive, "old\n", "thing one dark red\n\tHidden ***\n\tExtra 7\n"+
		"-- problems --\nwarning: things:3: thing 'one': unknown option other\n", 1)
	good := &recorder{TB: t}
	check(good, "fresh.txtar", txtar.Parse([]byte(fresh)), known)
	if good.failed {
		t.Error("an archive that tells the truth fails")
	}
}

func TestDifference(t *testing.T) {
	if got, want := difference("a\nb\n", "a\nc\n"), "- b\n+ c\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := difference("a\nb\n", "b\na\n"); !strings.Contains(got, "another order") {
		t.Errorf("got %q", got)
	}
}
