// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"fmt"
	"strings"
	"time"

	"ucid/internal/api/sock"
	"ucid/internal/control"
	"ucid/internal/event"
	"ucid/internal/revision"
)

// Ask makes one call on a connection of its own.
func Ask[T any](r *Router, method string, params any) (T, error) {
	var result T
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	client, err := sock.Dial(ctx, r.Settings.Socket)
	if err != nil {
		return result, err
	}
	defer client.Close()
	err = client.Call(ctx, method, params, &result)
	return result, err
}

// Must is Ask that has to succeed.
func Must[T any](r *Router, method string, params any) T {
	r.T.Helper()
	result, err := Ask[T](r, method, params)
	if err != nil {
		r.T.Fatalf("%s: %v", method, err)
	}
	return result
}

// Change asks for a change and waits for its end.
func (r *Router) Change(method string, request control.Request) control.Change {
	r.T.Helper()
	c := Must[control.Change](r, method, request)
	if c.ID == "" {
		return c // a window was closed; there is nothing to wait for
	}
	return Must[control.Change](r, "wait", map[string]string{"id": c.ID})
}

// Apply is "ucid reload".
func (r *Router) Apply() control.Change {
	r.T.Helper()
	return r.Change("apply", control.Request{})
}

// Applied is Apply that has to end well.
func (r *Router) Applied() control.Change {
	r.T.Helper()
	c := r.Apply()
	if !c.OK() {
		r.T.Fatalf("not ok: %+v", c)
	}
	return c
}

// Armed is "ucid apply --confirm".
func (r *Router) Armed(window time.Duration, probes ...string) control.Change {
	r.T.Helper()
	c := r.Change("apply", control.Request{Confirm: window, Probes: probes})
	if c.Outcome != control.Armed {
		r.T.Fatalf("not armed: %+v", c)
	}
	return c
}

// Status is without the objects that are well.
func (r *Router) Status() control.Status {
	r.T.Helper()
	return Must[control.Status](r, "status", nil)
}

// History is newest first.
func (r *Router) History() []revision.Revision {
	r.T.Helper()
	return Must[[]revision.Revision](r, "history", nil)
}

// States are those of the revisions, newest first.
func (r *Router) States() string {
	r.T.Helper()
	var words []string
	for _, h := range r.History() {
		words = append(words, string(h.State))
	}
	return strings.Join(words, " ")
}

// Events is one line for each.
func (r *Router) Events() string {
	r.T.Helper()
	var b strings.Builder
	for _, e := range Must[[]event.Event](r, "events", map[string]int{"lines": 0}) {
		fmt.Fprintf(&b, "%s %s %s\n", e.Name, e.Subject, e.Text)
	}
	return b.String()
}

// AwaitRevision waits until a revision is the applied one and nothing waits to be confirmed.
func (r *Router) AwaitRevision(id int) {
	r.T.Helper()
	Eventually(r.T, func() error {
		if s := r.Status(); s.Revision != id || s.Window != nil {
			return fmt.Errorf("revision %d, window %+v; want revision %d and none", s.Revision, s.Window, id)
		}
		return nil
	})
}
