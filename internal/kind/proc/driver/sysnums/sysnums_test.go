// SPDX-License-Identifier: Apache-2.0

package sysnums

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestNumbers(t *testing.T) {
	all := All()
	for name, want := range map[string]uint32{
		"read": unix.SYS_READ, "execve": unix.SYS_EXECVE, "pidfd_open": unix.SYS_PIDFD_OPEN, "openat2": unix.SYS_OPENAT2,
	} {
		if got, ok := all[name]; !ok || got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
	if len(all) < 250 {
		t.Errorf("only %d", len(all))
	}
}
