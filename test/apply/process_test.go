// SPDX-License-Identifier: Apache-2.0

package apply_test

import (
	"fmt"

	procdriver "ucid/internal/kind/proc/driver"
)

// sleeps reports whether the process sleeper runs.
func (r *router) sleeps() error {
	for _, p := range must[[]procdriver.Info](r, "service.list", nil) {
		if p.Name == "sleeper" && p.State == "running" {
			return nil
		}
	}
	return fmt.Errorf("sleeper does not run")
}
