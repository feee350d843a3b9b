// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"errors"

	"ucid/internal/engine"
	"ucid/internal/kind/link"
	"ucid/internal/trigger"
	"ucid/services"
)

// configChange is the event by which rpcd and scripts of OpenWrt say that a package was
// committed.
const configChange = "config.change"

// Event tells the triggers that something happened. A changed package is applied: the
// triggers hear of it once it is. The configuration before stays in the history, so that what
// rpcd never confirmed and never took back can be taken back here; no second timer runs.
func (c *Control) Event(ctx context.Context, who, name string, data map[string]string) error {
	if name != configChange {
		return c.fire(name, data)
	}
	change, err := c.Apply(ctx, Request{Who: who, Message: "config.change of " + data["package"]})
	if err == nil && change.Outcome == Refused {
		err = errors.New(change.Error)
	}
	return err
}

func (c *Control) fire(name string, data map[string]string) error {
	if c.Fire == nil {
		return nil
	}
	return c.Fire(name, data)
}

// tellPackages fires the event of each package that differs between two wishes.
func (c *Control) tellPackages(before, after *wish) {
	if before == nil || before == after {
		return
	}
	for _, name := range differing(before.from.sums(), after.from.sums()) {
		c.logFire(trigger.ConfigChange(name))
	}
}

func (c *Control) logFire(name string, data map[string]string) {
	if err := c.fire(name, data); err != nil {
		c.Log.Warn("triggers", "event", name, "error", err)
	}
}

// tellInterfaces fires what happened to the logical interfaces between two looks.
func (c *Control) tellInterfaces(w *wish, before, after map[engine.Fact]string) {
	if w == nil {
		return
	}
	for fact, device := range w.compiled.Provided() {
		if fact.Topic != services.InterfaceDevice {
			continue
		}
		up, addresses := engine.Fact{Topic: link.Up, Name: device}, engine.Fact{Topic: link.Addresses, Name: device}
		action := ""
		switch {
		case before[up] == "" && after[up] != "":
			action = "up"
		case before[up] != "" && after[up] == "":
			action = "down"
		case before[addresses] != after[addresses]:
			action = "update"
		default:
			continue
		}
		c.logFire(trigger.Interface(action, fact.Name, device))
	}
}
