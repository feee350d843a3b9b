// SPDX-License-Identifier: Apache-2.0

// Package apply_test proves what a change of configuration promises, on the whole program and
// a kernel of its own: whole or not at all, through kills, restarts and other people.
package apply_test

import (
	"os"
	"testing"

	"ucid/internal/cli"
	procdriver "ucid/internal/kind/proc/driver"
	"ucid/internal/nltest"
)

// asProgram in the environment makes the test binary the program ucid.
const asProgram = "UCID_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	procdriver.MaybeExec()
	if os.Getenv(asProgram) != "" {
		os.Unsetenv(asProgram)
		os.Exit(cli.Main(os.Args[1:]))
	}
	nltest.Main(m)
}

// soak reports whether the long variants are wanted.
func soak() bool { return os.Getenv("UCID_SOAK") == "1" }
