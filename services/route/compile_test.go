// SPDX-License-Identifier: Apache-2.0

package route

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"ucid/internal/engine"
	"ucid/internal/kind/addr"
	"ucid/internal/kind/link"
	kroute "ucid/internal/kind/route"
	krule "ucid/internal/kind/rule"
	"ucid/services"
	"ucid/uci"
)

type facts = map[engine.Fact]string

func compileText(t testing.TB, text string, known facts) *services.Compilation {
	t.Helper()
	return services.Compile(map[string]*uci.Package{"network": parse(t, []byte(text))}, known)
}

// objects are all objects of a set as text, without where they come from.
func objects(s *engine.Set) []string {
	var all []string
	for _, w := range engine.Wishes[addr.Addr](s) {
		all = append(all, fmt.Sprintf("%#v", w.Object))
	}
	for _, w := range engine.Wishes[kroute.Route](s) {
		all = append(all, fmt.Sprintf("%#v", w.Object))
	}
	for _, w := range engine.Wishes[krule.Rule](s) {
		all = append(all, fmt.Sprintf("%#v", w.Object))
	}
	return all
}

// A device that the system has answers for an interface that others configure, as long as it
// is there.
func TestDeviceOfTheSystem(t *testing.T) {
	text := "config interface 'wan'\n\toption proto 'dhcp'\nconfig route 'r'\n\toption interface 'wan'\n\toption target '10.0.0.0/8'\n"
	there := facts{{Topic: link.Index, Name: "wan"}: "3"}
	c := compileText(t, text, there)
	if w := engine.Wishes[kroute.Route](c.Set); len(w) != 1 || w[0].Object.Dev != "wan" {
		t.Errorf("wanted %v, problems %v", w, c.Problems)
	}
	if c.Stale(there) || !c.Stale(nil) {
		t.Error("the compilation does not follow the device")
	}
	if c = compileText(t, text, nil); len(c.Problems) != 1 || c.Set.Len() != 0 {
		t.Errorf("without it: wanted %d, problems %v", c.Set.Len(), c.Problems)
	}
	if !c.Stale(there) {
		t.Error("the device that comes is not noticed")
	}
}

// What other services learn of interfaces.
func TestProvided(t *testing.T) {
	c := compileText(t, `
config interface 'lan'
	option device 'eth1'
	option proto 'static'
config interface 'wan'
	option device '@lan'
	option proto 'dhcp'
config interface 'dsl'
	option device 'eth2'
	option proto 'pppoe'
config interface 'tun'
	option proto 'gre'
	option device 'eth3'
config interface 'nothing'
`, nil)
	want := facts{
		{Topic: services.InterfaceProto, Name: "lan"}: "static", {Topic: services.InterfaceDevice, Name: "lan"}: "eth1",
		{Topic: services.InterfaceProto, Name: "wan"}: "dhcp", {Topic: services.InterfaceDevice, Name: "wan"}: "eth1",
		{Topic: services.InterfaceProto, Name: "dsl"}: "pppoe", {Topic: services.InterfaceDevice, Name: "dsl"}: "pppoe-dsl",
		{Topic: services.InterfaceProto, Name: "tun"}:     "gre",
		{Topic: services.InterfaceProto, Name: "nothing"}: "none",
	}
	if got := c.Provided(); !maps.Equal(got, want) {
		t.Errorf("provided %v\nwant %v", got, want)
	}
}

// An object carries the place of its section.
func TestOrigin(t *testing.T) {
	c := compileText(t, "\nconfig route 'r'\n\toption device 'eth0'\n\toption target '10.0.0.0/8'\nconfig route\n\toption device 'eth0'\n\toption target '11.0.0.0/8'\n", nil)
	w := engine.Wishes[kroute.Route](c.Set)
	want := []engine.Origin{
		{Package: "network", File: "/etc/config/network", Type: "route", Section: "r", Line: 2},
		{Package: "network", File: "/etc/config/network", Type: "route", Section: "@route[1]", Line: 5, Anonymous: true},
	}
	if len(w) != 2 || w[0].Origin != want[0] || w[1].Origin != want[1] {
		t.Errorf("got %+v", w)
	}
}

// values are what the random test gives to each option: good ones and bad ones.
var values = map[string][]string{
	"interface": {"lan", "lan", "lan", "wan", "nobody"},
	"target":    {"10.0.0.0/8", "10.1.0.0/16", "10.2.0.0/16", "10.3.0.0", "10.1.2.3/8", "x", "", "::/0", "0.0.0.0/0"},
	"netmask":   {"255.255.255.0", "24", "255.0.255.0", ""},
	"gateway":   {"192.0.2.2", "192.0.2.3", "192.0.2.1", "198.18.0.1", "fe80::1", "x", "0.0.0.0"},
	"metric":    {"0", "1", "2", "-1", "x"},
	"mtu":       {"0", "1400", "1", "99999"},
	"table":     {"main", "100", "0", "nobody", "local"},
	"source":    {"192.0.2.1", "192.0.2.0/24", "x"},
	"type":      {"unicast", "blackhole", "local", "x", "nat"},
	"onlink":    {"1", "0", "x"},
	"valid":     {"60", "0", "4294967295"},
	"tos":       {"16", "1"},
	"disabled":  {"1", "0"},
	"proto":     {"bgp", "12", "0"},
	"what":      {"ever"},
}

const randomHead = `config interface 'lan'
	option device 'eth1'
	option proto 'static'
	option ipaddr '192.0.2.1/24'
config interface 'wan'
	option device 'eth0'
	option proto 'dhcp'
`

// randomSections are sections that have nothing to do with each other, but for duplicates.
func randomSections(r *rand.Rand, n int) []string {
	names := slices.Sorted(maps.Keys(values))
	var sections []string
	for i := range n {
		s := fmt.Sprintf("config route 'r%d'\n", i)
		has := map[string]bool{}
		for _, option := range append([]string{"interface", "target", "gateway"}, names...) {
			always := !has[option] && slices.Contains([]string{"interface", "target", "gateway"}, option)
			if has[option] || !always && r.IntN(8) > 0 {
				continue
			}
			has[option] = true
			s += fmt.Sprintf("\toption %s '%s'\n", option, values[option][r.IntN(len(values[option]))])
		}
		sections = append(sections, s)
	}
	return sections
}

// One bad section never affects others: without it the same objects are wanted. Compiling
// twice gives the same, each Problem has a place, and a bad section has no objects.
func TestBadSectionsAffectNothingElse(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	badOnes, goodOnes := 0, 0
	for range 400 {
		sections := randomSections(r, 12)
		text := randomHead + strings.Join(sections, "")
		c := compileText(t, text, nil)
		if again := compileText(t, text, nil); !reflect.DeepEqual(objects(c.Set), objects(again.Set)) ||
			!reflect.DeepEqual(c.Problems, again.Problems) {
			t.Fatalf("two results for\n%s", text)
		}
		bad := c.BadSections()
		var rest []string
		for i, s := range sections {
			if !bad[services.Section{Package: "network", Type: "route", Name: fmt.Sprintf("r%d", i)}] {
				rest = append(rest, s)
			}
		}
		badOnes, goodOnes = badOnes+len(bad), goodOnes+len(rest)
		alone := compileText(t, randomHead+strings.Join(rest, ""), nil)
		if !slices.Equal(objects(c.Set), objects(alone.Set)) || len(alone.BadSections()) != 0 {
			t.Fatalf("with bad sections: %v\nwithout: %v %v\nin\n%s", objects(c.Set), objects(alone.Set), alone.Problems, text)
		}
		checkProblems(t, c)
	}
	if badOnes < 1000 || goodOnes < 500 {
		t.Errorf("the test is too weak: %d bad sections, %d good ones", badOnes, goodOnes)
	}
}

func checkProblems(t *testing.T, c *services.Compilation) {
	t.Helper()
	for _, p := range c.Problems {
		if p.Line == 0 || p.Text == "" || p.Section == "" || p.Package == "" {
			t.Errorf("a Problem without a place: %+v", p)
		}
	}
	for bad := range c.BadSections() {
		for _, w := range engine.Wishes[kroute.Route](c.Set) {
			if bad.Holds(w.Origin) {
				t.Errorf("bad section %v wants %v", bad, w.Object)
			}
		}
	}
}

// Whatever a file says, compiling it ends, and each Problem has a place.
func FuzzCompile(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(archive.Files[0].Data)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := uci.Parse("network", "/etc/config/network", text)
		if err != nil {
			return
		}
		c := services.Compile(map[string]*uci.Package{"network": p}, facts{{Topic: link.Addresses, Name: "e"}: "10.0.0.1/8 x"})
		checkProblems(t, c)
	})
}
