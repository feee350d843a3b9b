// SPDX-License-Identifier: Apache-2.0

package apply_test

import (
	"strings"
	"testing"
)

func TestDiff(t *testing.T) {
	r := running(t, wan+office("192.0.2.8"))
	r.Write("network", wan+office("192.0.2.9"))
	r.Applied()
	change := "network.office.gateway='192.0.2.8' → '192.0.2.9'"
	if out, status := r.CLI("diff", "1", "2"); status != 0 || strings.TrimSpace(out) != "~ "+change {
		t.Errorf("%d: %s", status, out)
	}
	if out, status := r.CLI("diff", "1"); status != 0 || strings.TrimSpace(out) != "~ "+change {
		t.Errorf("with what is committed: %d: %s", status, out)
	}
	if out, status := r.CLI("diff", "2", "2"); status != 0 || out != "" {
		t.Errorf("with itself: %d: %s", status, out)
	}
	if out, status := r.CLI("diff", "2", "77"); status != 1 || !strings.Contains(out, "revision 77") {
		t.Errorf("with none: %d: %s", status, out)
	}
	if out, status := r.CLI("diff", "new"); status != 2 {
		t.Errorf("not a number: %d: %s", status, out)
	}
}
