// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"ucid/internal/engine"
	"ucid/internal/kind/route"
)

// Foreign tells which places are held by routes of others. The same route, but for its
// protocol and lifetime, satisfies the wish.
func (d *Driver) Foreign(_ context.Context, routes []route.Route) ([]engine.Standing, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.devices.Load(d.conn); err != nil {
		return nil, err
	}
	if len(routes) > fewStrangers {
		if strangers, ok, err := d.strangers(); ok || err != nil {
			return d.standings(routes, func(i int) place { return strangers[routes[i].Key()] }), err
		}
	}
	places := make([]place, len(routes))
	err := d.survey(len(routes), func(i int) *route.Route { return &routes[i] }, places)
	return d.standings(routes, func(i int) place { return places[i] }), err
}

func (d *Driver) standings(routes []route.Route, at func(int) place) []engine.Standing {
	found := make([]engine.Standing, len(routes))
	for i := range routes {
		found[i] = d.stands(at(i), &routes[i])
	}
	return found
}

// fewStrangers is how many routes of others are looked up by place rather than the places
// asked about: who asks about many does so on a machine with few others.
const fewStrangers = 4096

// strangers finds all routes of others, unless they are too many.
func (d *Driver) strangers() (places map[route.Key]place, ok bool, err error) {
	places = map[route.Key]place{}
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		err := d.dump(family, 0, 0, func() {}, func(r *route.Route, protocol uint8) {
			if protocol != d.options.Protocol && len(places) <= fewStrangers {
				places[r.Key()] = append(places[r.Key()], standing{*r, protocol})
			}
		})
		if err != nil {
			return nil, false, err
		}
	}
	return places, len(places) <= fewStrangers, nil
}

func (d *Driver) stands(p place, r *route.Route) engine.Standing {
	for n := range p {
		s := &p[n]
		if s.protocol == d.options.Protocol || d.claimed(s) {
			continue
		}
		return engine.Standing{Same: p.holder(r) != nil, Owner: ProtocolName(s.protocol)}
	}
	return engine.Standing{}
}

// claimed reports whether the ledger says that it is ours.
func (d *Driver) claimed(s *standing) bool {
	r := s.route
	return d.claim(&r, s.protocol)
}

// protocolNames are those of linux/rtnetlink.h.
var protocolNames = map[uint8]string{
	unix.RTPROT_UNSPEC: "unspec", unix.RTPROT_REDIRECT: "redirect", unix.RTPROT_KERNEL: "kernel",
	unix.RTPROT_BOOT: "boot", unix.RTPROT_STATIC: "static", unix.RTPROT_GATED: "gated",
	unix.RTPROT_RA: "ra", unix.RTPROT_MRT: "mrt", unix.RTPROT_ZEBRA: "zebra", unix.RTPROT_BIRD: "bird",
	unix.RTPROT_DNROUTED: "dnrouted", unix.RTPROT_XORP: "xorp", unix.RTPROT_NTK: "ntk",
	unix.RTPROT_DHCP: "dhcp", unix.RTPROT_MROUTED: "mrouted", unix.RTPROT_KEEPALIVED: "keepalived",
	unix.RTPROT_BABEL: "babel", unix.RTPROT_OPENR: "openr", unix.RTPROT_BGP: "bgp",
	unix.RTPROT_ISIS: "isis", unix.RTPROT_OSPF: "ospf", unix.RTPROT_RIP: "rip", unix.RTPROT_EIGRP: "eigrp",
}

// ProtocolName is the name of an rtm_protocol: that of the kernel's header, or of the
// rt_protos files of iproute2, or "protocol N".
func ProtocolName(n uint8) string {
	if name, ok := protocolNames[n]; ok {
		return name
	}
	if name, ok := readProtocols()[n]; ok {
		return name
	}
	return fmt.Sprintf("protocol %d", n)
}

// readProtocols reads the files once: they are part of the installation.
var readProtocols = sync.OnceValue(func() map[uint8]string {
	names := map[uint8]string{}
	for _, pattern := range []string{
		"/usr/share/iproute2/rt_protos", "/etc/iproute2/rt_protos", "/etc/iproute2/rt_protos.d/*.conf",
	} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			text, _ := os.ReadFile(file)
			parseProtocols(string(text), names)
		}
	}
	return names
})

// parseProtocols reads lines "NUMBER NAME"; # starts a comment.
func parseProtocols(text string, names map[uint8]string) {
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) != 2 {
			continue
		}
		if n, err := strconv.ParseUint(fields[0], 0, 8); err == nil {
			names[uint8(n)] = fields[1]
		}
	}
}
