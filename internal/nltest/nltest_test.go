// SPDX-License-Identifier: Apache-2.0

package nltest

import (
	"net"
	"os"
	"os/exec"
	"testing"
)

func TestMain(m *testing.M) { Main(m) }

func TestOwnNamespaces(t *testing.T) {
	if os.Getpid() != 1 || os.Getuid() != 0 {
		t.Errorf("pid %d, uid %d, want 1 and 0", os.Getpid(), os.Getuid())
	}
	devices, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	if len(devices) != 1 || devices[0].Name != "lo" || devices[0].Flags&net.FlagUp == 0 {
		t.Errorf("devices %v, want lo alone, up", devices)
	}
	if err := os.WriteFile("/run/netns/probe", nil, 0o600); err != nil {
		t.Error(err)
	}
	os.Remove("/run/netns/probe")
}

// A test binary often runs itself as a helper.
func TestExecutableStaysInReach(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(self, "-test.list=TestMain").CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func TestVethIntoNamespace(t *testing.T) {
	ns := NewNS(t, "far")
	Veth(t, "near0", "far0", ns)
	Bridge(t, "br0", "near0")
	Address(t, "br0", "192.0.2.1/24")
	ns.Address(t, "far0", "192.0.2.2/24")

	var server net.Listener
	err := ns.Do(func() (err error) {
		server, err = net.Listen("tcp", "192.0.2.2:0")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	client, err := net.Dial("tcp", server.Addr().String())
	if err != nil {
		t.Fatalf("cannot reach the other namespace: %v", err)
	}
	client.Close()
}

func TestDeleteGone(t *testing.T) {
	Veth(t, "a0", "b0", nil)
	Delete(t, "a0")
	Delete(t, "b0")
}
