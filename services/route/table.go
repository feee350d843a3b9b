// SPDX-License-Identifier: Apache-2.0

package route

import (
	"strconv"

	kroute "ucid/internal/kind/route"
	"ucid/uci"
)

// Topics of facts about names that iproute2 gives to numbers; the answer is decimal.
const (
	tableTopic    = "rt.table" // routing tables, of /etc/iproute2/rt_tables
	protoTopic    = "rt.proto" // who made a route, of /etc/iproute2/rt_protos
	ipProtoTopic  = "ip.proto" // protocols over IP, of /etc/protocols
	unknownNumber = "is not known; give its number, or add it to /etc/iproute2/"
)

// table finds a routing table by number (any base C knows) or by name.
func (n *network) table(name string) (table uint32, fault string) {
	switch name {
	case "main":
		return kroute.TableMain, ""
	case "default":
		return kroute.TableDefault, ""
	case "local":
		return kroute.TableLocal, ""
	}
	if number, err := strconv.ParseUint(name, 0, 64); err == nil {
		if number == 0 || number > 1<<32-1 {
			return 0, "'" + name + "' is not a routing table: they have numbers from 1 to 4294967295"
		}
		return uint32(number), ""
	}
	text, _ := n.b.Fact(tableTopic, name)
	number, err := strconv.ParseUint(text, 10, 32)
	if err != nil || number == 0 {
		return 0, "'" + name + "' " + unknownNumber + "rt_tables"
	}
	return uint32(number), ""
}

// ifaceTable is the table for the routes of an interface; 0 when it does not say.
func (n *network) ifaceTable(i *iface, ipv6 bool) (table uint32, option, fault string) {
	option = "ip4table"
	if ipv6 {
		option = "ip6table"
	}
	if name := i.get(option); name != "" {
		table, fault = n.table(name)
	}
	return table, option, fault
}

// routeTable is the table of a route: its own, that of its interface, or that of its type.
func (n *network) routeTable(r *Route, i *iface, t kroute.Type) (uint32, bool) {
	if r.Table != "" {
		table, fault := n.table(r.Table)
		return table, fault == "" || n.refuse(r.Meta, "table", "%s", fault)
	}
	if i != nil {
		table, option, fault := n.ifaceTable(i, r.ipv6())
		if fault != "" {
			return 0, n.refuse(r.Meta, "interface", "'%s' has no table for the route: its %s %s", i.name, option, fault)
		}
		if table != 0 {
			return table, true
		}
	}
	switch t {
	case kroute.Local, kroute.Broadcast, kroute.Anycast:
		return kroute.TableLocal, true
	}
	return kroute.TableMain, true
}

// routeMetric is the metric of a route: its own, or that of its interface.
func (n *network) routeMetric(r *Route, i *iface) (uint32, bool) {
	metric := uint32(0)
	switch {
	case r.Metric != nil:
		metric = *r.Metric
	case i != nil && i.get("metric") != "":
		number, err := strconv.ParseUint(i.get("metric"), 0, 32)
		if err != nil {
			return 0, n.refuse(r.Meta, "interface", "'%s' has a metric that is no number: see %s", i.name, place(i.section))
		}
		metric = uint32(number)
	}
	return kernelMetric(metric, r.ipv6()), true
}

// kernelMetric is the metric as the kernel keeps it: for IPv6 0 means IP6_RT_PRIO_USER.
func kernelMetric(metric uint32, ipv6 bool) uint32 {
	if ipv6 && metric == 0 {
		return 1024
	}
	return metric
}

var protocols = map[string]uint8{"redirect": 1, "kernel": 2, "boot": 3, "static": 4, "ra": 9}

// protocol is rtm_protocol of a route by number or name; 0 is ours.
func (n *network) protocol(m uci.Meta, name string) (uint8, bool) {
	if name == "" {
		return 0, true
	}
	number, known := uint64(protocols[name]), protocols[name] != 0
	if !known {
		text, ok := n.b.Fact(protoTopic, name)
		if !ok {
			text = name
		}
		var err error
		if number, err = strconv.ParseUint(text, 0, 64); err != nil {
			return 0, n.refuse(m, "proto", "'%s' %srt_protos", name, unknownNumber)
		}
	}
	switch {
	case number == 0 || number > 255:
		return 0, n.refuse(m, "proto", "'%s' is not the number of a route protocol, which is from 1 to 255; leave it out", name)
	case number == uint64(n.b.Globals().RouteProtocol):
		return 0, true
	}
	return uint8(number), true
}
