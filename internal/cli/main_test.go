// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"os"
	"testing"
	"time"
)

// asProgram in the environment makes the test binary the program ucid.
const asProgram = "UCID_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(Main(os.Args[1:]))
	}
	for _, name := range []string{"NO_COLOR", "FORCE_COLOR", "UCID_SOCKET"} {
		os.Unsetenv(name)
	}
	time.Local = time.UTC
	os.Exit(m.Run())
}
