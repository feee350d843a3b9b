// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"log/slog"

	"ucid/internal/control"
	"ucid/internal/daemon"
)

// Start runs the daemon in this process and waits until it answers.
func (r *Router) Start() {
	r.T.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	log := slog.New(slog.NewTextHandler(&r.Log, &slog.HandlerOptions{Level: r.Settings.LogLevel}))
	go func() { ended <- daemon.Run(ctx, r.Settings, log, r.Reload) }()
	r.stop = func() error { cancel(); return <-ended }
	Eventually(r.T, func() error {
		select {
		case err := <-ended:
			ended <- err
			r.T.Fatalf("the daemon ended: %v\n%s", err, r.Log.String())
		default:
		}
		return r.Answers()
	})
}

// Runs reports whether a daemon runs in this process.
func (r *Router) Runs() bool { return r.stop != nil }

// Stop ends the daemon in this process, which must not complain.
func (r *Router) Stop() {
	r.T.Helper()
	if err := r.stop(); err != nil {
		r.T.Errorf("the daemon ended with: %v", err)
	}
	r.stop = nil
}

// Restart ends the daemon and starts another.
func (r *Router) Restart() {
	r.T.Helper()
	r.Stop()
	r.Start()
}

// Answers is nil when a daemon answers.
func (r *Router) Answers() error {
	_, err := Ask[control.Status](r, "status", nil)
	return err
}

// Await waits until a daemon answers.
func (r *Router) Await() {
	r.T.Helper()
	Eventually(r.T, r.Answers)
}
