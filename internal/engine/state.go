// SPDX-License-Identifier: Apache-2.0

package engine

import "time"

// State is how one wanted object is doing.
type State uint8

const (
	OK        State = iota // as wanted
	Waiting                // it will come: a device, a peer, a start in progress
	Failed                 // the last try failed for good; tried again at the next apply, and slowly meanwhile
	Conflict               // something that is not ours is in its place
	Contested              // somebody keeps changing it; repaired more and more slowly
	Stopped                // stopped by hand, until it is started by hand
)

var stateNames = [...]string{"ok", "pending", "failed", "conflict", "contested", "stopped"}

func (s State) String() string { return stateNames[s] }

// MarshalText writes the word.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the word.
func (s *State) UnmarshalText(text []byte) error {
	for i, name := range stateNames {
		if name == string(text) {
			*s = State(i)
		}
	}
	return nil
}

// Limits of the repair of one object: more than repairsPerMinute and it is contested, the
// next tries then wait retryFirst, twice that, and so on up to retryMost.
const (
	repairsPerMinute = 3
	retryFirst       = 2 * time.Second
	retryMost        = 5 * time.Minute
)

// A record is kept for each object that is not simply all right.
type record struct {
	state   State
	text    string
	since   time.Time
	retry   time.Time     // not before; zero: at the next occasion
	delay   time.Duration // the last backoff
	repairs []time.Time   // of the last minute
}

// held reports whether the object has to be left alone for now.
func (r *record) held(now time.Time) bool {
	return r != nil && now.Before(r.retry)
}

// backOff sets the next try, later each time.
func (r *record) backOff(now time.Time) {
	r.delay = min(max(2*r.delay, retryFirst), retryMost)
	r.retry = now.Add(r.delay)
}

// repaired notes a repair and reports whether the object is contested by now.
func (r *record) repaired(now time.Time) bool {
	kept := r.repairs[:0]
	for _, t := range r.repairs {
		if now.Sub(t) < time.Minute {
			kept = append(kept, t)
		}
	}
	r.repairs = append(kept, now)
	return len(r.repairs) > repairsPerMinute
}

// stale reports whether the record says nothing any more.
func (r *record) stale(now time.Time) bool {
	return r.state == OK && (len(r.repairs) == 0 || now.Sub(r.repairs[len(r.repairs)-1]) >= time.Minute)
}
