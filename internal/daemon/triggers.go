// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"ucid/internal/event"
	procdriver "ucid/internal/kind/proc/driver"
	"ucid/internal/trigger"
)

// act does what a trigger asks of a process, or of all instances of a service.
func (d *drivers) act(ctx context.Context, name, action string) error {
	var failed error
	found := false
	for _, info := range d.procs.List() {
		if info.Name == name || strings.HasPrefix(info.Name, name+"/") {
			found = true
			failed = errors.Join(failed, d.procs.Act(ctx, info.Name, action, nil))
		}
	}
	if !found {
		return fmt.Errorf("there is no process %s", name)
	}
	return failed
}

// instanceEvents are the words of triggers for what happens to a process.
var instanceEvents = map[string]string{
	procdriver.EventStarted: "start", procdriver.EventExited: "stop", procdriver.EventStopped: "stop",
	procdriver.EventRespawning: "respawn", procdriver.EventFailed: "fail",
}

// fireProc tells triggers what happened to a process.
func (d *drivers) fireProc(e procdriver.Event) {
	word, known := instanceEvents[e.What]
	if !known {
		return
	}
	service, instance, several := strings.Cut(e.Name, "/")
	if !several {
		instance = service
	}
	name, data := trigger.Instance(word, service, instance)
	d.triggers.Fire(name, data) // what cannot be evaluated is shown by the trigger itself
}

func fromTrigger(r trigger.Result) event.Event {
	e := event.Event{Name: "trigger.ran", Subject: r.Service, Text: "on " + r.Event}
	if r.Err != nil {
		e.Name, e.Text = "trigger.failed", "on "+r.Event+": "+r.Err.Error()
	}
	return e
}
