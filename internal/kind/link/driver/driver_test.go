// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"ucid/internal/engine"
	"ucid/internal/kind/link"
	"ucid/internal/nltest"
)

func TestMain(m *testing.M) { nltest.Main(m) }

func open(t testing.TB) *Driver {
	t.Helper()
	d, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func ip(t testing.TB, args string) {
	t.Helper()
	if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v: %s", args, err, out)
	}
}

// expect waits until the facts of a device are those wanted; "" means absent.
func expect(t testing.TB, d *Driver, dev string, want map[string]string) {
	t.Helper()
	nltest.Eventually(t, 5*time.Second, func() error {
		facts, err := d.Facts(context.Background())
		if err != nil {
			return err
		}
		for topic, value := range want {
			if got := facts[engine.Fact{Topic: topic, Name: dev}]; got != value {
				return fmt.Errorf("%s of %s is %q, want %q", topic, dev, got, value)
			}
		}
		return nil
	})
}

func TestFacts(t *testing.T) {
	nltest.Veth(t, "eth1", "eth2", nil)
	ip(t, "link set eth1 addrgenmode none")
	d := open(t)
	nltest.Address(t, "eth1", "10.0.1.1/24")
	nltest.Address(t, "eth1", "2001:db8::1/64")
	ip(t, "route add default via 10.0.1.9 metric 20")
	ip(t, "route add default via 10.0.1.8 metric 10 proto dhcp")
	ip(t, "route add 0.0.0.0/8 via 10.0.1.7")
	ip(t, "-6 route add default via fe80::9 dev eth1 metric 2000")
	ip(t, "-6 route add default from 2001:db8::/64 via fe80::8 dev eth1 metric 100")
	ip(t, "-6 route add 2001:db8:5::/48 via fe80::7 dev eth1 metric 1")
	device, err := net.InterfaceByName("eth1")
	if err != nil {
		t.Fatal(err)
	}
	expect(t, d, "eth1", map[string]string{
		link.Index: fmt.Sprint(device.Index), link.Up: "1",
		link.Gateway4: "10.0.1.8", link.Gateway6: "fe80::8",
	})
	nltest.Down(t, "eth2")
	expect(t, d, "eth1", map[string]string{link.Index: fmt.Sprint(device.Index), link.Up: ""})
	nltest.Delete(t, "eth1")
	expect(t, d, "eth1", map[string]string{link.Index: "", link.Up: "", link.Addresses: "", link.Gateway4: "", link.Gateway6: ""})
}

func TestAddresses(t *testing.T) {
	nltest.Veth(t, "eth1", "eth2", nil)
	ip(t, "link set eth1 addrgenmode none")
	ip(t, "addr flush dev eth1")
	nltest.Address(t, "eth1", "10.0.1.1/24")
	ip(t, "addr add 10.9.0.1 peer 10.9.0.2/32 dev eth1")
	nltest.Address(t, "eth1", "2001:db8::1/64")
	expect(t, open(t), "eth1", map[string]string{link.Addresses: "10.0.1.1/24 10.9.0.1/32 2001:db8::1/64"})
}

// Several ways to go, each over its own device.
func TestGatewayOfEachWay(t *testing.T) {
	nltest.Veth(t, "eth1", "eth2", nil)
	nltest.Address(t, "eth1", "10.0.1.1/24")
	nltest.Address(t, "eth2", "10.0.2.1/24")
	ip(t, "route add default nexthop via 10.0.1.9 nexthop via 10.0.2.9")
	d := open(t)
	expect(t, d, "eth1", map[string]string{link.Gateway4: "10.0.1.9"})
	expect(t, d, "eth2", map[string]string{link.Gateway4: "10.0.2.9"})
}

// With many routes behind the default one the dump is broken off, and the next one works.
func TestManyRoutes(t *testing.T) {
	nltest.Veth(t, "eth1", "eth2", nil)
	nltest.Address(t, "eth1", "10.0.1.1/24")
	cmd := exec.Command("ip", "-batch", "-")
	var lines strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&lines, "route add 10.%d.%d.0/24 via 10.0.1.9\n", 100+i/256, i%256)
	}
	cmd.Stdin = strings.NewReader(lines.String() + "route add default via 10.0.1.7\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	d := open(t)
	for range 3 {
		expect(t, d, "eth1", map[string]string{link.Gateway4: "10.0.1.7"})
	}
}

func TestWatchWakes(t *testing.T) {
	d := open(t)
	ctx, cancel := context.WithCancel(context.Background())
	woken, ended := make(chan struct{}, 1), make(chan error, 1)
	go func() {
		ended <- d.Watch(ctx, func() {
			select {
			case woken <- struct{}{}:
			default:
			}
		})
	}()
	// The watch has begun once a change is noticed.
	nltest.Eventually(t, 5*time.Second, func() error {
		nltest.Veth(t, "eth1", "eth2", nil)
		nltest.Delete(t, "eth1")
		select {
		case <-woken:
			return nil
		default:
			return fmt.Errorf("no wake")
		}
	})
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

var (
	_ engine.FactSource = (*Driver)(nil)
	_ engine.Watcher    = (*Driver)(nil)
)
