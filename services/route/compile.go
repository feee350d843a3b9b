// SPDX-License-Identifier: Apache-2.0

package route

import (
	"fmt"
	"ucid/internal/kind/addr"
	kroute "ucid/internal/kind/route"
	krule "ucid/internal/kind/rule"
	"ucid/services"
	"ucid/uci"
)

// network is one compilation.
type network struct {
	b      *services.Builder
	ifaces map[string]*iface
	order  []*iface
	known  string // the names of the interfaces, for people
	hosts  onlink
	addrs  map[addr.Key]*uci.Section // who asked for what first
	routes map[kroute.Key]*uci.Section
	rules  map[krule.Rule]*uci.Section
}

func compile(c *Config, b *services.Builder) {
	n := &network{b: b, addrs: map[addr.Key]*uci.Section{},
		routes: make(map[kroute.Key]*uci.Section, len(c.Routes)+len(c.Routes6)),
		rules:  make(map[krule.Rule]*uci.Section, len(c.Rules)+len(c.Rules6))}
	services.Expect[kroute.Route](b, len(c.Routes)+len(c.Routes6))
	n.readInterfaces(c)
	n.provide()
	n.hosts = n.linkRoutes(c)
	for _, i := range n.order {
		if i.cfg != nil {
			n.static(i)
		}
	}
	n.compileRoutes(c.Routes)
	n.compileRoutes(c.Routes6)
	n.compileRules(c.Rules)
	n.compileRules(c.Rules6)
}

// refuse reports a mistake in an option and is false, so that a check can return it. The
// text follows the name of the option, which is the one the user wrote.
func (n *network) refuse(m uci.Meta, option, format string, args ...any) bool {
	option = written(m, option)
	n.b.Problem(m.Problem(option, option+" "+format, args...))
	return false
}

// refuseItem is refuse for one value of a list, at its own line.
func (n *network) refuseItem(m uci.Meta, option, value, format string, args ...any) bool {
	n.b.ItemProblem(m, option, value, option+" "+fmt.Sprintf(format, args...))
	return false
}

// object reports a mistake in the section as a whole and is false.
func (n *network) object(m uci.Meta, format string, args ...any) bool {
	n.b.Problem(m.Problem("", format, args...))
	return false
}

// spellings are older names of options.
var spellings = map[string]string{"target": "net", "netmask": "mask", "gateway": "gw", "device": "ifname"}

// written is the name by which the user wrote an option.
func written(m uci.Meta, option string) string {
	s, other := m.Section(), spellings[option]
	if s != nil && other != "" && s.Option(option) == nil && s.Option(other) != nil {
		return other
	}
	return option
}

// place names a section and where it is, for a Problem about another one.
func place(s *uci.Section) string { return s.Label() + " at " + s.Pos.String() }
