// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"

	"ucid/internal/probe"
)

// startProbes confirms the change when all its probes have succeeded once.
func (c *Control) startProbes(t *transaction) {
	if len(t.Confirm.Probes) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), t.Confirm.Left())
	c.mu.Lock()
	t.stopProbes = cancel
	c.mu.Unlock()
	go func() {
		defer cancel()
		for _, s := range t.Confirm.Probes {
			if err := probe.Persist(ctx, s); err != nil {
				c.Log.Warn("probe", "change", t.ID, "probe", s, "error", err)
				return // the deadline takes the change back
			}
		}
		if _, err := c.Confirm(ctx, t.ID); err != nil {
			c.Log.Warn("the probes succeeded, but", "change", t.ID, "error", err)
		}
	}()
}

// stopProbes ends them; the change goes on waiting.
func (c *Control) stopProbes() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.window != nil && c.window.stopProbes != nil {
		c.window.stopProbes()
	}
}
