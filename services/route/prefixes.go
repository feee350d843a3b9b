// SPDX-License-Identifier: Apache-2.0

package route

import (
	"net/netip"
	"slices"
)

// prefixes finds the devices that networks are on. A lookup costs one probe for each prefix
// length there is, however many networks and devices there are. The zero value is ready to use.
type prefixes struct {
	first   map[netip.Prefix]string // the device that had the network first
	on      map[onNetwork]bool
	lengths [2][]int // of IPv4 and IPv6, longest first
}

type onNetwork struct {
	dev     string
	network netip.Prefix
}

func (t *prefixes) add(p netip.Prefix, dev string) {
	p = p.Masked()
	if t.on == nil {
		t.first, t.on = map[netip.Prefix]string{}, map[onNetwork]bool{}
	}
	t.on[onNetwork{dev, p}] = true
	if _, known := t.first[p]; known {
		return
	}
	t.first[p] = dev
	lengths := &t.lengths[familyIndex(p.Addr())]
	if at, found := slices.BinarySearchFunc(*lengths, p.Bits(), func(a, b int) int { return b - a }); !found {
		*lengths = slices.Insert(*lengths, at, p.Bits())
	}
}

// device gives the device of the longest network that holds an address. Networks shorter than
// shortest do not count.
func (t *prefixes) device(a netip.Addr, shortest int) (string, bool) {
	for _, length := range t.lengths[familyIndex(a)] {
		p, _ := a.Prefix(length) // the length is one of this family
		if device, ok := t.first[p]; ok && length >= shortest {
			return device, true
		}
	}
	return "", false
}

// holds reports whether a network on the device holds an address.
func (t *prefixes) holds(a netip.Addr, dev string) bool {
	return slices.ContainsFunc(t.lengths[familyIndex(a)], func(length int) bool {
		p, _ := a.Prefix(length)
		return t.on[onNetwork{dev, p}]
	})
}
