// SPDX-License-Identifier: Apache-2.0

package route

import (
	"net/netip"
	"slices"
)

// prefixes finds the devices that networks are on. A lookup costs one probe for each prefix
// length there is, however many networks there are. The zero value is ready to use.
type prefixes struct {
	devices map[netip.Prefix][]string
	lengths [2][]int // of IPv4 and IPv6, longest first
}

func (t *prefixes) add(p netip.Prefix, dev string) {
	p = p.Masked()
	if slices.Contains(t.devices[p], dev) {
		return
	}
	if t.devices == nil {
		t.devices = map[netip.Prefix][]string{}
	}
	t.devices[p] = append(t.devices[p], dev)
	lengths := &t.lengths[familyIndex(p.Addr())]
	if at, found := slices.BinarySearchFunc(*lengths, p.Bits(), func(a, b int) int { return b - a }); !found {
		*lengths = slices.Insert(*lengths, at, p.Bits())
	}
}

// find gives the device of the longest network that holds an address and is on dev; an empty
// dev stands for any. Networks shorter than shortest do not count.
func (t *prefixes) find(a netip.Addr, dev string, shortest int) (string, bool) {
	for _, length := range t.lengths[familyIndex(a)] {
		if length < shortest {
			break
		}
		p, _ := a.Prefix(length) // the length is one of this family
		for _, device := range t.devices[p] {
			if dev == "" || device == dev {
				return device, true
			}
		}
	}
	return "", false
}
