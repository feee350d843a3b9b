// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"context"
	"fmt"
)

// Shutdown stops all processes, those first that need others, and forgets them. It returns
// when nothing is left of them or ctx ends; each has its own time from SIGTERM to SIGKILL.
func (d *Driver) Shutdown(ctx context.Context) error {
	news := d.subscribe()
	defer d.unsubscribe(news)
	d.mu.Lock()
	var all []*process
	for _, p := range d.procs {
		all = append(all, p)
	}
	d.remove(all)
	d.mu.Unlock()
	for {
		left := d.List()
		if len(left) == 0 {
			return nil
		}
		select {
		case <-news:
		case <-ctx.Done():
			return fmt.Errorf("%d processes do not end, %s among them", len(left), left[0].Name)
		}
	}
}
