// SPDX-License-Identifier: Apache-2.0

package services_test

import (
	"path/filepath"
	"testing"

	"ucid/services"
	_ "ucid/services/all"
	"ucid/uci"
)

// TestShippedFiles holds the configuration that is installed to what the services know.
func TestShippedFiles(t *testing.T) {
	paths, err := filepath.Glob("../files/etc/config/*")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files: %v", err)
	}
	packages := map[string]*uci.Package{}
	for _, path := range paths {
		name := filepath.Base(path)
		if packages[name], err = uci.ReadFile(name, path); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range services.Validate(packages) {
		t.Error(p)
	}
}
