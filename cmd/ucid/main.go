// SPDX-License-Identifier: Apache-2.0

// Ucid is the UCI configuration manager and supervisor; see 'ucid help'.
package main

import (
	"os"

	"ucid/internal/cli"
	"ucid/internal/kind/proc/driver"
)

func main() {
	driver.MaybeExec()
	os.Exit(cli.Main(os.Args[1:]))
}
