// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"testing"

	"ucid/internal/kind/trigger"
	"ucid/services/servicetest"
)

func TestArchives(t *testing.T) {
	servicetest.Run(t, "testdata/*.txtar", servicetest.Of[trigger.Trigger](trigger.Kind))
}
