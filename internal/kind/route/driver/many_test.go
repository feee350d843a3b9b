// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ucid/internal/engine"
	"ucid/internal/kind/route"
	"ucid/internal/netmon"
	"ucid/internal/nltest"
	"ucid/internal/rtnl"
)

// many makes n routes, IPv4 or IPv6, through eth1.
func many(n int, six bool) []route.Route {
	routes := make([]route.Route, n)
	gateway4, gateway6 := netip.MustParseAddr("10.0.1.2"), netip.MustParseAddr("2001:db8:1::2")
	for i := range routes {
		r := route.Route{Table: route.TableMain, Type: route.Unicast, Dev: "eth1", Gateway: gateway4}
		if six {
			a := [16]byte{0x20, 1, 0xd, 0xb9, byte(i >> 16), byte(i >> 8), byte(i)}
			r.Dst, r.Gateway, r.Metric = netip.PrefixFrom(netip.AddrFrom16(a), 64), gateway6, 1024
		} else {
			r.Dst = netip.PrefixFrom(netip.AddrFrom4([4]byte{20 + byte(i>>16), byte(i >> 8), byte(i), 0}), 24)
		}
		routes[i] = r
	}
	return routes
}

// same counts the routes that are as wanted; both lists are in the order of the kernel.
func same(wanted, found []route.Route) int {
	n := 0
	for i := range min(len(wanted), len(found)) {
		if wanted[i] == found[i] {
			n++
		}
	}
	return n
}

func TestManyRoutes(t *testing.T) {
	cabled(t)
	d := open(t, Options{})
	wanted := slices.Concat(many(20000, false), many(5000, true))
	apply(t, d, create(wanted...))
	slices.SortFunc(wanted, func(a, b route.Route) int { return a.Dst.Compare(b.Dst) })
	found := slices.Clone(observe(t, d))
	slices.SortFunc(found, func(a, b route.Route) int { return a.Dst.Compare(b.Dst) })
	if n := same(wanted, found); n != len(wanted) || len(found) != n {
		t.Fatalf("%d of %d routes as wanted, %d found", n, len(wanted), len(found))
	}
	writes := rtnl.Writes()
	if allocs := testing.AllocsPerRun(3, func() { observe(t, d) }); allocs > float64(len(wanted))/10 {
		t.Errorf("%.0f allocations to observe %d routes", allocs, len(wanted))
	}
	if n := rtnl.Writes() - writes; n != 0 {
		t.Errorf("%d writes to observe", n)
	}
	apply(t, d, create(wanted...)) // once more
	other := slices.Clone(wanted)
	var changes []engine.Change[route.Route]
	for i := range other {
		other[i].MTU = 1400
		changes = append(changes, engine.Change[route.Route]{Op: engine.Modify, Old: wanted[i], New: other[i]})
	}
	apply(t, d, changes)
	apply(t, d, remove(other...))
	expect(t, d)
}

const full = 100000

func BenchmarkInstall(b *testing.B) {
	cabled(b)
	b.Run("driver", func(b *testing.B) { benchInstall(b, false) })
	b.Run("driver-IPv6", func(b *testing.B) { benchInstall(b, true) })
	b.Run("driver-monitored", func(b *testing.B) {
		defer listen(b)()
		benchInstall(b, false)
	})
	b.Run("bare", func(b *testing.B) {
		for range b.N {
			bare(b, full)
			b.StopTimer()
			ip(b, "route flush proto 117")
			b.StartTimer()
		}
	})
	b.Run("ip-batch", func(b *testing.B) {
		var script strings.Builder
		for _, r := range many(full, false) {
			fmt.Fprintf(&script, "route add %s via 10.0.1.2 dev eth1 proto 117\n", r.Dst)
		}
		for range b.N {
			cmd := exec.Command("ip", "-batch", "-")
			cmd.Stdin = strings.NewReader(script.String())
			if out, err := cmd.CombinedOutput(); err != nil {
				b.Fatalf("%v: %s", err, out)
			}
			b.StopTimer()
			ip(b, "route flush proto 117")
			b.StartTimer()
		}
	})
}

func benchInstall(b *testing.B, six bool) {
	d := open(b, Options{})
	changes := create(many(full, six)...)
	gone := remove(many(full, six)...)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		apply(b, d, changes)
		b.StopTimer()
		apply(b, d, gone)
		b.StartTimer()
	}
}

// listen has a monitor run beside the benchmark, as in the daemon.
func listen(b *testing.B) (stop func()) {
	m, err := netmon.New()
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	return func() {
		cancel()
		<-ended
	}
}

// bare installs routes with as little as possible: messages written by hand, 256 a send.
func bare(b *testing.B, n int) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE)
	if err != nil {
		b.Fatal(err)
	}
	defer unix.Close(fd)
	in := make([]byte, 8192)
	var out []byte
	for i := range n {
		flags := uint16(unix.NLM_F_REQUEST | unix.NLM_F_CREATE | unix.NLM_F_EXCL)
		last := i%256 == 255 || i == n-1
		if last {
			flags |= unix.NLM_F_ACK
		}
		out = binary.NativeEndian.AppendUint32(out, 44)
		out = binary.NativeEndian.AppendUint16(out, unix.RTM_NEWROUTE)
		out = binary.NativeEndian.AppendUint16(out, flags)
		out = append(out, byte(i), byte(i>>8), byte(i>>16), 0, 0, 0, 0, 0)
		out = append(out, unix.AF_INET, 24, 0, 0, unix.RT_TABLE_MAIN, 117, 0, unix.RTN_UNICAST, 0, 0, 0, 0)
		out = append(out, 8, 0, unix.RTA_DST, 0, 20+byte(i>>16), byte(i>>8), byte(i), 0)
		out = append(out, 8, 0, unix.RTA_GATEWAY, 0, 10, 0, 1, 2)
		if !last {
			continue
		}
		if err := unix.Sendto(fd, out, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
			b.Fatal(err)
		}
		out = out[:0]
		size, _, err := unix.Recvfrom(fd, in, 0)
		if err != nil || size < 20 || binary.NativeEndian.Uint32(in[16:]) != 0 {
			b.Fatal(err, in[:max(size, 0)])
		}
	}
}

func BenchmarkObserve(b *testing.B) {
	cabled(b)
	for _, six := range []bool{false, true} {
		d := open(b, Options{})
		wanted := many(full, six)
		apply(b, d, create(wanted...))
		name := map[bool]string{false: "IPv4", true: "IPv6"}[six]
		b.Run("driver-"+name, func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				if found := observe(b, d); same(wanted, found) != full {
					b.Fatalf("%d of %d routes as wanted", same(wanted, found), full)
				}
			}
		})
		b.Run("ip-route-show-"+name, func(b *testing.B) {
			for range b.N {
				family := map[bool]string{false: "-4", true: "-6"}[six]
				if err := exec.Command("ip", family, "route", "show", "proto", "117").Run(); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("change10-"+name, func(b *testing.B) {
			other := slices.Clone(wanted[:10])
			for i := range other {
				other[i].MTU = 1400
			}
			observe(b, d)
			d.undisturbed() // once after somebody else added a route
			b.ResetTimer()
			var applied time.Duration
			for n := range b.N {
				from, to := wanted, other
				if n%2 == 1 {
					from, to = other, wanted
				}
				observe(b, d)
				var changes []engine.Change[route.Route]
				for i := range other {
					changes = append(changes, engine.Change[route.Route]{Op: engine.Modify, Old: from[i], New: to[i]})
				}
				start := time.Now()
				apply(b, d, changes)
				applied += time.Since(start)
			}
			b.ReportMetric(float64(applied.Microseconds())/float64(b.N), "apply-µs")
		})
		b.Run("remove-"+name, func(b *testing.B) {
			gone, back := remove(wanted...), create(wanted...)
			for range b.N {
				apply(b, d, gone)
				b.StopTimer()
				apply(b, d, back)
				b.StartTimer()
			}
		})
		apply(b, d, remove(observe(b, d)...))
	}
}

// BenchmarkRepair measures from the deletion of a route to the moment it is there again,
// with n others of ours beside it.
func BenchmarkRepair(b *testing.B) {
	cabled(b)
	for _, n := range []int{10, 1000, 10000} {
		b.Run(fmt.Sprintf("among-%d", n), func(b *testing.B) { benchRepair(b, n) })
	}
}

func benchRepair(b *testing.B, n int) {
	monitor, err := netmon.New()
	if err != nil {
		b.Fatal(err)
	}
	d, vandal := open(b, Options{Monitor: monitor}), open(b, Options{})
	wanted := many(n, false)
	apply(b, d, create(wanted...))
	observe(b, vandal)
	ctx, cancel := context.WithCancel(context.Background())
	woken, ended := make(chan struct{}, 1), make(chan error, 2)
	go func() { ended <- monitor.Run(ctx) }()
	go func() {
		ended <- d.Watch(ctx, func() {
			select {
			case woken <- struct{}{}:
			default:
			}
		})
	}()
	var times []time.Duration
	for i := range max(b.N, 500) {
		start := time.Now()
		err := vandal.conn.One(func(m *rtnl.Message) { vandal.encodeRemoval(m, &wanted[i%n]) })
		if err != nil && !errors.Is(err, unix.ESRCH) {
			b.Fatal(err)
		}
		for repaired := false; !repaired; {
			<-woken
			if found := observe(b, d); len(found) < n {
				apply(b, d, create(firstMissing(wanted, found)))
				repaired = true
			}
		}
		times = append(times, time.Since(start))
	}
	cancel()
	<-ended
	<-ended
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(times[len(times)*99/100].Microseconds()), "p99-µs")
	b.ReportMetric(0, "ns/op")
	apply(b, d, remove(wanted...))
}

// firstMissing compares two lists in the order of the kernel.
func firstMissing(wanted, found []route.Route) route.Route {
	for i := range found {
		if found[i] != wanted[i] {
			return wanted[i]
		}
	}
	return wanted[len(found)]
}

// BenchmarkFlap measures from the moment a device is up again to the moment its routes are.
func BenchmarkFlap(b *testing.B) {
	cabled(b)
	d := open(b, Options{})
	wanted := many(10000, false)
	apply(b, d, create(wanted...))
	for range b.N {
		b.StopTimer()
		nltest.Down(b, "eth1")
		if found := observe(b, d); len(found) != 0 {
			b.Fatalf("%d routes are still there", len(found))
		}
		nltest.Up(b, "eth1")
		b.StartTimer()
		apply(b, d, difference(b, d, wanted, false))
		if found := observe(b, d); same(wanted, found) != len(wanted) {
			b.Fatalf("%d of %d routes are back", same(wanted, found), len(wanted))
		}
	}
}
