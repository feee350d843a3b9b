// SPDX-License-Identifier: Apache-2.0

package apply_test

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"ucid/services"
)

const wan = `
config interface 'wan'
	option device 'wan'
	option proto 'static'
	option ipaddr '192.0.2.1/24'
`

// routeTo is the text of a named route.
func routeTo(name, target, gateway string) string {
	return fmt.Sprintf("\nconfig route '%s'\n\toption interface 'wan'\n\toption target '%s'\n\toption gateway '%s'\n", name, target, gateway)
}

// office is one route.
func office(gateway string) string { return routeTo("office", "198.51.100.0/24", gateway) }

// ours are the routes and rules of the main table that carry our number, sorted, one a line.
func ours(t testing.TB) string {
	t.Helper()
	routes, err := netlink.RouteListFiltered(unix.AF_INET, &netlink.Route{Protocol: services.DefaultProtocol}, netlink.RT_FILTER_PROTOCOL)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, r := range routes {
		lines = append(lines, fmt.Sprintf("%s via %s", r.Dst, r.Gw))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func parseNet(t testing.TB, prefix string) *net.IPNet {
	t.Helper()
	_, dst, err := net.ParseCIDR(prefix)
	if err != nil {
		t.Fatal(err)
	}
	return dst
}

func index(t testing.TB, dev string) int {
	t.Helper()
	link, err := netlink.LinkByName(dev)
	if err != nil {
		t.Fatal(err)
	}
	return link.Attrs().Index
}

// via waits until the route to office leads to a gateway; "" means there is none.
func via(t testing.TB, gateway string) {
	t.Helper()
	eventually(t, func() error {
		if got, want := ours(t), officeVia(gateway); got != want {
			return fmt.Errorf("routes %q, want %q", got, want)
		}
		return nil
	})
}

// viaNow is via for what must be so already.
func viaNow(t testing.TB, gateway string) {
	t.Helper()
	if got, want := ours(t), officeVia(gateway); got != want {
		t.Errorf("routes %q, want %q", got, want)
	}
}

func officeVia(gateway string) string {
	if gateway == "" {
		return ""
	}
	return "198.51.100.0/24 via " + gateway
}
