// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"net"
	"os"
	"strings"
	"time"

	"ucid/internal/kind/proc"
)

// readyPatience bounds one look at a readiness.
const readyPatience = time.Second

// readyNotify means that the process says it itself, as sd_notify(3) does.
const readyNotify = "notify"

// ready looks once, aside, whether the process is ready.
func (p *process) ready(run proc.Proc) {
	if run.Ready == readyNotify {
		if p.saidReady {
			p.m.isReady()
		}
		return
	}
	if p.asking {
		return
	}
	p.asking = true
	pid := p.m.pid
	p.d.goAside(func() {
		yes := p.d.cameUp(run)
		p.d.mu.Lock()
		defer p.d.mu.Unlock()
		p.asking = false
		if yes && !p.d.closed && p.m.pid == pid {
			p.m.isReady()
		}
	})
}

func (d *Driver) cameUp(run proc.Proc) bool {
	how, what, _ := strings.Cut(run.Ready, ":")
	switch how {
	case "file":
		_, err := os.Stat(what)
		return err == nil
	case "socket":
		return answers("unix", what)
	case "exec":
		return d.ask(run, run.Ready, readyLimit) == nil
	case "tcp":
		return answers("tcp", what)
	}
	return false
}

func answers(network, address string) bool {
	c, err := net.DialTimeout(network, address, readyPatience)
	if err != nil {
		return false
	}
	c.Close()
	return true
}
