// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ucid/internal/kind/route"
	"ucid/internal/nltest"
	"ucid/internal/rtnl"
)

// A pinger sends ICMP echo requests and counts the answers.
type pinger struct {
	conn     net.PacketConn
	dst      net.Addr
	request  byte // ICMP type
	reply    byte
	answered atomic.Int64
	refused  atomic.Int64 // by the kernel, for want of a route
	done     sync.Once
	last     chan struct{} // closed with the answer to the last one
}

func newPinger(t testing.TB, to string) *pinger {
	t.Helper()
	p := &pinger{dst: &net.IPAddr{IP: net.ParseIP(to)}, request: 8, reply: 0, last: make(chan struct{})}
	network := "ip4:icmp"
	if netip.MustParseAddr(to).Is6() {
		network, p.request, p.reply = "ip6:ipv6-icmp", 128, 129
	}
	conn, err := net.ListenPacket(network, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	raw, err := conn.(*net.IPConn).SyscallConn()
	if err == nil { // room for all answers, however late they are read
		err = raw.Control(func(fd uintptr) { rtnl.GrowReceiveBuffer(int(fd), 8<<20) })
	}
	if err != nil {
		t.Fatal(err)
	}
	p.conn = conn
	return p
}

const pingID = 0x7563

// send sends n requests a millisecond apart.
func (p *pinger) send(n int) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for i := range n {
		<-tick.C
		packet := []byte{p.request, 0, 0, 0, 0, 0, 0, 0}
		binary.BigEndian.PutUint16(packet[4:], pingID)
		binary.BigEndian.PutUint16(packet[6:], uint16(i))
		binary.BigEndian.PutUint16(packet[2:], checksum(packet)) // the kernel does it for ICMPv6
		if _, err := p.conn.WriteTo(packet, p.dst); err != nil {
			p.refused.Add(1)
		}
	}
}

// receive counts answers until the socket is closed.
func (p *pinger) receive(n int) {
	packet := make([]byte, 1500)
	for {
		size, _, err := p.conn.ReadFrom(packet)
		if err != nil {
			return
		}
		if size < 8 || packet[0] != p.reply || binary.BigEndian.Uint16(packet[4:]) != pingID {
			continue
		}
		p.answered.Add(1)
		if int(binary.BigEndian.Uint16(packet[6:])) == n-1 {
			p.done.Do(func() { close(p.last) })
		}
	}
}

func checksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// The gateway changes all the time under a running ping and nothing is lost.
func TestChangeLosesNothing(t *testing.T) {
	ns := cabled(t)
	for _, address := range []string{"far1 10.0.1.2/24", "far1 10.0.1.3/24", "far2 10.0.2.2/24",
		"far1 2001:db8:1::2/64", "far2 2001:db8:2::2/64", "lo 10.8.0.1/32", "lo 2001:db8:8::1/128"} {
		var dev, prefix string
		for i := range address {
			if address[i] == ' ' {
				dev, prefix = address[:i], address[i+1:]
			}
		}
		ns.Address(t, dev, prefix)
	}
	t.Run("IPv4", func(t *testing.T) {
		pingThroughChanges(t, "10.8.0.1", []route.Route{
			r4("10.8.0.0/16", "10.0.1.2", "eth1"),
			with(r4("10.8.0.0/16", "10.0.2.2", "eth2"), func(r *route.Route) { r.MTU = 1400 }),
			r4("10.8.0.0/16", "", "").Via(hop("10.0.1.3", "eth1", 1), hop("10.0.2.2", "eth2", 2)),
			r4("10.8.0.0/16", "10.0.1.3", "eth1"),
		})
	})
	t.Run("IPv6", func(t *testing.T) {
		pingThroughChanges(t, "2001:db8:8::1", []route.Route{
			r6("2001:db8:8::/48", "2001:db8:1::2", "eth1"),
			r6("2001:db8:8::/48", "2001:db8:2::2", "eth2"),
		})
	})
}

// pingThroughChanges sends 1000 pings and changes the route between them, 500 times at least.
func pingThroughChanges(t *testing.T, to string, ways []route.Route) {
	d := open(t, Options{})
	apply(t, d, create(ways[0]))
	const pings, changes = 1000, 500
	for i := range ways { // neighbours are known on every way
		warm := newPinger(t, to)
		go warm.receive(1)
		nltest.Eventually(t, 5*time.Second, func() error {
			warm.send(1)
			return warm.missing(1)
		})
		apply(t, d, modify(ways[i], ways[(i+1)%len(ways)]))
	}
	p := newPinger(t, to)
	go p.receive(pings)
	sent := make(chan struct{})
	go func() {
		p.send(pings)
		close(sent)
	}()
	tick := time.NewTicker(250 * time.Microsecond)
	defer tick.Stop()
	n := 0
	for running := true; running || n < changes; n++ {
		<-tick.C
		if errs := d.Apply(context.Background(), modify(ways[n%len(ways)], ways[(n+1)%len(ways)])); errs != nil {
			t.Fatal(errs[0])
		}
		select {
		case <-sent:
			running = false
		default:
		}
	}
	select {
	case <-p.last:
	case <-time.After(5 * time.Second):
	}
	nltest.Eventually(t, 5*time.Second, func() error { return p.missing(pings) })
	t.Logf("%d changes, %d of %d pings answered", n, p.answered.Load(), pings)
	apply(t, d, remove(observe(t, d)...))
}

func (p *pinger) missing(sent int) error {
	if n := int(p.answered.Load()); n < sent {
		return fmt.Errorf("%d of %d lost, %d of them not even sent", sent-n, sent, p.refused.Load())
	}
	return nil
}
