// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"fmt"
	"log/slog"
	"os"

	"ucid/internal/engine"
	"ucid/internal/event"
	"ucid/internal/iproute2names"
	"ucid/internal/kind/addr"
	addrdriver "ucid/internal/kind/addr/driver"
	"ucid/internal/kind/file"
	filedriver "ucid/internal/kind/file/driver"
	linkdriver "ucid/internal/kind/link/driver"
	"ucid/internal/kind/proc"
	procdriver "ucid/internal/kind/proc/driver"
	"ucid/internal/kind/route"
	routedriver "ucid/internal/kind/route/driver"
	"ucid/internal/kind/rule"
	ruledriver "ucid/internal/kind/rule/driver"
	kindtrigger "ucid/internal/kind/trigger"
	triggerdriver "ucid/internal/kind/trigger/driver"
	"ucid/internal/netmon"
	"ucid/internal/settings"
	"ucid/internal/trigger"
	"ucid/services"
)

// drivers are the shared kinds of this build.
type drivers struct {
	monitor *netmon.Monitor
	links   *linkdriver.Driver
	addrs   *addrdriver.Driver
	routes  *routedriver.Driver
	rules   *ruledriver.Driver
	files   *filedriver.Driver
	procs   *procdriver.Driver

	triggers *triggerdriver.Driver
}

func openDrivers(s settings.Settings, g services.Globals, log *slog.Logger, events *event.Log) (*drivers, error) {
	d := &drivers{}
	protocol := g.RouteProtocol
	steps := []struct {
		name string
		open func() error
	}{
		{"netlink monitor", func() (err error) { d.monitor, err = netmon.New(); return }},
		{"link", func() (err error) { d.links, err = linkdriver.New(linkdriver.Options{Monitor: d.monitor}); return }},
		{"addr", func() (err error) {
			d.addrs, err = addrdriver.New(addrdriver.Options{Protocol: protocol, RunDir: s.RunDir, Monitor: d.monitor})
			return
		}},
		{"route", func() (err error) {
			d.routes, err = routedriver.New(routedriver.Options{Protocol: protocol, RunDir: s.RunDir, Monitor: d.monitor})
			return
		}},
		{"rule", func() (err error) {
			d.rules, err = ruledriver.New(ruledriver.Options{Protocol: protocol, Monitor: d.monitor})
			return
		}},
		{"file", func() (err error) { d.files, err = filedriver.New(filedriver.Options{RunDir: s.RunDir}); return }},
		{"proc", func() (err error) {
			d.procs, err = procdriver.New(procOptions(s, log, func(e procdriver.Event) { events.Add(fromProc(e)); d.fireProc(e) }))
			return
		}},
	}
	d.triggers = triggerdriver.New(triggerdriver.Options{Act: d.act, Report: func(r trigger.Result) { events.Add(fromTrigger(r)) }})
	for _, step := range steps {
		if err := step.open(); err != nil {
			return nil, fmt.Errorf("cannot open the %s driver: %w", step.name, err)
		}
	}
	return d, nil
}

// register hands the drivers to the engine, in the order in which people expect them listed.
func (d *drivers) register(e *engine.Engine) {
	e.AddSource(d.links)
	e.AddSource(iproute2names.Source{Root: os.DirFS("/")})
	engine.Add[addr.Addr, addr.Key](e, d.addrs)
	engine.Add[route.Route, route.Key](e, d.routes)
	engine.Add[rule.Rule, rule.Rule](e, d.rules)
	engine.Add[file.File, string](e, d.files)
	engine.Add[proc.Proc, string](e, d.procs)
	engine.Add[kindtrigger.Trigger, string](e, d.triggers)
}

// close lets go of children and sockets; what they made stays.
func (d *drivers) close() {
	d.procs.Close()
	d.triggers.Close()
}
