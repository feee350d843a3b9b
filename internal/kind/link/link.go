// SPDX-License-Identifier: Apache-2.0

// Package link names what can be known of network devices. Devices are observed, so they
// are facts; the topics below are what services may ask for.
package link

// Kind is the name of the kind, for needs and for people.
const Kind = "link"

// Topics of facts; the name is that of the device.
const (
	Index     = "link.index"     // ifindex, in decimal; absent: there is no such device
	Up        = "link.up"        // "1" when it is up and has a carrier (IFF_UP and IFF_LOWER_UP)
	Addresses = "link.addresses" // address/length of each address that can be used, separated by blanks, in order of the kernel
	Gateway4  = "link.gateway4"  // gateway of the best IPv4 default route of table main over the device, whoever made it
	Gateway6  = "link.gateway6"  // the same for IPv6
)
