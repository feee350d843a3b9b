// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestSize holds the tool to what a small router has room for.
func TestSize(t *testing.T) {
	t.Parallel()
	const limit = 3 << 20
	path := filepath.Join(t.TempDir(), "uci")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=mipsle", "GOMIPS=softfloat")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > limit {
		t.Errorf("%d bytes for mipsle, at most %d are allowed", info.Size(), limit)
	}
	t.Logf("%d bytes for mipsle, softfloat, stripped", info.Size())
}
