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
	ended := make(chan struct{})
	c.mu.Lock()
	t.stopProbes, t.probesEnded = cancel, ended
	c.mu.Unlock()
	go func() {
		defer close(ended)
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

// endProbes ends them and waits for that; the change goes on waiting.
func (c *Control) endProbes() {
	c.mu.Lock()
	t := c.window
	c.mu.Unlock()
	if t != nil && t.stopProbes != nil {
		t.stopProbes()
		<-t.probesEnded
	}
}
