// SPDX-License-Identifier: Apache-2.0

package route

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"ucid/internal/kind/link"
	"ucid/services"
	"ucid/uci"
)

// iface is a section interface, of whatever proto. Those of others are read as they stand.
type iface struct {
	name    string
	proto   string // "" when it is not given
	section *uci.Section
	cfg     *Interface     // nil: it is configured by others, or it is wrong
	device  string         // "" when it is not known
	fault   string         // why it has no device, behind the name of the option
	found   bool           // the device is not in the section: others know it
	addrs   []netip.Prefix // its addresses, each with the length of its network
	peer    netip.Addr
	seen    map[netip.Prefix]bool
	wrong   int   // how many addresses were reported
	broken  bool  // it has addresses that are wrong
	step    uint8 // of finding the device: 0 not begun, 1 on the way, 2 done
}

// ours reports whether the service configures interfaces of the proto.
func ours(proto string) bool { return proto == "" || proto == "static" || proto == "none" }

func (i *iface) get(option string) string {
	value, _ := i.section.Get(option)
	return value
}

// off reports whether the interface is not to be used.
func (i *iface) off() bool {
	if i.cfg != nil {
		return i.cfg.Disabled || !i.cfg.Auto
	}
	off, _ := uci.ParseBool(i.get("disabled"))
	return off
}

// readInterfaces collects all interfaces of the package and finds their devices.
func (n *network) readInterfaces(c *Config) {
	n.ifaces = map[string]*iface{}
	decoded := make(map[string]*Interface, len(c.Interfaces))
	for i := range c.Interfaces {
		decoded[c.Interfaces[i].Name] = &c.Interfaces[i]
	}
	p := n.b.Package(packageName)
	if p == nil {
		return
	}
	for s := range p.OfType("interface") {
		i := &iface{name: s.Name, section: s, cfg: decoded[s.Name]}
		i.proto = i.get("proto")
		if s.Anonymous {
			if i.cfg != nil {
				n.object(i.cfg.Meta, "an interface needs a name: config interface 'lan'")
			}
			continue
		}
		n.ifaces[i.name] = i
		n.order = append(n.order, i)
	}
	for _, i := range n.order {
		n.findDevice(i)
		if i.cfg != nil {
			n.readAddresses(i)
		}
	}
}

// findDevice finds the device an interface stands for, and those of the interfaces on the way.
func (n *network) findDevice(i *iface) {
	var chain []*iface
	for at := i; at != nil && at.step == 0; at = n.ifaces[at.alias()] {
		at.step = 1
		chain = append(chain, at)
	}
	for _, at := range slices.Backward(chain) {
		switch other := at.alias(); {
		case other != "":
			at.device, at.fault = n.follow(at, other)
		case at.get("type") == "bridge" && ours(at.proto):
			at.device = "br-" + at.name
		default:
			at.device, at.fault = n.named(at)
		}
		if at.device != "" && !validDevice(at.device) {
			at.fault = "'" + at.device + "' is not the name of a device: it has 1 to 15 characters, no blank, '/' or ':'"
			at.device = ""
		}
		at.step = 2
	}
}

// given is the device as the section names it.
func (i *iface) given() string { return cmp.Or(i.get("device"), i.get("ifname")) }

// alias is the interface whose device it has, "" when it has its own.
func (i *iface) alias() string {
	if other, ok := strings.CutPrefix(i.given(), "@"); ok && !makesDevice(i.proto) {
		return other
	}
	return ""
}

// named is the device of an interface that says which, or that others make.
func (n *network) named(i *iface) (device, fault string) {
	switch i.proto {
	case "pppoe", "pppoa", "pptp", "3g":
		return i.proto + "-" + i.name, ""
	case "wireguard":
		return i.name, ""
	}
	if given := i.given(); given != "" && !makesDevice(i.proto) {
		return given, ""
	}
	if ours(i.proto) {
		return "", "is missing"
	}
	i.found = true
	if device, ok := n.b.Device(i.name); ok {
		return device, ""
	}
	return "", "is missing"
}

// makesDevice reports whether interfaces of a proto are devices of their own, so that their
// option device, if there is one, is something else.
func makesDevice(proto string) bool {
	for _, prefix := range []string{"gre", "l2tp", "vti", "xfrm", "ipip", "6in4", "6rd", "6to4", "vxlan"} {
		if strings.HasPrefix(proto, prefix) {
			return true
		}
	}
	return false
}

// follow finds the device of the interface that "@other" names.
func (n *network) follow(i *iface, other string) (device, fault string) {
	o := n.ifaces[other]
	if o == nil {
		if device, ok := n.b.Device(other); ok {
			return device, ""
		}
		return "", "'@" + other + "' names no interface; " + n.listInterfaces()
	}
	if o.step == 1 {
		return "", "'@" + other + "' leads back to interface '" + i.name + "' itself; name a real device in one of them"
	}
	if o.device == "" {
		return "", "'@" + other + "': that interface has no device itself"
	}
	return o.device, ""
}

// provide tells the other services which device each interface stands for.
func (n *network) provide() {
	for _, i := range n.order {
		n.b.Provide(services.InterfaceProto, i.name, cmp.Or(i.proto, "none"))
		if i.device != "" && !i.found { // what was found would prove itself in the next round
			n.b.Provide(services.InterfaceDevice, i.name, i.device)
		}
		if i.cfg == nil && strings.Contains(i.fault, "leads back") {
			n.b.Problem(circle(n.b.Package(packageName), i))
		}
	}
}

// circle is the Problem of a section that is not claimed.
func circle(p *uci.Package, i *iface) uci.Problem {
	s := i.section
	pos := s.Pos
	if o := s.Option("device"); o != nil {
		pos = o.Pos()
	}
	return uci.Problem{Package: p.Name(), File: pos.File, Line: pos.Line, Type: s.Type, Section: s.Ref(),
		Anonymous: s.Anonymous, Option: "device", Text: "device " + i.fault}
}

// resolve finds the device of a logical interface that a route or a rule names in an option,
// with or without an @ in front.
func (n *network) resolve(m uci.Meta, option, given string) (i *iface, device string, ok bool) {
	name := strings.TrimPrefix(given, "@")
	if i = n.ifaces[name]; i != nil {
		if i.device == "" {
			return i, "", n.refuse(m, option, "'%s' has no device: see %s", given, place(i.section))
		}
		return i, i.device, true
	}
	if device, ok = n.b.Device(name); ok {
		return nil, device, true
	}
	return nil, "", n.refuse(m, option, "'%s' is not known; %s", given, n.listInterfaces())
}

// listed bounds how many interfaces a Problem lists.
const listed = 12

func (n *network) listInterfaces() string {
	if n.known == "" {
		n.known = listNames(slices.Sorted(maps.Keys(n.ifaces)))
	}
	return n.known
}

func listNames(names []string) string {
	switch {
	case len(names) == 0:
		return "there is no interface section; add one, or say option device"
	case len(names) > listed:
		return "there are " + strings.Join(names[:listed], ", ") + " and " + strconv.Itoa(len(names)-listed) + " more"
	case len(names) == 1:
		return "there is " + names[0]
	}
	return "there are " + strings.Join(names, ", ")
}

// validDevice reports whether the kernel could have a device of that name (dev_valid_name).
func validDevice(name string) bool {
	return name != "" && len(name) <= 15 && name != "." && name != ".." && !strings.ContainsAny(name, "/: \t\n\v\f\r")
}

// index is the ifindex of a device, in decimal, when it is there.
func (n *network) index(device string) (uint32, bool) {
	text, ok := n.b.Fact(link.Index, device)
	value, err := strconv.ParseUint(text, 10, 32)
	return uint32(value), ok && err == nil
}
