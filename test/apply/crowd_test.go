// SPDX-License-Identifier: Apache-2.0

package apply_test

import (
	"fmt"

	"github.com/vishvananda/netlink"

	"ucid/internal/engine"
	"ucid/internal/kind/route"
	"ucid/internal/kind/rule"
	"ucid/services"
)

// check compares ours with what is wanted.
func (c *crowd) check(plan int) {
	c.t.Helper()
	ours, theirs := map[string]bool{}, map[string]bool{}
	for _, r := range c.routes() {
		place := fmt.Sprintf("%s metric %d table %d", r.Dst, r.Priority, r.Table)
		if r.Protocol == services.DefaultProtocol {
			ours[fmt.Sprintf("%s via %s type %d", place, r.Gw, r.Type)] = true
		} else {
			theirs[place] = true
		}
	}
	for _, w := range engine.Wishes[route.Route](c.wanted) {
		k := c.kernelRoute(w.Object, 0)
		place := fmt.Sprintf("%s metric %d table %d", k.Dst, k.Priority, k.Table)
		name := fmt.Sprintf("%s via %s type %d", place, k.Gw, k.Type)
		if !ours[name] && !theirs[place] {
			c.t.Errorf("plan %d: %s is wanted, not there, and its place is free", plan, name)
		}
		delete(ours, name)
	}
	for name := range ours {
		c.t.Errorf("plan %d: %s is ours and not wanted", plan, name)
	}
	c.checkRules(plan)
}

func (c *crowd) checkRules(plan int) {
	c.t.Helper()
	text := func(r *netlink.Rule) string { return fmt.Sprintf("%d from %v table %d", r.Priority, r.Src, r.Table) }
	ours, theirs := map[string]bool{}, map[string]bool{}
	for _, r := range c.rules() {
		if r.Protocol == services.DefaultProtocol {
			ours[text(&r)] = true
		} else {
			theirs[text(&r)] = true
		}
	}
	for _, w := range engine.Wishes[rule.Rule](c.wanted) {
		name := text(c.kernelRule(w.Object, 0))
		if !ours[name] && !theirs[name] {
			c.t.Errorf("plan %d: rule %s is wanted and not there", plan, name)
		}
		delete(ours, name)
	}
	for name := range ours {
		c.t.Errorf("plan %d: rule %s is ours and not wanted", plan, name)
	}
}

// clear takes away what the others made.
func (c *crowd) clear() {
	for _, r := range c.routes() {
		netlink.RouteDel(&r)
	}
	for _, r := range c.rules() {
		if r.Protocol == 99 {
			netlink.RuleDel(&r)
		}
	}
}
