// SPDX-License-Identifier: Apache-2.0

// Package apply_test proves what a change of configuration promises, on the whole program and
// a kernel of its own: whole or not at all, through kills, restarts and other people.
package apply_test

import (
	"os"
	"testing"

	"ucid/test/lab"
)

func TestMain(m *testing.M) { lab.Main(m) }

// soak reports whether the long variants are wanted.
func soak() bool { return os.Getenv("UCID_SOAK") == "1" }

// running is a router with a configuration that is applied.
func running(t testing.TB, network string) *lab.Router {
	t.Helper()
	r := lab.New(t)
	r.Write("network", network)
	r.Start()
	r.Applied()
	return r
}
