// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"ucid/internal/engine"
	"ucid/internal/settings"
)

// stopTime is how long a cleanup waits for processes that were told to end.
const stopTime = 30 * time.Second

// Cleanup removes everything that is ours from the system and makes the next start a first
// one, which only watches. The history stays. No daemon may run meanwhile.
func Cleanup(ctx context.Context, s settings.Settings, log *slog.Logger) (engine.Result, error) {
	p, err := open(s, log)
	if err != nil {
		return engine.Result{}, err
	}
	defer p.close()
	if err := p.control.Forget(); err != nil {
		return engine.Result{}, err
	}
	result, err := p.engine.Apply(ctx, &engine.Set{})
	if err != nil {
		return result, err
	}
	return result, p.awaitStop(ctx)
}

// awaitStop waits until no process is left.
func (p *parts) awaitStop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopTime)
	defer cancel()
	moved := make(chan struct{}, 1)
	go p.drivers.procs.Watch(ctx, func() {
		select {
		case moved <- struct{}{}:
		default:
		}
	})
	for {
		left := p.drivers.procs.List()
		if len(left) == 0 {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return fmt.Errorf("%d processes do not end, %s among them", len(left), left[0].Name)
		}
	}
}
