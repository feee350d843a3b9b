// SPDX-License-Identifier: Apache-2.0

// Package trigger is the service for what is to be run when something happens: sections
// "trigger" of the package ucid. README.md lists the options and the events.
package trigger

import (
	"strings"
	"time"

	"ucid/internal/engine"
	"ucid/internal/kind/trigger"
	"ucid/services"
	"ucid/uci"
)

func init() { services.Register("trigger", services.Packages{services.GlobalsPackage}, compile) }

// Config is what the service reads of the package ucid.
type Config struct {
	Triggers []Trigger `uci:"trigger"`
}

// Trigger is a section trigger.
type Trigger struct {
	uci.Meta
	Enabled  bool          `uci:"enabled,default=1"`
	Event    string        `uci:"event,required"`
	Match    []string      `uci:"match,nosplit"` // NAME=VALUE of the event's data
	Interval time.Duration `uci:"interval,min=1,max=2592000"`
	Command  []string      `uci:"command"`
	Process  string        `uci:"process"`
	Action   string        `uci:"action,enum=start|stop|restart|reload,default=restart"`
	Timeout  time.Duration `uci:"timeout,default=60,min=1,max=3600"`
}

func compile(c *Config, b *services.Builder) {
	for _, t := range c.Triggers {
		if object, ok := t.object(b); ok && t.Enabled {
			services.Want(b, object, t.Meta)
		}
	}
}

// object checks a section as a whole.
func (t Trigger) object(b *services.Builder) (trigger.Trigger, bool) {
	match := map[string]string{}
	for _, entry := range t.Match {
		name, value, ok := strings.Cut(entry, "=")
		if !ok || name == "" {
			return t.refuse(b, "match", "match '%s' is not NAME=VALUE", entry)
		}
		match[name] = value
	}
	switch {
	case t.Anonymous:
		return t.refuse(b, "", "a trigger needs a name: config trigger 'NAME'")
	case (t.Event == "timer") != (t.Interval != 0):
		return t.refuse(b, "interval", "event 'timer' and option interval go together")
	case (len(t.Command) == 0) == (t.Process == ""):
		return t.refuse(b, "command", "give either command or process")
	}
	object := trigger.Trigger{Name: t.Name, Event: t.Event, Match: engine.MakeMap(match), Interval: t.Interval,
		Command: engine.MakeList(t.Command...), Process: t.Process, Timeout: t.Timeout}
	if t.Process != "" {
		object.Action = t.Action
	}
	return object, true
}

func (t Trigger) refuse(b *services.Builder, option, format string, args ...any) (trigger.Trigger, bool) {
	b.Problem(t.Problem(option, format, args...))
	return trigger.Trigger{}, false
}
