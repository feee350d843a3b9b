// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"testing"

	"golang.org/x/sys/unix"
)

// Jobs that hang hold up no other one, and not the end.
func TestPool(t *testing.T) {
	var p pool
	hang, done := make(chan struct{}), make(chan int, 10)
	for i := range 13 {
		p.add(func() {
			if i%4 == 0 {
				<-hang
				return
			}
			done <- i
		})
	}
	for range 9 {
		<-done
	}
	p.close()
	p.add(func() { t.Error("a job after the end") })
	close(hang)
	p.ended.Wait()
	if p.workers != 0 {
		t.Errorf("%d workers are left", p.workers)
	}
}

func TestRemote(t *testing.T) {
	if isRemote("/proc/self/exe") || isRemote("/proc/self/stat") || isRemote("/no/such/file") {
		t.Error("a local file may hang")
	}
	for _, magic := range []uint32{unix.NFS_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC} {
		if !remoteTypes[int64(magic)] {
			t.Errorf("%#x", magic)
		}
	}
}
