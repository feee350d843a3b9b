// SPDX-License-Identifier: Apache-2.0

package apply_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"ucid/test/lab"
)

const wan = lab.Wan

// routeTo is the text of a named route.
func routeTo(name, target, gateway string) string {
	return fmt.Sprintf("\nconfig route '%s'\n\toption interface 'wan'\n\toption target '%s'\n\toption gateway '%s'\n", name, target, gateway)
}

// office is one route.
func office(gateway string) string { return routeTo("office", "198.51.100.0/24", gateway) }

// ours are the routes and rules of the main table that carry our number, sorted, one a line.
func ours(t testing.TB) string {
	t.Helper()
	var lines []string
	for _, r := range lab.OurRoutes(t) {
		lines = append(lines, fmt.Sprintf("%s via %s", r.Dst, r.Gw))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// via waits until the route to office leads to a gateway; "" means there is none.
func via(t testing.TB, gateway string) {
	t.Helper()
	lab.Eventually(t, func() error {
		if got, want := ours(t), officeVia(gateway); got != want {
			return fmt.Errorf("routes %q, want %q", got, want)
		}
		return nil
	})
}

// viaNow is via for what must be so already.
func viaNow(t testing.TB, gateway string) {
	t.Helper()
	if got, want := ours(t), officeVia(gateway); got != want {
		t.Errorf("routes %q, want %q", got, want)
	}
}

func officeVia(gateway string) string {
	if gateway == "" {
		return ""
	}
	return "198.51.100.0/24 via " + gateway
}
