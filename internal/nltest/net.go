// SPDX-License-Identifier: Apache-2.0

package nltest

import (
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// NS is a further network namespace. It has the name in /run/netns too, where "ip netns
// exec" and "ip link set netns" look.
type NS struct {
	Name string
	FD   int
}

// NewNS makes a network namespace with lo up. It goes away at the end of the test.
func NewNS(t testing.TB, name string) *NS {
	t.Helper()
	ns := &NS{Name: name, FD: -1}
	file := "/run/netns/" + name
	err := onThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return err
		}
		if err := bindNS(file); err != nil {
			return err
		}
		return loopbackUp()
	})
	if err == nil {
		ns.FD, err = unix.Open(file, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		t.Fatalf("cannot make network namespace %s: %v", name, err)
	}
	t.Cleanup(func() {
		unix.Close(ns.FD)
		unix.Unmount(file, unix.MNT_DETACH)
		os.Remove(file)
	})
	return ns
}

func bindNS(file string) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	f.Close()
	return unix.Mount("/proc/thread-self/ns/net", file, "", unix.MS_BIND, "")
}

// Do runs f in the namespace, on a thread of its own that ends with f: sockets made there
// stay in the namespace, goroutines started there do not.
func (ns *NS) Do(f func() error) error {
	return onThread(func() error {
		if err := unix.Setns(ns.FD, unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("cannot enter network namespace %s: %w", ns.Name, err)
		}
		return f()
	})
}

// onThread runs f on a thread that is thrown away afterwards.
func onThread(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		err := fmt.Errorf("the test ended inside")
		defer func() { done <- err }()
		err = f()
	}()
	return <-done
}

// Veth makes two devices joined by a cable, both up. The end called b is in ns when that is
// not nil. The pair goes away at the end of the test.
func Veth(t testing.TB, a, b string, ns *NS) {
	t.Helper()
	veth := &netlink.Veth{LinkAttrs: netlink.NewLinkAttrs(), PeerName: b}
	veth.Name = a
	if ns != nil {
		veth.PeerNamespace = netlink.NsFd(ns.FD)
	}
	if err := netlink.LinkAdd(veth); err != nil {
		t.Fatalf("cannot make veth pair %s %s: %v", a, b, err)
	}
	t.Cleanup(func() { Delete(t, a) })
	Up(t, a)
	if ns == nil {
		Up(t, b)
		return
	}
	if err := ns.Do(func() error { return setUp(b, true) }); err != nil {
		t.Fatalf("cannot set %s up: %v", b, err)
	}
}

// Bridge makes a bridge with the ports given, up. It goes away at the end of the test.
func Bridge(t testing.TB, name string, ports ...string) {
	t.Helper()
	bridge := &netlink.Bridge{LinkAttrs: netlink.NewLinkAttrs()}
	bridge.Name = name
	if err := netlink.LinkAdd(bridge); err != nil {
		t.Fatalf("cannot make bridge %s: %v", name, err)
	}
	t.Cleanup(func() { Delete(t, name) })
	for _, port := range ports {
		link, err := netlink.LinkByName(port)
		if err == nil {
			err = netlink.LinkSetMaster(link, bridge)
		}
		if err != nil {
			t.Fatalf("cannot put %s into bridge %s: %v", port, name, err)
		}
	}
	Up(t, name)
}

// Up sets a device up.
func Up(t testing.TB, dev string) {
	t.Helper()
	if err := setUp(dev, true); err != nil {
		t.Fatalf("cannot set %s up: %v", dev, err)
	}
}

// Down sets a device down.
func Down(t testing.TB, dev string) {
	t.Helper()
	if err := setUp(dev, false); err != nil {
		t.Fatalf("cannot set %s down: %v", dev, err)
	}
}

func setUp(dev string, up bool) error {
	link, err := netlink.LinkByName(dev)
	switch {
	case err != nil:
		return err
	case up:
		return netlink.LinkSetUp(link)
	default:
		return netlink.LinkSetDown(link)
	}
}

// Delete removes a device; that it is gone already is fine.
func Delete(t testing.TB, dev string) {
	t.Helper()
	link, err := netlink.LinkByName(dev)
	if _, gone := err.(netlink.LinkNotFoundError); gone {
		return
	}
	if err == nil {
		err = netlink.LinkDel(link)
	}
	if err != nil {
		t.Errorf("cannot remove %s: %v", dev, err)
	}
}

// Address adds an address, "192.0.2.1/24", to a device. An IPv6 address is usable at once,
// without duplicate address detection.
func Address(t testing.TB, dev, address string) {
	t.Helper()
	if err := address1(dev, address); err != nil {
		t.Fatalf("cannot add %s to %s: %v", address, dev, err)
	}
}

// Address adds an address to a device in the namespace.
func (ns *NS) Address(t testing.TB, dev, address string) {
	t.Helper()
	if err := ns.Do(func() error { return address1(dev, address) }); err != nil {
		t.Fatalf("cannot add %s to %s in %s: %v", address, dev, ns.Name, err)
	}
}

func address1(dev, address string) error {
	link, err := netlink.LinkByName(dev)
	if err != nil {
		return err
	}
	addr, err := netlink.ParseAddr(address)
	if err != nil {
		return err
	}
	if addr.IP.To4() == nil {
		addr.Flags = unix.IFA_F_NODAD
	}
	return netlink.AddrAdd(link, addr)
}

// Eventually calls check again and again until it returns nil, at most for deadline. The
// pauses start at a fifth of a millisecond and double up to 20 ms.
func Eventually(t testing.TB, deadline time.Duration, check func() error) {
	t.Helper()
	end := time.Now().Add(deadline)
	for pause := 200 * time.Microsecond; ; pause = min(2*pause, 20*time.Millisecond) {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("still after %v: %v", deadline, err)
		}
		time.Sleep(pause)
	}
}
