// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"ucid/internal/kind/proc"
	procdriver "ucid/internal/kind/proc/driver"
)

// ServiceList lists the processes.
func (c *Control) ServiceList() []procdriver.Info { return c.Processes.List() }

// settleService is how long an action on a process is waited for, beyond which the process
// goes on by itself.
const settleService = 30 * time.Second

// ServiceAction does what is asked of a process, or of all instances of a service, and waits
// until they have settled. An error says which one is not as it was asked to be.
func (c *Control) ServiceAction(ctx context.Context, name, action string, args []string) error {
	names := c.instances(name)
	if len(names) == 0 {
		return &UnknownError{"process", name, c.processNames()}
	}
	for _, n := range names {
		if err := c.Engine.Act(ctx, proc.Kind, n, action, args); err != nil {
			return err
		}
	}
	if action != "start" && action != "stop" && action != "restart" {
		return nil
	}
	return c.awaitProcesses(ctx, names)
}

// awaitProcesses waits until none of the processes is on its way any more.
func (c *Control) awaitProcesses(ctx context.Context, names []string) error {
	ctx, cancel := context.WithTimeout(ctx, settleService)
	defer cancel()
	moved := make(chan struct{}, 1)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		c.Processes.Watch(ctx, func() {
			select {
			case moved <- struct{}{}:
			default:
			}
		})
	}()
	defer func() { cancel(); <-watched }()
	look := time.NewTicker(100 * time.Millisecond) // for what the watch began too late to see
	defer look.Stop()
	for {
		settled, err := c.processesSettled(names)
		if settled {
			return err
		}
		select {
		case <-moved:
		case <-look.C:
		case <-ctx.Done():
			return errors.Join(err, fmt.Errorf("not settled after %s; see 'ucid service list'", settleService))
		}
	}
}

// processesSettled reports whether all have got somewhere, and which of them not where they
// should be.
func (c *Control) processesSettled(names []string) (bool, error) {
	var failed error
	for _, name := range names {
		info, _ := c.Processes.Status(name)
		switch info.State {
		case "starting", "stopping":
			return false, nil
		case "backoff", "failed":
			failed = errors.Join(failed, fmt.Errorf("%s: %s", name, info.Text))
		}
	}
	return true, failed
}

func (c *Control) processNames() []string {
	names := map[string]bool{}
	for _, info := range c.Processes.List() {
		names[info.Name] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// instances are the processes that a name means: the one of that name, or all SERVICE/….
func (c *Control) instances(name string) []string {
	var found []string
	for _, n := range c.processNames() {
		if n == name || strings.HasPrefix(n, name+"/") {
			found = append(found, n)
		}
	}
	return found
}

// A ServiceStatus is how a service is doing as a whole, with the exit status that OpenWrt's
// init scripts give it.
type ServiceStatus struct {
	Name      string            `json:"name"`
	Text      string            `json:"text"` // "running", "running (1/2)", "not running", "inactive", "unknown instance"
	Exit      int               `json:"exit"` // 0 running, 3 inactive, 4 unknown instance, 5 not running
	Instances []procdriver.Info `json:"instances,omitempty"`
}

// ServiceStatus tells how NAME, or NAME/INSTANCE, is doing.
func (c *Control) ServiceStatus(name string) ServiceStatus {
	s := ServiceStatus{Name: name}
	running := 0
	for _, n := range c.instances(name) {
		info, _ := c.Processes.Status(n)
		s.Instances = append(s.Instances, info)
		if info.Pid != 0 {
			running++
		}
	}
	service, _, isInstance := strings.Cut(name, "/")
	switch all := len(s.Instances); {
	case all == 0 && isInstance && len(c.instances(service)) > 0:
		s.Text, s.Exit = "unknown instance", 4
	case all == 0:
		s.Text, s.Exit = "inactive", 3
	case running == 0:
		s.Text, s.Exit = "not running", 5
	case running < all:
		s.Text = fmt.Sprintf("running (%d/%d)", running, all)
	default:
		s.Text = "running"
	}
	return s
}
