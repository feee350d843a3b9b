// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"errors"
	"fmt"
	"net/netip"

	"ucid/internal/kind/route"
)

// maxMTU is the largest the kernel keeps (fib_metrics: 65535 - 15); it cuts what is larger.
const maxMTU = 65520

// Check refuses what the kernel would take but give back in another form.
func (d *Driver) Check(r route.Route) error {
	four := r.Dst.Addr().Is4()
	switch {
	case !r.Dst.IsValid():
		return errors.New("it has no destination")
	case r.Dst != r.Dst.Masked():
		return fmt.Errorf("%s has host bits set", r.Dst)
	case r.Dst.Addr().Is4In6(), r.Gateway.Is4In6(), r.PrefSrc.Is4In6():
		return errors.New("an IPv4 address is written as an IPv6 one")
	case r.Table == 0:
		return errors.New("there is no table 0")
	case r.Type == 0:
		return errors.New("it has no type")
	case r.MTU > maxMTU:
		return fmt.Errorf("mtu %d is more than %d", r.MTU, maxMTU)
	case four && r.Src.IsValid():
		return errors.New("only IPv6 has routes by source")
	case !four && r.TOS != 0:
		return errors.New("IPv6 has no routes by tos")
	case !four && r.Metric == 0:
		return errors.New("an IPv6 route has a metric of at least 1")
	case r.Src.IsValid() && (r.Src != r.Src.Masked() || r.Src.Bits() == 0):
		return fmt.Errorf("source %s is not a prefix", r.Src)
	case r.Gateway.Zone() != "":
		return errors.New("a gateway has no zone; say the device")
	case r.Type.Drops() && (r.Gateway.IsValid() || r.Dev != "" || !r.Nexthops.Empty()):
		return fmt.Errorf("a route of type %s leads nowhere", r.Type)
	}
	return checkHops(r)
}

func checkHops(r route.Route) error {
	if r.Nexthops.Empty() {
		return nil
	}
	hops, err := r.Hops()
	switch {
	case err != nil:
		return err
	case len(hops) == 1:
		return errors.New("it has one nexthop; say gateway and device")
	case r.Gateway.IsValid() || r.Dev != "":
		return errors.New("it has nexthops beside a gateway or device")
	case route.MakeNexthops(hops...) != r.Nexthops:
		return errors.New("its nexthops are not in order")
	}
	for _, h := range hops {
		if r.Dst.Addr().Is6() && h.Gateway == (netip.Addr{}) {
			return errors.New("each IPv6 nexthop needs a gateway")
		}
	}
	return nil
}
