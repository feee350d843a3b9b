// SPDX-License-Identifier: Apache-2.0

package daemon_test

import (
	"fmt"
	"strings"
	"testing"

	"ucid/internal/control"
	"ucid/internal/engine"
	"ucid/internal/rtnl"
	"ucid/test/lab"
)

const staticProtocol = 4 // RTPROT_STATIC

func TestForeignRoutesAreLeftAlone(t *testing.T) {
	r := running(t, wan)
	r.Applied()
	addRoute(t, "203.0.113.0/24", "192.0.2.7", staticProtocol)
	r.Applied()
	r.Restart()
	r.Applied()
	if got := fmt.Sprint(kernelRoutes(t, "203.0.113.0/24")); got != "[192.0.2.7 proto 4]" {
		t.Errorf("the foreign route is %s", got)
	}
}

func TestIdenticalForeignRouteSatisfies(t *testing.T) {
	r := running(t, wan)
	r.Applied()
	addRoute(t, "198.51.100.0/24", "192.0.2.9", staticProtocol)
	r.Write("network", wan+office)
	writes := rtnl.Writes()
	r.Applied()
	if n := rtnl.Writes() - writes; n != 0 {
		t.Errorf("%d netlink writes, want 0", n)
	}
	shared := 0
	for _, o := range lab.Must[control.Status](r, "status", map[string]any{"all": true}).Objects {
		if o.Shared && o.Ref.Kind == "route" {
			shared++
		}
	}
	if shared != 1 {
		t.Errorf("%d routes are marked as somebody else's, want 1", shared)
	}
	r.Write("network", wan)
	r.Applied()
	if got := fmt.Sprint(kernelRoutes(t, "198.51.100.0/24")); got != "[192.0.2.9 proto 4]" {
		t.Errorf("the foreign route is %s", got)
	}
}

func TestDifferentForeignRouteIsAConflict(t *testing.T) {
	r := running(t, wan)
	r.Applied()
	addRoute(t, "198.51.100.0/24", "192.0.2.7", staticProtocol)
	r.Write("network", wan+office)
	change := r.Apply()
	if change.OK() || len(change.Faults) != 1 || change.Faults[0].State != engine.Conflict ||
		!strings.Contains(change.Faults[0].Text, "static") {
		t.Errorf("faults %+v, want a conflict that names the owner", change.Faults)
	}
	if plan := lab.Must[control.Plan](r, "plan", nil); len(plan.Conflicts) != 1 || len(plan.Lines) != 0 {
		t.Errorf("plan %+v, want the conflict alone", plan)
	}
	if got := fmt.Sprint(kernelRoutes(t, "198.51.100.0/24")); got != "[192.0.2.7 proto 4]" {
		t.Errorf("the foreign route is %s", got)
	}
}
