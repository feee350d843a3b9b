// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"slices"
	"strings"
	"time"

	"ucid/internal/engine"
	"ucid/internal/event"
	"ucid/services"
	"ucid/uci"
)

// Status is the state of the daemon and of all it looks after.
type Status struct {
	Started   time.Time         `json:"started"`
	Revision  int               `json:"revision"` // 0: nothing was applied yet
	AppliedAt time.Time         `json:"applied_at,omitzero"`
	AppliedBy string            `json:"applied_by,omitempty"`
	Unapplied map[string]string `json:"unapplied,omitempty"` // package: changed, removed or broken
	Busy      bool              `json:"busy,omitempty"`      // a change is being applied; counts and objects are left out
	Services  []string          `json:"services"`
	Counts    []engine.Count    `json:"counts"`
	Objects   []engine.Object   `json:"objects,omitempty"` // all of them, or only those that are not ok
	Problems  []uci.Problem     `json:"problems,omitempty"`
	LastApply *Change           `json:"last_apply,omitempty"`
	Window    *Window           `json:"window,omitempty"` // a change that waits to be confirmed
}

// StatusRequest chooses what a status lists.
type StatusRequest struct {
	All  bool   `json:"all,omitempty"`  // also objects that are ok
	Kind string `json:"kind,omitempty"` // of this kind alone
}

// busyAfter is how long a status waits for an apply before it goes without the objects.
const busyAfter = time.Second

// Status tells how everything is doing.
func (c *Control) Status(r StatusRequest) Status {
	_, revision, _ := c.current()
	s := Status{Started: c.started, Revision: revision.ID, AppliedAt: revision.Time, AppliedBy: revision.Who,
		Unapplied: c.Unapplied(), Problems: c.Problems(), Window: c.Window()}
	for _, service := range services.All() {
		s.Services = append(s.Services, service.Name)
	}
	if s.Busy = !c.Engine.Free(busyAfter); !s.Busy {
		s.Counts = c.Engine.Counts()
		s.Objects = c.Engine.Status(func(o engine.Object) bool {
			return (r.All || o.State != engine.OK) && (r.Kind == "" || o.Ref.Kind == r.Kind)
		})
	}
	if p := c.changes.find(""); p != nil {
		last := c.changes.copyOf(p)
		s.LastApply = &last
	}
	return s
}

// An Explanation is all that is known of one object, and what happened to it last.
type Explanation struct {
	engine.Explanation
	Events []event.Event `json:"events,omitempty"` // oldest first
}

// eventsToExplain is how many events an explanation shows.
const eventsToExplain = 5

// Why explains one object. Its name is KIND:NAME, or NAME alone, where NAME is that of the
// object or of the section that asked for it.
func (c *Control) Why(ctx context.Context, name string) []Explanation {
	var explained []Explanation
	for _, e := range c.find(ctx, name) {
		explained = append(explained, Explanation{e, c.eventsOf(e.Object.Ref)})
	}
	return explained
}

func (c *Control) find(ctx context.Context, name string) []engine.Explanation {
	if kind, rest, ok := strings.Cut(name, ":"); ok {
		if found := c.Engine.Explain(ctx, kind, rest); len(found) > 0 {
			return found
		}
	}
	return c.Engine.Explain(ctx, "", name)
}

func (c *Control) eventsOf(ref engine.Ref) []event.Event {
	var found []event.Event
	for _, e := range slices.Backward(c.Events.Last(0)) {
		if e.Subject == ref.Name && strings.HasPrefix(e.Name, ref.Kind+".") && len(found) < eventsToExplain {
			found = append(found, e)
		}
	}
	slices.Reverse(found)
	return found
}

// Adopt makes an object that somebody else made ours, so that it is changed and removed as
// the configuration says. Its name is as in [Control.Why].
func (c *Control) Adopt(ctx context.Context, kind, name string) error {
	return c.do(ctx, func(ctx context.Context) error {
		found := c.Engine.Explain(ctx, kind, name)
		if len(found) == 0 {
			return &UnknownError{kind, name, nil}
		}
		for _, e := range found {
			if err := c.Engine.Adopt(ctx, e.Object.Ref); err != nil {
				return err
			}
		}
		c.repair(ctx, kind)
		return nil
	})
}

// UnknownError says that there is no such thing, and what there is.
type UnknownError struct {
	Kind, Name string
	Known      []string
}

func (e *UnknownError) Error() string {
	if len(e.Known) == 0 {
		return "there is no " + e.Kind + " " + e.Name + "; there are none"
	}
	return "there is no " + e.Kind + " " + e.Name + "; there are: " + strings.Join(e.Known, ", ")
}
