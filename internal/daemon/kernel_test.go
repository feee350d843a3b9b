// SPDX-License-Identifier: Apache-2.0

package daemon_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"

	"ucid/services"
	"ucid/test/lab"
)

const wan = lab.Wan

const office = `
config route 'office'
	option interface 'wan'
	option target '198.51.100.0/24'
	option gateway '192.0.2.9'
`

// kernelRoutes returns the IPv4 routes to a prefix, as "GATEWAY proto N".
func kernelRoutes(t testing.TB, prefix string) []string {
	t.Helper()
	var found []string
	for _, r := range lab.RoutesTo(t, prefix) {
		found = append(found, fmt.Sprintf("%s proto %d", r.Gw, r.Protocol))
	}
	return found
}

// via waits until the one route to a prefix has the gateway, and is ours.
func via(t testing.TB, prefix, gateway string) {
	t.Helper()
	want := fmt.Sprintf("[%s proto %d]", gateway, services.DefaultProtocol)
	lab.Eventually(t, func() error {
		if got := fmt.Sprint(kernelRoutes(t, prefix)); got != want {
			return fmt.Errorf("routes to %s: %s, want %s", prefix, got, want)
		}
		return nil
	})
}

// viaNow is via for what must be so already.
func viaNow(t testing.TB, prefix, gateway string) {
	t.Helper()
	want := fmt.Sprintf("[%s proto %d]", gateway, services.DefaultProtocol)
	if got := fmt.Sprint(kernelRoutes(t, prefix)); got != want {
		t.Errorf("routes to %s: %s, want %s", prefix, got, want)
	}
}

func noRoute(t testing.TB, prefix string) {
	t.Helper()
	if got := kernelRoutes(t, prefix); len(got) > 0 {
		t.Errorf("routes to %s: %v, want none", prefix, got)
	}
}

func routeOf(t testing.TB, prefix, gateway string, protocol int) *netlink.Route {
	t.Helper()
	return &netlink.Route{Dst: lab.ParseNet(t, prefix), Gw: net.ParseIP(gateway), LinkIndex: lab.Index(t, "wan"),
		Protocol: netlink.RouteProtocol(protocol)}
}

func addRoute(t testing.TB, prefix, gateway string, protocol int) {
	t.Helper()
	if err := netlink.RouteAdd(routeOf(t, prefix, gateway, protocol)); err != nil {
		t.Fatal(err)
	}
}

func deleteRoute(t testing.TB, prefix, gateway string) {
	t.Helper()
	if err := netlink.RouteDel(routeOf(t, prefix, gateway, services.DefaultProtocol)); err != nil {
		t.Fatal(err)
	}
}

// kernelWrites begins to listen for changes of routes, addresses and rules, of whoever makes
// them; the function it returns tells what changed so far.
func kernelWrites(t testing.TB) func() []string {
	t.Helper()
	routes, addrs := make(chan netlink.RouteUpdate, 1000), make(chan netlink.AddrUpdate, 1000)
	done := make(chan struct{})
	t.Cleanup(func() { close(done) })
	if err := errors.Join(netlink.RouteSubscribe(routes, done), netlink.AddrSubscribe(addrs, done)); err != nil {
		t.Fatal(err)
	}
	return func() []string {
		var lines []string
		for {
			select {
			case u := <-routes:
				lines = append(lines, fmt.Sprintf("route %d: %v", u.Type, u.Route))
			case u := <-addrs:
				lines = append(lines, fmt.Sprintf("addr: %v", u.LinkAddress))
			default:
				return lines
			}
		}
	}
}

// mappedUsers is how many users this user namespace has.
func mappedUsers() int {
	text, _ := os.ReadFile("/proc/self/uid_map")
	fields := strings.Fields(string(text))
	if len(fields) < 3 {
		return 1
	}
	n, _ := strconv.Atoi(fields[2])
	return n
}
