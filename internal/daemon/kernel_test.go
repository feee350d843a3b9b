// SPDX-License-Identifier: Apache-2.0

package daemon_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
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

const office = `
config route 'office'
	option interface 'wan'
	option target '198.51.100.0/24'
	option gateway '192.0.2.9'
`

// kernelRoutes returns the IPv4 routes to a prefix, as "GATEWAY proto N".
func kernelRoutes(t testing.TB, prefix string) []string {
	t.Helper()
	_, dst, err := net.ParseCIDR(prefix)
	if err != nil {
		t.Fatal(err)
	}
	routes, err := netlink.RouteListFiltered(unix.AF_INET, &netlink.Route{Dst: dst}, netlink.RT_FILTER_DST)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, r := range routes {
		found = append(found, fmt.Sprintf("%s proto %d", r.Gw, r.Protocol))
	}
	return found
}

// via waits until the one route to a prefix has the gateway, and is ours.
func via(t testing.TB, prefix, gateway string) {
	t.Helper()
	want := fmt.Sprintf("[%s proto %d]", gateway, services.DefaultProtocol)
	eventually(t, func() error {
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
	_, dst, err := net.ParseCIDR(prefix)
	if err != nil {
		t.Fatal(err)
	}
	link, err := netlink.LinkByName("wan")
	if err != nil {
		t.Fatal(err)
	}
	return &netlink.Route{Dst: dst, Gw: net.ParseIP(gateway), LinkIndex: link.Attrs().Index, Protocol: netlink.RouteProtocol(protocol)}
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

// startTime is that of a process (proc(5), field 22 of stat), "" when there is none.
func startTime(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 20 || fields[0] == "Z" {
		return ""
	}
	return fields[19]
}

func kill(t testing.TB, pid int, sig syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
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
