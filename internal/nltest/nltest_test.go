// SPDX-License-Identifier: Apache-2.0

package nltest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) { Main(m) }

func TestOwnNamespaces(t *testing.T) {
	if os.Getppid() != 1 || os.Getuid() != 0 {
		t.Errorf("parent %d, uid %d, want 1 and 0", os.Getppid(), os.Getuid())
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

// A process whose parent ends is buried.
func TestNoZombies(t *testing.T) {
	out, err := exec.Command("/bin/sh", "-c", "sleep 0.01 >/dev/null & echo $!").Output()
	if err != nil {
		t.Fatal(err)
	}
	pid := strings.TrimSpace(string(out))
	Eventually(t, 5*time.Second, func() error {
		if _, err := os.Stat("/proc/" + pid); err == nil {
			return fmt.Errorf("process %s is still there", pid)
		}
		return nil
	})
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
