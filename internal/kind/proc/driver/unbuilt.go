// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"fmt"

	"ucid/internal/kind/proc"
)

// checkBuilt refuses what this driver does not do yet, instead of leaving it out.
func checkBuilt(p proc.Proc) error {
	for name, asked := range map[string]bool{
		"health": p.Health != proc.Health{}, "hooks": p.HookLimit != 0, "watchdog": p.Watchdog != 0, "error": !p.Errors.Empty(),
	} {
		if asked {
			return fmt.Errorf("%s is not supported by this build", name)
		}
	}
	return nil
}
