// SPDX-License-Identifier: Apache-2.0

// Package ledger keeps what a driver has to remember beside the kernel: a small JSON file of
// mode 0600 that is whole or the one before, and worth nothing after a reboot. It lies in the
// run directory, which no power cut survives: nothing is synced.
package ledger

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"strings"
)

// Read fills content from the file. It is false when there is none, or it is torn.
func Read(path string, content any) (bool, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return json.Unmarshal(data, content) == nil, nil
}

// Write replaces the file.
func Write(path string, content any) error {
	data, err := json.Marshal(content)
	if err != nil {
		return err
	}
	fresh := path + ".new"
	if err := os.WriteFile(fresh, data, 0o600); err != nil {
		return err
	}
	return os.Rename(fresh, path)
}

// Boot identifies this run of the kernel: what a ledger of another one lists is gone.
func Boot() string {
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(id))
}
