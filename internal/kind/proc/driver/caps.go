// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"ucid/internal/engine"
)

// capNames are the capabilities by their numbers, without CAP_.
var capNames = strings.Fields(`CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP
	LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO
	SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE
	AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON
	BPF CHECKPOINT_RESTORE`)

// parseCaps reads names of capabilities, or "none" alone.
func parseCaps(list engine.List) ([]int, error) {
	names := list.Slice()
	if len(names) == 1 && names[0] == "none" {
		return nil, nil
	}
	var all []int
	for _, name := range names {
		n := slices.Index(capNames, name)
		switch {
		case name == "none":
			return nil, errors.New("capabilities: none stands alone")
		case n < 0:
			return nil, fmt.Errorf("capability %q is unknown; they are named as in capabilities(7): NET_ADMIN, NET_RAW …", name)
		case unix.Prctl(unix.PR_CAPBSET_READ, uintptr(n), 0, 0, 0) != nil:
			return nil, fmt.Errorf("this kernel has no capability %s", name)
		}
		all = append(all, n)
	}
	return all, nil
}

// boundCaps takes all capabilities but those of the plan away for good, also from programs
// with file capabilities, and has the rest survive a change of user.
func (p *plan) boundCaps() error {
	if !p.LimitCaps {
		return nil
	}
	for n := 0; unix.Prctl(unix.PR_CAPBSET_READ, uintptr(n), 0, 0, 0) == nil; n++ {
		if slices.Contains(p.Caps, n) {
			continue
		}
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(n), 0, 0, 0); err != nil {
			return fmt.Errorf("cannot drop capability %d: %w", n, err)
		}
	}
	if err := unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("cannot keep capabilities: %w", err)
	}
	return nil
}

// setCaps gives the program the capabilities of the plan, whoever it runs as by now.
func (p *plan) setCaps() error {
	if !p.LimitCaps {
		return nil
	}
	var data [2]unix.CapUserData
	for _, n := range p.Caps {
		data[n/32].Permitted |= 1 << (n % 32)
	}
	for i := range data {
		data[i].Effective, data[i].Inheritable = data[i].Permitted, data[i].Permitted
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	if err := unix.Capset(&header, &data[0]); err != nil {
		return fmt.Errorf("cannot set the capabilities: %w", err)
	}
	for _, n := range p.Caps {
		if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, uintptr(n), 0, 0); err != nil {
			return fmt.Errorf("cannot make capability %d ambient: %w", n, err)
		}
	}
	return nil
}
