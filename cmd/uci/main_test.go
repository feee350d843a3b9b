// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// binary is the tool, built once for all tests. Its default directories are none that
// anything else uses.
var binary string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	syscall.Umask(0o022)
	dir, err := os.MkdirTemp("", "uci-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if binary = os.Getenv("UCI_TEST_BINARY"); binary != "" { // in a namespace of a test's own
		return m.Run()
	}
	binary = filepath.Join(dir, "uci")
	if err := build(binary, dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func build(to, dir string) error {
	flags := "-X main.saveDir=" + dir + "/no-save -X main.override=" + dir + "/no-override"
	out, err := exec.Command("go", "build", "-trimpath", "-ldflags", flags, "-o", to, ".").CombinedOutput()
	if err != nil {
		return fmt.Errorf("cannot build: %v\n%s", err, out)
	}
	return nil
}
