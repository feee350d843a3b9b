// SPDX-License-Identifier: Apache-2.0

// Command uci reads and changes UCI configuration. It takes the place of OpenWrt's tool of
// that name: same commands, same output, same files.
package main

import (
	"os"

	"ucid/uci"
)

func main() { os.Exit(run(os.Args)) }

func run(args []string) int {
	t := newTool(args[0])
	rest, err := t.options(args[1:])
	if err != nil {
		return t.badOption(err)
	}
	if len(rest) == 0 {
		t.usage()
		return 0
	}
	code := t.command(rest)
	if code == exitUsage {
		t.usage()
	}
	return t.finish(code)
}

// tool is one run of the program.
type tool struct {
	name  string // as it was called, for messages
	store *uci.Store
	out   output

	delimiter string
	input     *os.File
	batch     *uci.Scanner // when commands come from a batch
	quiet     bool
	merge     bool
	noCommit  bool
	plain     bool // show generated names instead of @type[n]
	lenient   bool
	json      bool
	loaded    bool // the command has read a package
	warned    map[string]bool
}

// Where changes wait and what overrides the configuration, unless options say otherwise. The
// linker can set them (-X main.saveDir=…).
var (
	saveDir  = uci.DefaultSaveDir
	override = uci.DefaultOverride
)

func newTool(name string) *tool {
	t := &tool{name: name, delimiter: " ", input: os.Stdin}
	t.store = uci.Open(uci.DefaultConfDir, saveDir)
	t.store.Override = override
	return t
}
