// SPDX-License-Identifier: Apache-2.0

package netmon

import (
	"context"
	"encoding/binary"
	"fmt"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ucid/internal/nltest"
	"ucid/internal/rtnl"
)

func TestMain(m *testing.M) { nltest.Main(m) }

func ip(t testing.TB, args string) {
	t.Helper()
	if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v: %s", args, err, out)
	}
}

// running starts a monitor that ends with the test.
func running(t testing.TB) *Monitor {
	t.Helper()
	m, err := New()
	if err != nil {
		t.Fatal(err)
	}
	run(t, m)
	return m
}

func run(t testing.TB, m *Monitor) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// listen returns a channel that holds one wake.
func listen(m *Monitor, topics Topics) <-chan struct{} {
	woken := make(chan struct{}, 1)
	m.Subscribe(topics, func() {
		select {
		case woken <- struct{}{}:
		default:
		}
	})
	return woken
}

func TestTopics(t *testing.T) {
	m := running(t)
	nltest.Veth(t, "eth1", "eth2", nil)
	nltest.Address(t, "eth1", "10.0.1.1/24")
	for _, test := range []struct {
		topic    Topics
		commands string
	}{
		{Link, "link set eth1 mtu 1400"},
		{Link, "link set eth2 down"},
		{Addr, "addr add 10.0.1.2/24 dev eth1"},
		{Addr, "-6 addr add 2001:db8::1/64 dev eth1"},
		{Route, "route add 10.8.0.0/16 dev eth1"},
		{Route, "-6 route add blackhole 2001:db8:8::/48"},
		{Route, "-6 route del blackhole 2001:db8:8::/48"},
		{Rule, "rule add pref 7 lookup 7"},
		{Rule, "rule del pref 7"},
		{Rule, "-6 rule add pref 7 lookup 7"},
		{Rule, "-6 rule del pref 7"},
	} {
		woken := listen(m, test.topic)
		ip(t, test.commands)
		select {
		case <-woken:
		case <-time.After(5 * time.Second):
			t.Errorf("ip %s woke nobody", test.commands)
		}
	}
}

func TestCancelledSubscription(t *testing.T) {
	m := running(t)
	var count atomic.Int32
	cancel := m.Subscribe(Rule, func() { count.Add(1) })
	cancel()
	woken := listen(m, Rule)
	ip(t, "rule add pref 9 lookup 9")
	<-woken
	ip(t, "rule del pref 9")
	if count.Load() != 0 {
		t.Error("woken after cancel")
	}
}

// A burst that no buffer holds, before anybody reads: everybody is woken, and the monitor
// notices what comes after.
func TestOverrun(t *testing.T) {
	m, err := New()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := m.file.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	err = conn.Control(func(fd uintptr) {
		if err := unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 64<<10); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	rule := listen(m, Rule) // nothing happens to rules but the overrun
	const routes = 20000
	churn(t, routes, unix.RTM_NEWROUTE)
	run(t, m)
	churn(t, routes, unix.RTM_DELROUTE)
	<-rule
	if m.Overruns() == 0 {
		t.Error("no overrun was noticed")
	}
	nltest.Eventually(t, 10*time.Second, func() error {
		route := listen(m, Route)
		ip(t, "route add blackhole 10.9.9.9")
		ip(t, "route del blackhole 10.9.9.9")
		select {
		case <-route:
			return nil
		default:
			return fmt.Errorf("the monitor is dead")
		}
	})
}

// churn adds or deletes that many routes as fast as it can.
func churn(t testing.TB, n int, kind uint16) {
	t.Helper()
	c, err := rtnl.Dial()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	errs := c.Do(n, func(m *rtnl.Message, i int) {
		header := [unix.SizeofRtMsg]byte{0: unix.AF_INET, 1: 32, 4: unix.RT_TABLE_MAIN, 5: unix.RTPROT_STATIC, 7: unix.RTN_BLACKHOLE}
		m.Begin(kind, unix.NLM_F_CREATE, header[:])
		m.Bytes(unix.RTA_DST, binary.BigEndian.AppendUint32(nil, 0x0a000000+uint32(i)))
	})
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestWatchOwnMonitor(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	woken, ended := make(chan struct{}, 1), make(chan error, 1)
	go func() {
		ended <- Watch(ctx, nil, Rule, func() {
			select {
			case woken <- struct{}{}:
			default:
			}
		})
	}()
	nltest.Eventually(t, 5*time.Second, func() error {
		ip(t, "rule add pref 8 lookup 8")
		ip(t, "rule del pref 8")
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
