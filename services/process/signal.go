// SPDX-License-Identifier: Apache-2.0

package process

import (
	"strconv"
	"strings"
	"syscall"
)

// signals are those a process may take as the order to read its files again. Their numbers
// are not the same on every machine (MIPS differs).
var signals = map[string]syscall.Signal{
	"HUP": syscall.SIGHUP, "INT": syscall.SIGINT, "QUIT": syscall.SIGQUIT, "ALRM": syscall.SIGALRM,
	"TERM": syscall.SIGTERM, "USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2, "CONT": syscall.SIGCONT,
	"WINCH": syscall.SIGWINCH, "URG": syscall.SIGURG, "IO": syscall.SIGIO, "PWR": syscall.SIGPWR,
}

// maxSignal is the last real-time signal that every architecture has.
const maxSignal = 64

// signal reads reload_signal, by number or by name with or without SIG; 0 is none.
func (d *draft) signal() uint8 {
	text := d.p.ReloadSignal
	if text == "" {
		return 0
	}
	if s, ok := signals[strings.TrimPrefix(strings.ToUpper(text), "SIG")]; ok {
		return uint8(s)
	}
	n, err := strconv.ParseUint(text, 10, 8)
	switch {
	case err != nil || n > maxSignal:
		d.wrong("reload_signal", "'%s' is not a signal: say HUP, USR1, USR2 or another one, or a number up to %d", text, maxSignal)
	case n == uint64(syscall.SIGKILL) || n == uint64(syscall.SIGSTOP):
		d.wrong("reload_signal", "'%s' cannot be caught by a process; say HUP or the like", text)
	}
	return uint8(n)
}
