// SPDX-License-Identifier: Apache-2.0

package route

import (
	"net/netip"

	"ucid/internal/kind/addr"
	kroute "ucid/internal/kind/route"
	krule "ucid/internal/kind/rule"
	"ucid/services"
	"ucid/uci"
)

// wishes are the objects of one interface. They are asked for when all of them are right.
type wishes struct {
	addrs  []addr.Addr
	routes []kroute.Route
	rules  []krule.Rule
}

// static asks for the addresses of an interface, its default routes, and what an interface
// with a metric or a table of its own needs besides.
func (n *network) static(i *iface) {
	if i.off() {
		return
	}
	c, w, ok := i.cfg, &wishes{}, !i.broken
	for _, m := range missed {
		if c.At(m.option) != c.Pos {
			n.b.Problem(c.Warning(m.option, "%s %s", m.option, m.text))
		}
	}
	if i.device == "" {
		if c.Proto == "static" || len(i.addrs) > 0 || i.fault != "is missing" {
			n.refuse(c.Meta, "device", "%s", i.fault)
		}
		return
	}
	tables, known := n.ownTables(i)
	ok = known && n.addresses(i, w) && ok
	n.connected(i, tables, w)
	ok = n.defaultRoute(i, c.Gateway, "gateway", tables, w) && ok
	ok = n.defaultRoute(i, c.Gateway6, "ip6gw", tables, w) && ok
	if ok {
		n.policy(i, tables, w)
		n.ask(i, w)
	}
}

// ownTables are the tables of the interface by family, IPv4 first; 0 is none of its own.
func (n *network) ownTables(i *iface) (tables [2]uint32, ok bool) {
	ok = true
	for k, ipv6 := range []bool{false, true} {
		table, option, fault := n.ifaceTable(i, ipv6)
		if fault != "" {
			ok = n.refuse(i.cfg.Meta, option, "%s", fault)
		}
		tables[k] = table
	}
	return tables, ok
}

// familyIndex is the place of a family in what ownTables gives.
func familyIndex(a netip.Addr) int {
	if a.Is6() {
		return 1
	}
	return 0
}

func (n *network) addresses(i *iface, w *wishes) bool {
	given := netip.Addr{}
	if text := i.cfg.Broadcast; text != "" {
		var ok bool
		if given, ok = parseAddr(text, false); !ok {
			return n.refuse(i.cfg.Meta, "broadcast", "'%s' is not an IPv4 address", text)
		}
	}
	for _, p := range i.addrs {
		a := addr.Addr{Dev: i.device, Prefix: p}
		if p.Addr().Is4() {
			a.Peer = i.peer
			a.Broadcast = broadcast(p, given, i.peer)
		}
		w.addrs = append(w.addrs, a)
	}
	return true
}

// broadcast is the broadcast address that netifd sets: the last of the network. A network of
// one or two addresses has none, neither has a loopback or point-to-point address.
func broadcast(p netip.Prefix, given, peer netip.Addr) netip.Addr {
	if given.IsValid() || p.Bits() > 30 || p.Addr().IsLoopback() || peer.IsValid() {
		return given
	}
	last := p.Addr().As4()
	for k := range last {
		host := min(max(8*(k+1)-p.Bits(), 0), 8)
		last[k] |= byte(1<<host - 1)
	}
	return netip.AddrFrom4(last)
}

// defaultRoute adds the route that option gateway or ip6gw asks for.
func (n *network) defaultRoute(i *iface, text, option string, tables [2]uint32, w *wishes) bool {
	if text == "" {
		return true
	}
	ipv6 := option == "ip6gw"
	gateway, ok := parseAddr(text, ipv6)
	if !ok {
		hint := ""
		if _, wrong := parseAddr(text, !ipv6); wrong {
			hint = "; say " + map[bool]string{true: "gateway", false: "ip6gw"}[ipv6]
		}
		return n.refuse(i.cfg.Meta, option, "'%s' is not %s%s", text, article(ipv6, "address"), hint)
	}
	if gateway.IsUnspecified() {
		return true
	}
	if !n.neighbour(i.cfg.Meta, option, i.device, gateway) {
		return false
	}
	w.routes = append(w.routes, kroute.Route{
		Table: tableOr(tables[familyIndex(gateway)]), Dst: netip.PrefixFrom(zero(ipv6), 0),
		Metric: kernelMetric(i.cfg.Metric, ipv6), Type: kroute.Unicast, Gateway: gateway, Dev: i.device,
	})
	return true
}

func zero(ipv6 bool) netip.Addr {
	if ipv6 {
		return netip.IPv6Unspecified()
	}
	return netip.IPv4Unspecified()
}

func tableOr(table uint32) uint32 {
	if table == 0 {
		return kroute.TableMain
	}
	return table
}

// connected asks for the routes to the networks of an interface with a metric or a table: the
// kernel would put them into main, with a metric of its own.
func (n *network) connected(i *iface, tables [2]uint32, w *wishes) {
	seen := map[netip.Prefix]bool{}
	for k := range w.addrs {
		a := &w.addrs[k]
		ip, table := a.Prefix.Addr(), tables[familyIndex(a.Prefix.Addr())]
		if i.cfg.Metric == 0 && table == 0 || a.Prefix.IsSingleIP() || a.Peer.IsValid() {
			continue
		}
		a.NoRoute = true
		r := kroute.Route{Table: tableOr(table), Dst: a.Prefix.Masked(), Dev: i.device,
			Metric: kernelMetric(i.cfg.Metric, ip.Is6()), Type: kroute.Unicast}
		if !seen[r.Dst] {
			seen[r.Dst] = true
			w.routes = append(w.routes, r)
		}
	}
}

// policy asks for the rules by which the table of an interface is looked at.
func (n *network) policy(i *iface, tables [2]uint32, w *wishes) {
	add := func(r krule.Rule) {
		r.Action = krule.Lookup
		w.rules = append(w.rules, r) // ask leaves out what is there twice
	}
	for _, p := range i.addrs {
		table := tables[familyIndex(p.Addr())]
		if table == 0 {
			continue
		}
		ipv6 := p.Addr().Is6()
		host := netip.PrefixFrom(p.Addr(), p.Addr().BitLen())
		add(krule.Rule{IPv6: ipv6, Priority: fromAddress, Src: host, Table: table})
		add(krule.Rule{IPv6: ipv6, Priority: toNetwork, Dst: p.Masked(), Table: table})
	}
	index, there := n.index(i.device)
	for k, table := range tables {
		if table != 0 && there {
			add(krule.Rule{IPv6: k == 1, Priority: fromHere + index, In: "lo", Table: table})
		}
	}
}

// Priorities of the rules netifd makes for an interface with a table of its own.
const (
	fromAddress = 10000 // packets from the address
	toNetwork   = 20000 // packets to its network
	fromHere    = 90000 // our own packets that main had no answer for; the ifindex is added
)

// gatewayOption is the option of an interface that asks for a route.
func gatewayOption(r kroute.Route) string {
	switch {
	case !r.Gateway.IsValid():
		return ""
	case r.Gateway.Is6():
		return "ip6gw"
	}
	return "gateway"
}

// secondWay leaves out the default route of an interface where another one stands first: two
// uplinks without metrics are common, and the second shall not lose its address for that.
func (n *network) secondWay(m uci.Meta, option string, r kroute.Route) {
	n.b.Problem(m.Warning(option, "%s: the route to %s is there already: %s; this one is left out, give the interface another metric",
		option, r.Key(), place(n.routes[r.Key()])))
}

// ask wants the objects of an interface unless another section wants one of them already.
func (n *network) ask(i *iface, w *wishes) {
	m, ok := i.cfg.Meta, true
	for _, a := range w.addrs {
		ok = n.firstAddr(m, a) && ok
	}
	routes := w.routes[:0]
	for _, r := range w.routes {
		if option := gatewayOption(r); option != "" && n.routes[r.Key()] != nil {
			n.secondWay(m, option, r)
			continue
		} else if !n.firstRoute(m, option, r) {
			ok = false
		}
		routes = append(routes, r)
	}
	if !ok {
		return
	}
	for _, a := range w.addrs {
		services.Want(n.b, a, m)
	}
	for _, r := range routes {
		services.Want(n.b, r, m)
	}
	for _, r := range w.rules {
		if n.rules[r] == nil {
			n.rules[r] = m.Section()
			services.Want(n.b, r, m)
		}
	}
}
