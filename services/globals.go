// SPDX-License-Identifier: Apache-2.0

package services

import (
	"strings"

	"ucid/uci"
)

// GlobalsPackage is the UCI package that says what the router should do as a whole.
const GlobalsPackage = "ucid"

// DefaultProtocol marks routes, rules and addresses as ours: rtm_protocol, FRA_PROTOCOL and
// IFA_PROTO. It is free in linux/rtnetlink.h and in iproute2's tables.
const DefaultProtocol = 117

// Globals is the section "config globals 'globals'" of the package ucid.
type Globals struct {
	uci.Meta
	AutoApply     bool     `uci:"auto_apply,default=0"` // apply what is committed without being asked
	RouteProtocol uint8    `uci:"route_protocol,default=117,min=5,max=254"`
	History       uint16   `uci:"history,default=20,min=1,max=1000"` // applied configurations that are kept
	Package       []string `uci:"package"`                           // NAME=OTHER: read package OTHER in the place of NAME
}

const defaultHistory = 20

type globalsConfig struct {
	Globals Globals `uci:"globals"`
}

// DecodeGlobals reads the globals from the package ucid, which may be nil.
func DecodeGlobals(p *uci.Package) (Globals, uci.Decoding) {
	c := globalsConfig{Globals{RouteProtocol: DefaultProtocol, History: defaultHistory}}
	if p == nil {
		return c.Globals, uci.Decoding{}
	}
	d := p.Decode(&c)
	if c.Globals.RouteProtocol == 0 { // there is no such section, or it is wrong
		c.Globals.RouteProtocol, c.Globals.History = DefaultProtocol, defaultHistory
	}
	return c.Globals, d
}

// packageFor is the package that is read in the place of the one a service names.
func (g Globals) packageFor(name string) string {
	for _, entry := range g.Package {
		if from, to, ok := strings.Cut(entry, "="); ok && from == name && uci.ValidPackage(to) && !strings.ContainsAny(to, "/.") {
			return to
		}
	}
	return name
}
