// SPDX-License-Identifier: Apache-2.0

package rtnl

import (
	"errors"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"ucid/internal/nltest"
)

func TestMain(m *testing.M) { nltest.Main(m) }

func dial(t testing.TB) *Conn {
	t.Helper()
	c, err := Dial()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// blackhole makes a request about 10.0.0.0 + i. A length of 40 is a mistake.
func blackhole(m *Message, kind, flags uint16, i int, length uint8) {
	header := [unix.SizeofRtMsg]byte{0: unix.AF_INET, 1: length, 4: unix.RT_TABLE_MAIN, 5: unix.RTPROT_STATIC, 7: unix.RTN_BLACKHOLE}
	m.Begin(kind, flags, header[:])
	m.Addr(unix.RTA_DST, netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}))
}

func count(t testing.TB, c *Conn) int {
	t.Helper()
	n := 0
	err := c.Dump(func(m *Message) {
		header := [unix.SizeofRtMsg]byte{0: unix.AF_INET, 5: unix.RTPROT_STATIC}
		m.Begin(unix.RTM_GETROUTE, 0, header[:])
	}, func() { n = 0 }, func(uint16, []byte) bool { n++; return true })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Every error of a batch belongs to its request, at the edges of a send too.
func TestErrorsByRequest(t *testing.T) {
	c := dial(t)
	const n = 1000
	bad := map[int]bool{0: true, 254: true, 255: true, 256: true, 511: true, 700: true, n - 1: true}
	before := Writes()
	errs := c.Do(n, func(m *Message, i int) {
		length := uint8(32)
		if bad[i] {
			length = 40
		}
		blackhole(m, unix.RTM_NEWROUTE, unix.NLM_F_CREATE|unix.NLM_F_EXCL, i, length)
	})
	if got := Writes() - before; got != n {
		t.Errorf("%d writes counted, want %d", got, n)
	}
	for i := range n {
		if (errs[i] != nil) != bad[i] {
			t.Errorf("request %d: %v", i, errs[i])
		}
	}
	var refusal *Error
	if !errors.As(errs[0], &refusal) || !errors.Is(errs[0], unix.EINVAL) || refusal.Text == "" {
		t.Errorf("error %#v has no number or no text", errs[0])
	}
	if got := count(t, c); got != n-len(bad) {
		t.Errorf("%d routes, want %d", got, n-len(bad))
	}
	c.Do(n, func(m *Message, i int) { blackhole(m, unix.RTM_DELROUTE, 0, i, 32) })
	if got := count(t, c); got != 0 {
		t.Errorf("%d routes left", got)
	}
}

// All requests fail: each says so.
func TestAllFail(t *testing.T) {
	c := dial(t)
	errs := c.Do(600, func(m *Message, i int) { blackhole(m, unix.RTM_DELROUTE, 0, i, 32) })
	for i, err := range errs {
		if !errors.Is(err, unix.ESRCH) {
			t.Fatalf("request %d: %v, want ESRCH", i, err)
		}
	}
	if len(errs) != 600 {
		t.Errorf("%d errors", len(errs))
	}
}

// A dump that nobody wants the rest of does not stand in the way of the next one.
func TestDumpBrokenOff(t *testing.T) {
	c := dial(t)
	const n = 3000
	if errs := c.Do(n, func(m *Message, i int) { blackhole(m, unix.RTM_NEWROUTE, unix.NLM_F_CREATE, i, 32) }); errs != nil {
		t.Fatal(errs[0])
	}
	for range 3 {
		seen := 0
		err := c.Dump(func(m *Message) {
			m.Begin(unix.RTM_GETROUTE, 0, (&[unix.SizeofRtMsg]byte{0: unix.AF_INET, 5: unix.RTPROT_STATIC})[:])
		}, func() {}, func(uint16, []byte) bool { seen++; return seen < 10 })
		if err != nil || seen != 10 {
			t.Fatalf("%d seen, %v", seen, err)
		}
		if got := count(t, c); got != n {
			t.Fatalf("%d routes, want %d", got, n)
		}
	}
	c.Do(n, func(m *Message, i int) { blackhole(m, unix.RTM_DELROUTE, 0, i, 32) })
}

func TestDumpDoesNotAllocate(t *testing.T) {
	c := dial(t)
	const n = 3000
	c.Do(n, func(m *Message, i int) { blackhole(m, unix.RTM_NEWROUTE, unix.NLM_F_CREATE, i, 32) })
	if allocs := testing.AllocsPerRun(5, func() { count(t, c) }); allocs > n/100 {
		t.Errorf("%.0f allocations for %d routes", allocs, n)
	}
	c.Do(n, func(m *Message, i int) { blackhole(m, unix.RTM_DELROUTE, 0, i, 32) })
}

func TestDevices(t *testing.T) {
	c := dial(t)
	var d Devices
	load := func() {
		t.Helper()
		if err := d.Load(c); err != nil {
			t.Fatal(err)
		}
	}
	load()
	lo, ok := d.Find("lo")
	if !ok || lo.Index != 1 || lo.Flags&unix.IFF_UP == 0 || d.Name(1) != "lo" {
		t.Errorf("lo is %+v", lo)
	}
	renames := d.Renames()
	load()
	if d.Renames() != renames {
		t.Error("a rename where none was")
	}
	nltest.Veth(t, "eth1", "eth2", nil)
	load()
	eth, ok := d.Find("eth1")
	if !ok || d.Renames() == renames || eth.Promote {
		t.Errorf("eth1 is %+v", eth)
	}
	if err := c.One(func(m *Message) { m.SetPromote(eth.Index, true) }); err != nil {
		t.Fatal(err)
	}
	load()
	if eth, _ = d.Find("eth1"); !eth.Promote {
		t.Error("promote_secondaries is off")
	}
	if _, ok := d.Find("eth9"); ok {
		t.Error("eth9 is there")
	}
}

func TestClosed(t *testing.T) {
	c := dial(t)
	c.Close()
	if err := c.One(func(m *Message) { m.SetPromote(1, true) }); !errors.Is(err, unix.EBADF) {
		t.Errorf("after Close: %v", err)
	}
}

// Broken input ends the walk and reads nothing beyond.
func FuzzAttrs(f *testing.F) {
	f.Add([]byte{8, 0, 1, 0, 1, 2, 3, 4})
	f.Add([]byte{0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		total := 0
		for a := (Attrs{Rest: data}); a.Next(); {
			total += len(a.Value) + unix.SizeofNlAttr
			_, _, _, _, _ = a.Uint32(), a.Uint8(), a.Addr(), a.Via(), a.Text()
		}
		if total > len(data) {
			t.Errorf("%d bytes of %d", total, len(data))
		}
		for frame, rest, ok := cut(data); ok; frame, rest, ok = cut(rest) {
			_ = parseAck(frame.flags, frame.body)
		}
		_ = parseAck(unix.NLM_F_ACK_TLVS, data)
	})
}

func TestGuard(t *testing.T) {
	ours, theirs := dial(t), dial(t)
	g, err := NewGuard(ours)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	do := func(c *Conn, kind uint16, n int) {
		t.Helper()
		errs := c.Do(n, func(m *Message, i int) { blackhole(m, kind, unix.NLM_F_CREATE, i, 32) })
		if errs != nil {
			t.Fatal(errs)
		}
	}
	expect := func(want bool, when string) {
		t.Helper()
		if got := g.Changed(); got != want {
			t.Errorf("%s: changed is %v", when, got)
		}
	}
	expect(false, "at the start")
	do(ours, unix.RTM_NEWROUTE, 10)
	expect(false, "after routes of ours")
	do(theirs, unix.RTM_DELROUTE, 10)
	expect(false, "after removals")
	do(theirs, unix.RTM_NEWROUTE, 1)
	expect(true, "after a route of somebody else")
	expect(false, "asked again")
	do(theirs, unix.RTM_DELROUTE, 1)
	do(theirs, unix.RTM_NEWROUTE, 10000)
	expect(true, "after an overrun")
	expect(false, "asked again")
	do(theirs, unix.RTM_DELROUTE, 10000)
	nltest.Veth(t, "eth1", "eth2", nil)
	nltest.Address(t, "eth1", "10.9.9.1/24")
	expect(false, "after routes of the kernel")
}
