// SPDX-License-Identifier: Apache-2.0

package route

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"ucid/internal/engine"
)

// Nexthop is one of the ways of a route that has several (ECMP). At least one of Gateway and
// Dev is there.
type Nexthop struct {
	Gateway netip.Addr // zero: the destination is on the link; IPv6 wants a gateway
	Dev     string     // empty: the kernel finds it by the gateway
	Weight  int        // share of the traffic, 1 to 256
}

// String is the form in [Route.Nexthops]: "ADDR@DEV", "ADDR" or "@DEV", and " weight N"
// behind it unless N is 1.
func (h Nexthop) String() string {
	var b strings.Builder
	if h.Gateway.IsValid() {
		b.WriteString(h.Gateway.String())
	}
	if h.Dev != "" {
		b.WriteString("@" + h.Dev)
	}
	if h.Weight > 1 {
		b.WriteString(" weight " + strconv.Itoa(h.Weight))
	}
	return b.String()
}

// ParseNexthop reads "ADDR[@DEV][ weight N]" or "@DEV[ weight N]". Blanks around the parts
// do not matter.
func ParseNexthop(text string) (Nexthop, error) {
	h := Nexthop{Weight: 1}
	fields := strings.Fields(text)
	if len(fields) == 3 && fields[1] == "weight" {
		n, err := strconv.Atoi(fields[2])
		if err != nil || n < 1 || n > 256 {
			return Nexthop{}, fmt.Errorf("weight '%s' is not a number from 1 to 256", fields[2])
		}
		h.Weight = n
	} else if len(fields) != 1 {
		return Nexthop{}, fmt.Errorf("nexthop '%s' is not 'ADDRESS[@DEVICE][ weight N]'", text)
	}
	address, dev, at := strings.Cut(fields[0], "@")
	if at && dev == "" {
		return Nexthop{}, fmt.Errorf("nexthop '%s' has no device behind the @", text)
	}
	h.Dev = dev
	if address == "" {
		return h, nil
	}
	gateway, err := netip.ParseAddr(address)
	if err != nil || gateway.Zone() != "" {
		return Nexthop{}, fmt.Errorf("gateway '%s' is not an address", address)
	}
	h.Gateway = gateway
	return h, nil
}

// Compare orders by gateway, device and weight.
func (h Nexthop) Compare(other Nexthop) int {
	return cmp.Or(h.Gateway.Compare(other.Gateway), cmp.Compare(h.Dev, other.Dev), cmp.Compare(h.Weight, other.Weight))
}

// MakeNexthops is the only form of [Route.Nexthops] that a driver gives back: sorted by
// [Nexthop.Compare], because their order means nothing.
func MakeNexthops(hops ...Nexthop) engine.List {
	hops = slices.SortedFunc(slices.Values(hops), Nexthop.Compare)
	items := make([]string, len(hops))
	for i, h := range hops {
		items[i] = h.String()
	}
	return engine.MakeList(items...)
}

// Via returns r with these ways to go: with one it is an ordinary route, since that is what
// the kernel makes of it.
func (r Route) Via(hops ...Nexthop) Route {
	r.Gateway, r.Dev, r.Nexthops = netip.Addr{}, "", engine.List{}
	switch len(hops) {
	case 0:
	case 1:
		r.Gateway, r.Dev = hops[0].Gateway, hops[0].Dev
	default:
		r.Nexthops = MakeNexthops(hops...)
	}
	return r
}

// Hops returns the several ways of r, nil when it has at most one.
func (r Route) Hops() ([]Nexthop, error) {
	var hops []Nexthop
	for item := range r.Nexthops.All() {
		h, err := ParseNexthop(item)
		if err != nil {
			return nil, err
		}
		hops = append(hops, h)
	}
	return hops, nil
}
