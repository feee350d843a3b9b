// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	procdriver "ucid/internal/kind/proc/driver"
)

// Role is what a caller may do. Each role may do what the ones before it may.
type Role int

const (
	Nobody     Role = iota
	View            // look at everything but secrets
	Operate         // start, stop, reconnect, confirm
	Administer      // change what is configured and applied
)

var roleNames = [...]string{"nobody", "view", "operate", "administer"}

func (r Role) String() string { return roleNames[r] }

// A Caller is who asks. The transport finds out; it never takes the caller's word.
type Caller struct {
	Role Role
	Name string // for the history: "root", "uid 1000"
}

// A Method is something callers can ask for, on every transport.
type Method struct {
	Name string
	Role Role // the least that may ask
	// Call does it. A result that is a [Stream] is sent piece by piece.
	Call func(ctx context.Context, caller Caller, params json.RawMessage) (any, error)
}

// A Stream yields values until it returns; send fails when nobody listens any more.
type Stream func(ctx context.Context, send func(any) error) error

// ErrForbidden says that a caller's role is too low.
type ErrForbidden struct {
	Method     string
	Has, Needs Role
}

func (e *ErrForbidden) Error() string {
	return fmt.Sprintf("%s is for those who may %s; you may %s", e.Method, e.Needs, e.Has)
}

// Methods is the one table of what can be asked, and by whom.
func (c *Control) Methods() []Method {
	return []Method{
		method("status", View, func(_ context.Context, _ Caller, r StatusRequest) (any, error) { return c.Status(r), nil }),
		method("plan", View, func(ctx context.Context, _ Caller, r PlanRequest) (any, error) { return c.Plan(ctx, r) }),
		method("adopt", Administer, func(ctx context.Context, _ Caller, r adoptRequest) (any, error) {
			return none{}, c.Adopt(ctx, r.Kind, r.Name)
		}),
		method("why", View, func(ctx context.Context, _ Caller, r named) (any, error) { return c.Why(ctx, r.Name), nil }),
		method("wait", View, func(ctx context.Context, _ Caller, r waitRequest) (any, error) { return c.Wait(ctx, r.ID) }),
		method("apply", Administer, c.callApply),
		method("confirm", Operate, func(ctx context.Context, _ Caller, r waitRequest) (any, error) { return c.Confirm(ctx, r.ID) }),
		method("rollback", Administer, c.callRollback),
		method("history", View, func(context.Context, Caller, none) (any, error) { return c.History() }),
		method("history.files", Administer, func(_ context.Context, _ Caller, r revisionRequest) (any, error) { return c.Files(r.Revision) }),
		method("history.purge", Administer, func(ctx context.Context, _ Caller, _ none) (any, error) { return none{}, c.Purge(ctx) }),
		method("event", Operate, c.callEvent),
		method("events", View, c.callEvents),
		method("service.list", View, func(context.Context, Caller, none) (any, error) { return c.ServiceList(), nil }),
		method("service.status", View, func(_ context.Context, _ Caller, r named) (any, error) { return c.ServiceStatus(r.Name), nil }),
		method("service.top", View, func(context.Context, Caller, none) (any, error) { return c.Top(), nil }),
		method("service.action", Operate, c.callAction),
		method("logs", View, c.callLogs),
	}
}

type (
	none            struct{}
	named           struct{ Name string }
	waitRequest     struct{ ID string }
	revisionRequest struct{ Revision int }
	adoptRequest    struct{ Kind, Name string }
	eventRequest    struct {
		Event string
		Data  map[string]string
	}
	tailRequest struct {
		Name   string
		Lines  int
		Follow bool
	}
	actionRequest struct {
		Name, Action string
		Args         []string
	}
)

// method gives a function with typed parameters the form of the table.
func method[P any](name string, role Role, call func(context.Context, Caller, P) (any, error)) Method {
	return Method{name, role, func(ctx context.Context, caller Caller, params json.RawMessage) (any, error) {
		if caller.Role < role {
			return nil, &ErrForbidden{name, caller.Role, role}
		}
		var p P
		if len(params) > 0 {
			if err := json.Unmarshal(params, &p); err != nil {
				return nil, fmt.Errorf("%s: bad parameters: %w", name, err)
			}
		}
		return call(ctx, caller, p)
	}}
}

func (c *Control) callApply(ctx context.Context, caller Caller, r Request) (any, error) {
	r.Who = caller.Name
	return c.Apply(ctx, r)
}

func (c *Control) callEvent(ctx context.Context, caller Caller, r eventRequest) (any, error) {
	if r.Event == configChange && caller.Role < Administer {
		return nil, &ErrForbidden{"event " + configChange, caller.Role, Administer}
	}
	return none{}, c.Event(ctx, caller.Name, r.Event, r.Data)
}

func (c *Control) callRollback(ctx context.Context, caller Caller, r Request) (any, error) {
	r.Who = caller.Name
	return c.Rollback(ctx, r)
}

func (c *Control) callAction(ctx context.Context, _ Caller, r actionRequest) (any, error) {
	return none{}, c.ServiceAction(ctx, r.Name, r.Action, r.Args)
}

func (c *Control) callEvents(_ context.Context, _ Caller, r tailRequest) (any, error) {
	if !r.Follow {
		return c.Events.Last(r.Lines), nil
	}
	return Stream(func(ctx context.Context, send func(any) error) error {
		return forward(c.Events.Follow(ctx, r.Lines), send)
	}), nil
}

// A LogLine is a line of output, with the process it comes from.
type LogLine struct {
	Process string `json:"process"`
	procdriver.Line
}

// callLogs answers with the output of a process, or of all instances of a service.
func (c *Control) callLogs(_ context.Context, _ Caller, r tailRequest) (any, error) {
	names := c.instances(r.Name)
	if len(names) == 0 {
		return nil, &UnknownError{"process", r.Name, c.processNames()}
	}
	if !r.Follow {
		return c.logs(names, r.Lines), nil
	}
	return Stream(func(ctx context.Context, send func(any) error) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		return forward(c.follow(ctx, names, r.Lines), send)
	}), nil
}

// logs merges the newest lines of several processes by time.
func (c *Control) logs(names []string, n int) []LogLine {
	all := []LogLine{}
	for _, name := range names {
		for _, line := range c.Processes.Logs(name, n) {
			all = append(all, LogLine{name, line})
		}
	}
	slices.SortStableFunc(all, func(a, b LogLine) int { return a.Time.Compare(b.Time) })
	if n > 0 && len(all) > n {
		all = all[len(all)-n:]
	}
	return all
}

// follow merges what several processes say, as it comes.
func (c *Control) follow(ctx context.Context, names []string, n int) <-chan LogLine {
	out := make(chan LogLine)
	var followed sync.WaitGroup
	for _, name := range names {
		lines := c.Processes.Follow(ctx, name, n)
		followed.Go(func() {
			for line := range lines {
				select {
				case out <- LogLine{name, line}:
				case <-ctx.Done():
				}
			}
		})
	}
	go func() {
		followed.Wait()
		close(out)
	}()
	return out
}

// forward sends what arrives until the channel is closed.
func forward[T any](values <-chan T, send func(any) error) error {
	for v := range values {
		if err := send(v); err != nil {
			return err
		}
	}
	return nil
}
