// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Exit codes that are not a program's own, as a shell numbers them.
const (
	codeUnknown = -1  // it ended while no daemon looked
	codeNoExec  = 127 // the program could not be executed
	codeSignal  = 128 // plus the number of the signal
)

// An Exit is how a run ended.
type Exit struct {
	Time    time.Time `json:"time,omitzero"`
	Pid     int       `json:"pid,omitempty"`
	Code    int       `json:"code"`              // status, 128+N for signal N, 127 when it could not be executed, -1 unknown
	Signal  string    `json:"signal,omitempty"`  // "SIGKILL"
	Unknown bool      `json:"unknown,omitempty"` // nobody saw how it ended
	Text    string    `json:"text,omitempty"`    // why it could not be executed
}

func (e Exit) String() string {
	switch {
	case e.Time.IsZero():
		return "never ran"
	case e.Unknown:
		return "ended with unknown status"
	case e.Text != "":
		return e.Text
	case e.Signal != "":
		return "killed by " + e.Signal
	}
	return "exited with code " + strconv.Itoa(e.Code)
}

// exitOf reads a wait status.
func exitOf(ws unix.WaitStatus) Exit {
	e := Exit{Time: time.Now(), Code: ws.ExitStatus()}
	if ws.Signaled() {
		e.Code, e.Signal = codeSignal+int(ws.Signal()), signalName(int(ws.Signal()))
	}
	return e
}

// signalName is "SIGHUP", or the number where there is no name.
func signalName(n int) string {
	if name := unix.SignalName(unix.Signal(n)); name != "" {
		return name
	}
	return "signal " + strconv.Itoa(n)
}

// maxSignal is the highest signal number of Linux.
const maxSignal = 64

// parseSignal reads "HUP", "SIGHUP" or "1".
func parseSignal(s string) (int, error) {
	if n, err := strconv.Atoi(s); err == nil {
		if n < 1 || n > maxSignal {
			return 0, fmt.Errorf("signal %d is not in 1 to %d", n, maxSignal)
		}
		return n, nil
	}
	name := strings.ToUpper(s)
	if !strings.HasPrefix(name, "SIG") {
		name = "SIG" + name
	}
	if n := unix.SignalNum(name); n != 0 {
		return int(n), nil
	}
	return 0, fmt.Errorf("%q is not a signal; give a name such as HUP or a number", s)
}
