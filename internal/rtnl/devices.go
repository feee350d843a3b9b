// SPDX-License-Identifier: Apache-2.0

package rtnl

import "golang.org/x/sys/unix"

// A Device is a network device as far as the drivers need it.
type Device struct {
	Index   int
	Name    string
	Flags   uint32 // IFF_*
	Promote bool   // another address follows when the first one of an IPv4 network goes (promote_secondaries)
}

// Devices are the network devices at the time of the last Load. The zero value is empty
// and ready to use. It belongs to one goroutine.
type Devices struct {
	byIndex map[int]Device
	byName  map[string]int
	changed uint64
}

// Load asks the kernel. It allocates only for what is new.
func (d *Devices) Load(c *Conn) error {
	before := d.byIndex
	d.byIndex, d.byName = make(map[int]Device, len(before)), make(map[string]int, len(before))
	renamed := false
	err := c.Dump(askLinks, func() {
		clear(d.byIndex)
		clear(d.byName)
	}, func(kind uint16, body []byte) bool {
		if kind != unix.RTM_NEWLINK || len(body) < unix.SizeofIfInfomsg {
			return true
		}
		dev := parseLink(body, before)
		renamed = renamed || before[dev.Index].Name != dev.Name
		d.byIndex[dev.Index] = dev
		d.byName[dev.Name] = dev.Index
		return true
	})
	if renamed {
		d.changed++
	}
	return err
}

// Renames counts the loads that found a device under another name or number than before.
func (d *Devices) Renames() uint64 { return d.changed }

// Name of the device with that number; "" when there is none.
func (d *Devices) Name(index int) string { return d.byIndex[index].Name }

// Find returns the device of that name.
func (d *Devices) Find(name string) (Device, bool) {
	index, ok := d.byName[name]
	return d.byIndex[index], ok
}

// All calls each for every device, in no order.
func (d *Devices) All(each func(Device)) {
	for _, dev := range d.byIndex {
		each(dev)
	}
}

// skipStats keeps the counters out of the answer (RTEXT_FILTER_SKIP_STATS).
const skipStats = 1 << 3

func askLinks(m *Message) {
	m.Begin(unix.RTM_GETLINK, 0, make([]byte, unix.SizeofIfInfomsg))
	m.Uint32(unix.IFLA_EXT_MASK, skipStats)
}

// parseLink takes the name from known when it is the same: no allocation then.
func parseLink(body []byte, known map[int]Device) Device {
	dev := Device{Index: int(native.Uint32(body[4:])), Flags: native.Uint32(body[8:])}
	for a := (Attrs{Rest: body[unix.SizeofIfInfomsg:]}); a.Next(); {
		switch a.Kind {
		case unix.IFLA_IFNAME:
			if dev.Name = known[dev.Index].Name; dev.Name != string(a.Text()) {
				dev.Name = string(a.Text())
			}
		case unix.IFLA_AF_SPEC:
			dev.Promote = promotes(a.Value)
		}
	}
	return dev
}

// Numbers of linux/if_link.h and linux/ip.h that x/sys lacks.
const (
	inetConf           = 1  // IFLA_INET_CONF
	promoteSecondaries = 20 // IPV4_DEVCONF_PROMOTE_SECONDARIES, counted from 1
)

func promotes(families []byte) bool {
	for family := (Attrs{Rest: families}); family.Next(); {
		if family.Kind != unix.AF_INET {
			continue
		}
		for a := (Attrs{Rest: family.Value}); a.Next(); {
			if at := 4 * (promoteSecondaries - 1); a.Kind == inetConf && len(a.Value) >= at+4 {
				return native.Uint32(a.Value[at:]) != 0
			}
		}
	}
	return false
}

// SetPromote makes the request that sets [Device.Promote].
func (m *Message) SetPromote(index int, on bool) {
	var fixed [unix.SizeofIfInfomsg]byte
	native.PutUint32(fixed[4:], uint32(index))
	m.Begin(unix.RTM_SETLINK, 0, fixed[:])
	spec := m.Nest(unix.IFLA_AF_SPEC)
	family := m.Nest(unix.AF_INET)
	conf := m.Nest(inetConf)
	value := uint32(0)
	if on {
		value = 1
	}
	m.Uint32(promoteSecondaries, value)
	m.End(conf)
	m.End(family)
	m.End(spec)
}
