// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"net"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"ucid/services"
)

// Wan is the interface of the device that New makes.
const Wan = `
config interface 'wan'
	option device 'wan'
	option proto 'static'
	option ipaddr '192.0.2.1/24'
`

// ParseNet is a prefix for netlink.
func ParseNet(t testing.TB, prefix string) *net.IPNet {
	t.Helper()
	_, dst, err := net.ParseCIDR(prefix)
	if err != nil {
		t.Fatal(err)
	}
	return dst
}

// Index is the number of a device.
func Index(t testing.TB, dev string) int {
	t.Helper()
	link, err := netlink.LinkByName(dev)
	if err != nil {
		t.Fatal(err)
	}
	return link.Attrs().Index
}

// RoutesTo returns the IPv4 routes of the main table to a prefix.
func RoutesTo(t testing.TB, prefix string) []netlink.Route {
	t.Helper()
	return routes(t, &netlink.Route{Dst: ParseNet(t, prefix)}, netlink.RT_FILTER_DST)
}

// OurRoutes returns the IPv4 routes of the main table that carry our number.
func OurRoutes(t testing.TB) []netlink.Route {
	t.Helper()
	return routes(t, &netlink.Route{Protocol: services.DefaultProtocol}, netlink.RT_FILTER_PROTOCOL)
}

func routes(t testing.TB, like *netlink.Route, filter uint64) []netlink.Route {
	t.Helper()
	found, err := netlink.RouteListFiltered(unix.AF_INET, like, filter)
	if err != nil {
		t.Fatal(err)
	}
	return found
}
