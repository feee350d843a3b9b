// SPDX-License-Identifier: Apache-2.0

package services_test

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"ucid/internal/engine"
	"ucid/internal/kind/link"
	"ucid/services"
	"ucid/services/servicetest"
	"ucid/uci"
)

// note is an object that says what a service knew.
type note struct{ By, Text string }

// reader is a section of the package shared, as three services see it.
type reader struct {
	uci.Meta
	Known string `uci:"known"`
}

// The services below run in the order of their names: asker asks for what teller, which comes
// later, provides from what chain, the last one, provides.
func init() {
	services.Register("asker", services.Packages{"shared"}, func(c *struct {
		Readers []struct {
			reader
			Asker string `uci:"asker"`
		} `uci:"reader"`
	}, b *services.Builder) {
		for _, r := range c.Readers {
			value, ok := b.Fact("told", r.Known)
			if !ok {
				value = "nothing"
			}
			services.Want(b, note{"asker", value}, r.Meta)
			if r.Asker == "bad" {
				b.Problem(r.Problem("asker", "asker '%s' is bad", r.Asker))
			}
		}
	})
	services.Register("teller", services.Packages{"shared", "second"}, func(c *struct {
		Shared struct {
			Readers []struct {
				reader
				Teller string `uci:"teller"`
			} `uci:"reader"`
		} `package:"shared"`
		Second struct {
			Words []struct {
				uci.Meta
				Text string `uci:"text"`
			} `uci:"word"`
		} `package:"second"`
	}, b *services.Builder) {
		for _, w := range c.Second.Words {
			end, _ := b.Fact("end", "of chain")
			b.Provide("told", w.Name, w.Text+end)
		}
	})
	services.Register("watcher", services.Packages{"shared"}, func(c *struct {
		Watch []reader `uci:"watch"`
	}, b *services.Builder) {
		b.Provide("end", "of chain", "!")
		for _, w := range c.Watch {
			for device, addresses := range b.Facts(link.Addresses) {
				services.Want(b, note{"watcher", device + " " + addresses}, w.Meta)
			}
		}
	})
}

func compile(t *testing.T, text string) *services.Compilation {
	t.Helper()
	return servicetest.Compile(t, txtar.Parse([]byte(text)))
}

func notes(c *services.Compilation) []string {
	var all []string
	for _, w := range engine.Wishes[note](c.Set) {
		all = append(all, w.Object.By+": "+w.Object.Text)
	}
	return all
}

func equal(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

const asking = `
-- shared --
config reader
	option known 'greeting'
`

// A service gets what a later one provides, over several steps.
func TestFactsFixpoint(t *testing.T) {
	c := compile(t, asking+`
-- second --
config word 'greeting'
	option text 'hello'
`)
	equal(t, "notes", notes(c), "asker: hello!")
	if c.Provided()[engine.Fact{Topic: "told", Name: "greeting"}] != "hello!" {
		t.Errorf("provided: %v", c.Provided())
	}
	if c.Stale(map[engine.Fact]string{}) {
		t.Error("stale although nothing was observed before or after")
	}
}

// What a service stops providing is not remembered; what is observed steps in.
func TestFactsOfTheSystem(t *testing.T) {
	equal(t, "nothing known", notes(compile(t, asking)), "asker: nothing")
	c := compile(t, asking+"-- facts --\ntold greeting observed words\n")
	equal(t, "observed", notes(c), "asker: observed words")
	if !c.Stale(nil) {
		t.Error("not stale although the observed answer is gone")
	}
	if c.Stale(map[engine.Fact]string{{Topic: "told", Name: "greeting"}: "observed words", {Topic: "x", Name: "y"}: "z"}) {
		t.Error("stale because of a fact that nobody asked for")
	}
}

// A question about a whole topic goes stale with any fact of it, and by no other.
func TestFactsByTopic(t *testing.T) {
	c := compile(t, "-- shared --\nconfig watch\n-- facts --\nlink.addresses eth1 b/24\nlink.addresses eth0 a/24 c/24\nlink.index eth0 1\n")
	equal(t, "notes", notes(c), "watcher: eth0 a/24 c/24", "watcher: eth1 b/24")
	facts := map[engine.Fact]string{
		{Topic: link.Addresses, Name: "eth0"}: "a/24 c/24", {Topic: link.Addresses, Name: "eth1"}: "b/24",
	}
	if c.Stale(facts) {
		t.Error("stale although the topic says the same")
	}
	facts[engine.Fact{Topic: link.Addresses, Name: "eth2"}] = "d/24"
	if !c.Stale(facts) {
		t.Error("not stale although the topic has grown")
	}
	delete(facts, engine.Fact{Topic: link.Addresses, Name: "eth2"})
	delete(facts, engine.Fact{Topic: link.Addresses, Name: "eth1"})
	if !c.Stale(facts) {
		t.Error("not stale although the topic has shrunk")
	}
}

// Only an option that no service of the section knows is unknown.
func TestUnknownOptionsAreUnited(t *testing.T) {
	c := compile(t, "-- shared --\nconfig reader\n\toption known 'x'\n\toption asker '1'\n\toption teller '1'\n\toption nobody '1'\nconfig stranger\n\toption nobody '1'\n")
	var all []string
	for _, p := range c.Problems {
		all = append(all, p.Error())
		if !p.Warning {
			t.Errorf("not a warning: %v", p)
		}
	}
	equal(t, "problems", all, "shared: /etc/config/shared:5: reader @reader[0]: unknown option nobody")
	if len(c.BadSections()) != 0 {
		t.Errorf("a warning made a section bad: %v", c.BadSections())
	}
}

// Another package is read in the place of one; the one is not looked at.
func TestPackageAlias(t *testing.T) {
	text := "-- ucid --\nconfig globals 'globals'\n\tlist package 'shared=mine'\n" +
		"-- shared --\nconfig reader\n\toption known 'theirs'\n-- mine --\nconfig reader\n\toption known 'mine'\n" +
		"-- facts --\ntold mine M\ntold theirs T\n"
	c := compile(t, text)
	equal(t, "notes", notes(c), "asker: M")
	w := engine.Wishes[note](c.Set)[0]
	if w.Origin.Package != "mine" || w.Origin.File != "/etc/config/mine" || w.Origin.Line != 1 {
		t.Errorf("origin %+v", w.Origin)
	}
	if reads := services.Reads(c.Globals); !slices.Contains(reads, "mine") || slices.Contains(reads, "shared") {
		t.Errorf("reads %q", reads)
	}
	bad := compile(t, strings.Replace(text, "shared=mine", "shared=../mine", 1))
	equal(t, "a path is no package", notes(bad), "asker: T")
}

// Globals have their defaults without a package, and with one that is wrong.
func TestGlobals(t *testing.T) {
	for text, want := range map[string]uint8{
		"":                                       117,
		"-- ucid --\nconfig globals 'globals'\n": 117,
		"-- ucid --\nconfig globals 'globals'\n\toption route_protocol '99'\n":  99,
		"-- ucid --\nconfig globals 'globals'\n\toption route_protocol '300'\n": 117,
		"-- ucid --\nconfig globals 'globals'\n\toption route_protocol '4'\n":   117,
	} {
		if got := compile(t, text).Globals.RouteProtocol; got != want {
			t.Errorf("%q: protocol %d, want %d", text, got, want)
		}
	}
}
