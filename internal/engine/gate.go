// SPDX-License-Identifier: Apache-2.0

package engine

import "time"

// A gate is a mutex that one can give up waiting for. It has room for one.
type gate chan struct{}

func (g gate) Lock()   { g <- struct{}{} }
func (g gate) Unlock() { <-g }

// lockWithin reports whether the gate could be locked in a time.
func (g gate) lockWithin(t time.Duration) bool {
	timer := time.NewTimer(t)
	defer timer.Stop()
	select {
	case g <- struct{}{}:
		return true
	case <-timer.C:
		return false
	}
}

// Free waits until the engine is doing nothing, and reports whether that came about in a
// time. What is asked of a busy engine waits for the end of its apply.
func (e *Engine) Free(within time.Duration) bool {
	if !e.mu.lockWithin(within) {
		return false
	}
	e.mu.Unlock()
	return true
}
