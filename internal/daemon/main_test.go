// SPDX-License-Identifier: Apache-2.0

package daemon_test

import (
	"testing"

	"ucid/test/lab"
)

func TestMain(m *testing.M) { lab.Main(m) }
