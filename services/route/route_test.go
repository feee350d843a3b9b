// SPDX-License-Identifier: Apache-2.0

package route

import (
	"testing"

	"ucid/services/servicetest"
)

func TestArchives(t *testing.T) { servicetest.Run(t, "testdata/*.txtar") }
