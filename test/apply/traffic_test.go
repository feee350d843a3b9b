// SPDX-License-Identifier: Apache-2.0

package apply_test

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"ucid/internal/engine"
	"ucid/internal/kind/route"
	routedriver "ucid/internal/kind/route/driver"
	"ucid/internal/nltest"
	"ucid/test/lab"
)

// The gateway changes 4,000 times under 3,000 pings, one a millisecond; none is lost. Most of
// the changes are made by the driver, as many as there is time for by whole applies.
func TestPingsThroughGatewayChanges(t *testing.T) {
	const pings, changes = 3000, 4000
	ns := nltest.NewNS(t, "beyond")
	nltest.Veth(t, "lan", "lanfar", ns)
	ns.Address(t, "lanfar", "192.0.2.8/24")
	ns.Address(t, "lanfar", "192.0.2.9/24")
	ns.Address(t, "lo", "198.51.100.1/32")
	r := lab.New(t)
	lan := "\nconfig interface 'wan'\n\toption device 'lan'\n\toption proto 'static'\n\toption ipaddr '192.0.2.1/24'\n"
	r.Write("network", lan+office("192.0.2.8"))
	r.Start()
	r.Applied()

	p := startPings(t, "198.51.100.1", pings)
	applies := 0
	for ; applies < changes/100; applies++ {
		r.Write("network", lan+office(fmt.Sprintf("192.0.2.%d", 9-applies%2)))
		if c := r.Applied(); c.Changed != 1 {
			t.Fatalf("%+v", c)
		}
	}
	r.Stop() // from here on the driver alone
	d, err := routedriver.New(routedriver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	office := func(i int) route.Route {
		return route.Route{Table: route.TableMain, Dst: netip.MustParsePrefix("198.51.100.0/24"), Type: route.Unicast,
			Gateway: netip.AddrFrom4([4]byte{192, 0, 2, byte(8 + i%2)}), Dev: "lan"}
	}
	pace := time.NewTicker(2 * time.Second / changes)
	defer pace.Stop()
	for i := applies; i < changes; i++ {
		<-pace.C
		change := engine.Change[route.Route]{Op: engine.Modify, Old: office(i), New: office(i + 1)}
		if errs := d.Apply(t.Context(), []engine.Change[route.Route]{change}); errs != nil {
			t.Fatal(errs)
		}
	}
	during := p.sent.Load()
	p.finish(t)
	t.Logf("%d applies and %d changes by the driver, during %d of %d pings; 0 lost", applies, changes-applies, during, pings)
}

// pings are echo requests on their way.
type pings struct {
	conn     *icmp.PacketConn
	n        int64
	sent     atomic.Int64
	answered atomic.Int64
	warm     atomic.Int64 // answers to those before the first
	failed   atomic.Int64
	done     chan struct{}
}

// warmUp is the number of the pings before the first.
const warmUp = 0xffff

// startPings sends n pings, one a millisecond, after the first was answered.
func startPings(t *testing.T, to string, n int) *pings {
	t.Helper()
	conn, err := icmp.ListenPacket("ip4:icmp", "0.0.0.0")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := conn.IPv4PacketConn().PacketConn.(*net.IPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) { unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20) })
	p := &pings{conn: conn, n: int64(n), done: make(chan struct{})}
	t.Cleanup(func() { conn.Close() })
	go p.receive()
	lab.Eventually(t, func() error {
		p.send(to, warmUp)
		if p.warm.Load() == 0 {
			return fmt.Errorf("%s does not answer", to)
		}
		return nil
	})
	p.failed.Store(0)
	go func() {
		defer close(p.done)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for i := range n {
			<-tick.C
			p.send(to, i)
			p.sent.Add(1)
		}
	}()
	return p
}

func (p *pings) send(to string, seq int) {
	m := icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{ID: os.Getpid() & 0xffff, Seq: seq}}
	packet, _ := m.Marshal(nil)
	if _, err := p.conn.WriteTo(packet, &net.IPAddr{IP: net.ParseIP(to)}); err != nil {
		p.failed.Add(1)
	}
}

// receive counts each answer once.
func (p *pings) receive() {
	seen := make([]bool, 1<<16)
	buffer := make([]byte, 1500)
	for {
		n, _, err := p.conn.ReadFrom(buffer)
		if err != nil {
			return
		}
		m, err := icmp.ParseMessage(1, buffer[:n])
		if err != nil || m.Type != ipv4.ICMPTypeEchoReply {
			continue
		}
		switch echo, ok := m.Body.(*icmp.Echo); {
		case !ok || echo.ID != os.Getpid()&0xffff || seen[echo.Seq]:
		case echo.Seq == warmUp:
			p.warm.Add(1)
		default:
			seen[echo.Seq] = true
			p.answered.Add(1)
		}
	}
}

// finish waits for the last ones and expects that none is lost.
func (p *pings) finish(t *testing.T) {
	t.Helper()
	<-p.done
	lab.Eventually(t, func() error {
		if lost := p.n - p.answered.Load(); lost > 0 {
			return fmt.Errorf("%d of %d pings lost, %d of them could not be sent", lost, p.n, p.failed.Load())
		}
		return nil
	})
}
