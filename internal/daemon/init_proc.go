// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"log/slog"

	procdriver "ucid/internal/kind/proc/driver"
	"ucid/internal/settings"
)

// procOptions are those of the process supervisor, with groups of its own where it may
// have them.
func procOptions(s settings.Settings, log *slog.Logger, tell func(procdriver.Event)) procdriver.Options {
	group, err := procdriver.FindCgroup(s.RunDir)
	if err != nil {
		log.Info("processes have no cgroups of their own", "reason", err)
	}
	return procdriver.Options{
		RunDir: s.RunDir, Log: log, Cgroup: group, NoCgroup: err,
		Event: tell,
	}
}
