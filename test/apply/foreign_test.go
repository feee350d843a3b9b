// SPDX-License-Identifier: Apache-2.0

package apply_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"ucid/internal/engine"
	"ucid/internal/kind/route"
	routedriver "ucid/internal/kind/route/driver"
	"ucid/internal/kind/rule"
	ruledriver "ucid/internal/kind/rule/driver"
	"ucid/internal/nltest"
	"ucid/services"
	"ucid/test/lab"
)

// A crowd is a machine on which others make, replace, append and delete routes and rules in
// the very places that we use.
type crowd struct {
	t      *testing.T
	chance *rand.Rand
	e      *engine.Engine
	wanted *engine.Set
	wan    int             // index of the device
	seen   []netlink.Route // last
}

// Whatever we apply, and whatever others do between: what is not ours is never touched, and
// in the end ours is what is wanted, except where others stand in the place.
func TestForeignObjectsAreNeverTouched(t *testing.T) {
	plans := 10000
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	c := newCrowd(t, seed)
	undone, conflicts := 0, 0
	before, own := c.lists()
	for i := range plans {
		for range c.chance.IntN(3) {
			c.others()
			before, own = c.lists()
		}
		c.wanted = c.wish()
		result, err := c.e.Apply(t.Context(), c.wanted)
		if err != nil {
			t.Fatalf("plan %d: %v", i, err)
		}
		after, left := c.lists()
		if after != before {
			if lost := difference(before, after, own); lost != "" {
				t.Fatalf("plan %d touched what is not ours\n%s%+v\nours before: %s", i, lost, result, own)
			}
		}
		before, own = after, left
		if result.Undone {
			undone++
			t.Logf("plan %d undone: %v %v", i, result.Faults, result.Stuck)
			continue
		}
		conflicts += len(result.Faults)
		if i%20 == 0 {
			c.check(i)
		}
	}
	t.Logf("%d plans, %d conflicts, %d undone", plans, conflicts, undone)
	if conflicts == 0 || undone > plans/100 {
		t.Errorf("%d conflicts, %d undone: the test does not test", conflicts, undone)
	}
}

func newCrowd(t *testing.T, seed uint64) *crowd {
	nltest.Veth(t, "wan", "far", nil)
	nltest.Address(t, "wan", "192.0.2.1/24")
	nltest.Address(t, "wan", "2001:db8::1/64")
	routes, err := routedriver.New(routedriver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	rules, err := ruledriver.New(ruledriver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := &crowd{t: t, chance: rand.New(rand.NewPCG(seed, 0)), e: engine.New(engine.Options{}), wan: lab.Index(t, "wan")}
	engine.Add[route.Route, route.Key](c.e, routes)
	engine.Add[rule.Rule, rule.Rule](c.e, rules)
	t.Cleanup(func() {
		c.e.Apply(t.Context(), &engine.Set{})
		routes.Close()
		c.clear()
	})
	return c
}

// place is one of few places for routes, so that everybody meets there.
func (c *crowd) place() route.Route {
	n := c.chance.IntN(6)
	r := route.Route{Table: route.TableMain, Type: route.Unicast, Dev: "wan",
		Dst: netip.MustParsePrefix(fmt.Sprintf("10.%d.0.0/16", n)), Gateway: netip.AddrFrom4([4]byte{192, 0, 2, byte(8 + c.chance.IntN(3))})}
	if c.chance.IntN(2) == 0 {
		r.Table = 100
	}
	if c.chance.IntN(2) == 0 {
		r.Metric = 10
	}
	if c.chance.IntN(3) == 0 { // IPv6
		r.Dst = netip.MustParsePrefix(fmt.Sprintf("2001:db8:%d::/48", n+1))
		r.Gateway = netip.MustParseAddr(fmt.Sprintf("2001:db8::%d", 8+c.chance.IntN(3)))
		r.Metric = max(r.Metric, 1) * 1024
	}
	if c.chance.IntN(5) == 0 {
		r.Type, r.Dev, r.Gateway = route.Blackhole, "", netip.Addr{}
	}
	return r
}

func (c *crowd) corner() rule.Rule {
	r := rule.Rule{Priority: uint32(1000 + c.chance.IntN(3)), Action: rule.Lookup, Table: uint32(100 + c.chance.IntN(2))}
	if c.chance.IntN(2) == 0 {
		r.Src = netip.MustParsePrefix("10.0.0.0/8")
	}
	return r
}

// wish wants some routes and rules, each place once.
func (c *crowd) wish() *engine.Set {
	set := &engine.Set{}
	places, corners := map[route.Key]bool{}, map[rule.Rule]bool{}
	for range c.chance.IntN(12) {
		if r := c.place(); !places[r.Key()] {
			places[r.Key()] = true
			engine.Want(set, r, engine.Origin{})
		}
	}
	for range c.chance.IntN(4) {
		if r := c.corner(); !corners[r] {
			corners[r] = true
			engine.Want(set, r, engine.Origin{})
		}
	}
	return set
}

var strangers = []netlink.RouteProtocol{unix.RTPROT_BOOT, unix.RTPROT_STATIC, unix.RTPROT_DHCP, unix.RTPROT_BGP, 99}

// others do one thing. That it is refused (there is a route already) is fine.
func (c *crowd) others() {
	stranger := c.kernelRoute(c.place(), strangers[c.chance.IntN(len(strangers))])
	switch c.chance.IntN(8) {
	case 0, 1:
		netlink.RouteAdd(stranger)
	case 2:
		netlink.RouteAppend(stranger)
	case 3:
		netlink.RouteReplace(stranger) // may take the place of one of ours
	case 4, 5:
		if len(c.seen) > 0 { // anybody's, ours among them
			netlink.RouteDel(&c.seen[c.chance.IntN(len(c.seen))])
		}
	case 6:
		netlink.RuleAdd(c.kernelRule(c.corner(), 99))
	case 7:
		protocol := uint8(99)
		if c.chance.IntN(2) == 0 {
			protocol = services.DefaultProtocol
		}
		netlink.RuleDel(c.kernelRule(c.corner(), protocol))
	}
}

func (c *crowd) kernelRoute(r route.Route, protocol netlink.RouteProtocol) *netlink.Route {
	k := &netlink.Route{Dst: lab.ParseNet(c.t, r.Dst.String()), Table: int(r.Table), Priority: int(r.Metric), Protocol: protocol, Type: unix.RTN_UNICAST}
	if r.Type == route.Blackhole {
		k.Type = unix.RTN_BLACKHOLE
		return k
	}
	k.LinkIndex, k.Gw = c.wan, net.IP(r.Gateway.AsSlice())
	return k
}

func (c *crowd) kernelRule(r rule.Rule, protocol uint8) *netlink.Rule {
	k := netlink.NewRule()
	k.Family, k.Priority, k.Table, k.Protocol = unix.AF_INET, int(r.Priority), int(r.Table), protocol
	if r.Src.IsValid() {
		k.Src = lab.ParseNet(c.t, r.Src.String())
	}
	return k
}

// routes lists those in the places we know.
func (c *crowd) routes() []netlink.Route {
	var all []netlink.Route
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		found, err := netlink.RouteListFiltered(family, &netlink.Route{}, netlink.RT_FILTER_TABLE)
		if err != nil {
			c.t.Fatal(err)
		}
		all = append(all, found...)
	}
	return slices.DeleteFunc(all, func(r netlink.Route) bool {
		return r.Protocol == unix.RTPROT_KERNEL || r.Protocol == unix.RTPROT_RA || r.Table == unix.RT_TABLE_LOCAL
	})
}

func (c *crowd) rules() []netlink.Rule {
	all, err := netlink.RuleList(unix.AF_INET)
	if err != nil {
		c.t.Fatal(err)
	}
	return all
}

// lists are all routes and rules that are not ours, and all routes that are, as text.
func (c *crowd) lists() (foreign, own string) {
	var theirs, ours []string
	c.seen = c.routes()
	for _, r := range c.seen {
		line := fmt.Sprintf("Dst: %s metric %d table %d type %d Gw: %s %v", r.Dst, r.Priority, r.Table, r.Type, r.Gw, r.MultiPath)
		if r.Protocol == services.DefaultProtocol {
			ours = append(ours, line)
		} else {
			theirs = append(theirs, fmt.Sprintf("%s protocol %d", line, r.Protocol))
		}
	}
	for _, r := range c.rules() {
		if r.Protocol != services.DefaultProtocol {
			theirs = append(theirs, fmt.Sprintf("%v protocol %d", r, r.Protocol))
		}
	}
	return strings.Join(theirs, "\n"), strings.Join(ours, "\n")
}

// difference shows the lines that are in one of the texts. An IPv6 route that somebody has
// appended to one of ours is listed with it, as another way of ours, until ours is gone.
func difference(before, after, own string) string {
	var b strings.Builder
	old, now := strings.Split(before, "\n"), strings.Split(after, "\n")
	for _, l := range old {
		if !slices.Contains(now, l) {
			b.WriteString("- " + l + "\n")
		}
	}
	for _, l := range now {
		if !slices.Contains(old, l) && !wasAppended(l, own) {
			b.WriteString("+ " + l + "\n")
		}
	}
	return b.String()
}

func wasAppended(line, own string) bool {
	place, ways, _ := strings.Cut(line, " Gw: ")
	gateway, _, _ := strings.Cut(ways, " ")
	return strings.Contains(place, "Dst: 2001:db8:") && slices.ContainsFunc(strings.Split(own, "\n"), func(l string) bool {
		return strings.HasPrefix(l, place+" Gw: <nil> [{") && (gateway == "<nil>" || strings.Contains(l, "Gw: "+gateway+" "))
	})
}
