// SPDX-License-Identifier: Apache-2.0

// Package txn is the journal of one change: what a daemon that was killed, or a machine that
// was switched off, has to know to finish it or to take it back.
package txn

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"ucid/internal/durable"
	"ucid/internal/revision"
)

// State is how far the change is. It is on disk before the step it names begins.
type State string

const (
	Applying State = "applying" // the system, and with Files the configuration, is being changed
	Armed    State = "armed"    // applied; taken back unless it is confirmed before the deadline
	Undoing  State = "undoing"  // being taken back
)

// A Txn is one change.
type Txn struct {
	ID       string                  `json:"id"`
	State    State                   `json:"state"`
	Who      string                  `json:"who,omitempty"`
	Message  string                  `json:"message,omitempty"`
	Started  time.Time               `json:"started"`
	Before   int                     `json:"before"`          // the revision that was applied; 0: none
	Saved    int                     `json:"saved,omitempty"` // the revision that holds the files as they were; 0: they were those of Before
	After    int                     `json:"after,omitempty"` // the pending revision, once it is stored
	Packages map[string]revision.Sum `json:"packages"`        // what is applied; the blobs are stored
	Frozen   []revision.Frozen       `json:"frozen,omitempty"`
	Files    bool                    `json:"files,omitempty"` // the files have to be written, too
	Confirm  *Window                 `json:"confirm,omitempty"`
	Reason   string                  `json:"reason,omitempty"` // why it is undone
}

// A Window is the time in which a change has to be confirmed. It is measured by the clock that
// counts from the boot, so that setting the time of day changes nothing.
type Window struct {
	Length   time.Duration `json:"length_ns"`
	Boot     string        `json:"boot"`        // boot id of the machine
	Deadline time.Duration `json:"deadline_ns"` // since that boot
	Probes   []string      `json:"probes,omitempty"`
}

// Open starts a window of a length now.
func Open(length time.Duration, probes []string) (*Window, error) {
	boot, err := bootID()
	if err != nil {
		return nil, err
	}
	now, err := sinceBoot()
	if err != nil {
		return nil, err
	}
	return &Window{Length: length, Boot: boot, Deadline: now + length, Probes: probes}, nil
}

// Left is the rest of the window: nothing when it has passed, or when the machine was booted
// since.
func (w *Window) Left() time.Duration {
	boot, err := bootID()
	if err != nil || boot != w.Boot {
		return 0
	}
	now, err := sinceBoot()
	if err != nil {
		return 0
	}
	return max(0, w.Deadline-now)
}

func bootID() (string, error) {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(text)), err
}

func sinceBoot() (time.Duration, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return 0, err
	}
	return time.Duration(t.Nano()), nil
}

// A Journal holds at most one change.
type Journal struct{ path string }

// In returns the journal in a directory, which need not exist yet.
func In(dir string) Journal { return Journal{filepath.Join(dir, "txn.json")} }

// Write notes the change; it is on disk when Write returns.
func (j Journal) Write(t Txn) error {
	text, err := json.MarshalIndent(t, "", "\t")
	if err != nil {
		return err
	}
	return durable.WriteFile(j.path, append(text, '\n'))
}

// Read returns the change that is noted; ok is false when there is none.
func (j Journal) Read() (t Txn, ok bool, err error) {
	text, err := os.ReadFile(j.path)
	if errors.Is(err, fs.ErrNotExist) {
		return t, false, nil
	}
	if err != nil {
		return t, false, err
	}
	if err := json.Unmarshal(text, &t); err != nil {
		return t, false, fmt.Errorf("%s is damaged: %w", j.path, err)
	}
	return t, true, nil
}

// End forgets the change.
func (j Journal) End() error { return durable.Remove(j.path) }
