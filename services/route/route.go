// SPDX-License-Identifier: Apache-2.0

package route

import (
	"net/netip"
	"strconv"
	"strings"

	kroute "ucid/internal/kind/route"
	"ucid/services"
)

// draft is a route in the making. Each step reports what is wrong with its options and makes
// the draft bad, so that all mistakes of a section are seen at once.
type draft struct {
	*network
	r   *Route
	i   *iface // the interface it belongs to, if it is one of the package
	out kroute.Route
	bad bool
}

func (n *network) compileRoutes(routes []Route) {
	for k := range routes {
		r := &routes[k]
		if r.Disabled {
			continue
		}
		d := draft{network: n, r: r}
		if d.make() && n.firstRoute(r.Meta, "target", d.out) {
			services.Want(n.b, d.out, r.Meta)
		}
	}
}

// make compiles the section; false when there is no route of it.
func (d *draft) make() bool {
	d.kind()
	d.target()
	if !d.link() {
		return false
	}
	d.place()
	d.source()
	d.numbers()
	d.ways()
	return !d.bad
}

// wrong reports a mistake in an option.
func (d *draft) wrong(option, format string, args ...any) {
	d.bad = true
	d.refuse(d.r.Meta, option, format, args...)
}

// kind reads what happens to the packets.
func (d *draft) kind() {
	d.out.Type = kroute.Unicast
	if d.r.Kind == "" || d.r.Kind == "unicast" {
		return
	}
	t, ok := parseType(d.r.Kind)
	switch {
	case !ok:
		d.wrong("type", "'%s' is not known; it is one of unicast, local, broadcast, anycast, multicast, "+
			"blackhole, unreachable, prohibit, throw", d.r.Kind)
	case t == kroute.NAT || t == kroute.XResolve:
		d.wrong("type", "'%s' is a type the kernel does not support", d.r.Kind)
	case t == kroute.Broadcast && d.r.ipv6():
		d.wrong("type", "'%s': IPv6 has no broadcast", d.r.Kind)
	}
	d.out.Type = t
}

// parseType reads a route type by name or number.
func parseType(text string) (kroute.Type, bool) {
	if text == "failed_policy" { // a type of OpenWrt's kernels alone; they answer as to prohibit
		return kroute.Prohibit, true
	}
	number, err := strconv.ParseUint(text, 0, 8)
	for t := kroute.Unicast; t <= kroute.XResolve; t++ {
		if t.String() == text || err == nil && uint64(t) == number {
			return t, true
		}
	}
	return kroute.Unicast, false
}

// target reads the destination.
func (d *draft) target() {
	r, everything := d.r, netip.PrefixFrom(zero(d.r.ipv6()), 0)
	if r.Target == "" {
		d.wrong("target", "is missing: for the default route say '%s'", everything)
		return
	}
	p, bare, fault := parsePrefix(r.Target, r.Netmask, r.ipv6())
	if fault == "" {
		fault = hostBits(p)
	}
	switch {
	case fault != "":
		d.wrong("target", "'%s' %s%s", r.Target, fault, otherFamily(r.Target, r.ipv6(), "route", "route6"))
	case bare && p.Addr().IsUnspecified():
		d.wrong("target", "'%s' without a length is the one address; for the default route say '%s'", r.Target, everything)
	case r.Netmask != "" && strings.Contains(r.Target, "/"):
		d.masks(p)
	}
	d.out.Dst = p
}

// masks says so when netmask and the length in target differ; the length wins, as in netifd.
func (d *draft) masks(p netip.Prefix) {
	option := written(d.r.Meta, "netmask")
	if n, fault := parseLength(d.r.Netmask, d.r.ipv6()); fault != "" || n != p.Bits() {
		d.b.Problem(d.r.Warning(option, "%s '%s' is ignored: %s says /%d", option, d.r.Netmask,
			written(d.r.Meta, "target"), p.Bits()))
	}
}

// link finds the interface and the device; false when the interface is not to be used.
func (d *draft) link() bool {
	r := d.r
	drops := d.out.Type.Drops()
	if r.Interface != "" {
		if d.i = d.ifaces[r.Interface]; d.i != nil && d.i.off() {
			d.b.Problem(r.Warning("interface", "interface '%s' is disabled, so there is no route", r.Interface))
			return false
		}
		if d.i != nil && drops {
			return true
		}
		_, device, ok := d.resolve(r.Meta, "interface", r.Interface)
		d.bad = d.bad || !ok
		if r.Device != "" && ok && r.Device != device {
			d.b.Problem(r.Warning("device", "device '%s' is ignored: interface '%s' is %s", r.Device, r.Interface, device))
		}
		d.out.Dev = device
	} else if r.Device != "" {
		d.device()
	}
	if drops {
		d.out.Dev = ""
	}
	return true
}

// device reads the option of that name: a device, or "@interface".
func (d *draft) device() {
	name, alias := strings.CutPrefix(d.r.Device, "@")
	switch {
	case alias:
		_, device, ok := d.resolve(d.r.Meta, "device", d.r.Device)
		d.out.Dev, d.bad = device, d.bad || !ok
	case validDevice(name):
		d.out.Dev = name
	default:
		d.wrong("device", "'%s' is not the name of a device: it has 1 to 15 characters, no blank, '/' or ':'", name)
	}
}

// place finds the table and the metric.
func (d *draft) place() {
	var ok [2]bool
	d.out.Table, ok[0] = d.routeTable(d.r, d.i, d.out.Type)
	d.out.Metric, ok[1] = d.routeMetric(d.r, d.i)
	d.bad = d.bad || !ok[0] || !ok[1]
}
