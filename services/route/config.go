// SPDX-License-Identifier: Apache-2.0

// Package route is the service for the static part of the package network: addresses and
// gateways of interfaces whose proto is static, routes, and policy routing rules. Options,
// defaults and their meaning are those of OpenWrt's netifd; README.md lists them and says
// where this service refuses what netifd would silently change or ignore.
package route

import (
	"ucid/services"
	"ucid/uci"
)

func init() { services.Register("route", services.Packages{packageName}, compile) }

const packageName = "network"

// Config is what the service reads of the package network.
type Config struct {
	Interfaces []Interface `uci:"interface,proto=static|none|"`
	Routes     []Route     `uci:"route"`
	Routes6    []Route     `uci:"route6"`
	Rules      []Rule      `uci:"rule"`
	Rules6     []Rule      `uci:"rule6"`
}

// Interface is a logical interface that is configured here: proto static, or none, which has
// a device alone. Interfaces of other protos are looked at, never claimed.
type Interface struct {
	uci.Meta
	Proto     string   `uci:"proto"`
	Device    string   `uci:"device,alias=ifname"`
	Kind      string   `uci:"type"`
	IPAddr    []string `uci:"ipaddr"` // ADDRESS or ADDRESS/LENGTH
	Netmask   string   `uci:"netmask"`
	Broadcast string   `uci:"broadcast"`
	Peer      string   `uci:"ptpaddr"`
	Gateway   string   `uci:"gateway"`
	IP6Addr   []string `uci:"ip6addr"`
	Gateway6  string   `uci:"ip6gw"`
	Metric    uint32   `uci:"metric"`
	Table4    string   `uci:"ip4table"`
	Table6    string   `uci:"ip6table"`
	Disabled  bool     `uci:"disabled"`
	Auto      bool     `uci:"auto,default=1"`
	unused
}

// unused are options that other parts of a system act on: they are known, and change
// nothing here.
type unused struct {
	DNS          []string `uci:"dns"`
	DNSSearch    []string `uci:"dns_search"`
	DNSMetric    string   `uci:"dns_metric"`
	PeerDNS      string   `uci:"peerdns"`
	DefaultRoute string   `uci:"defaultroute"`
	Delegate     string   `uci:"delegate"`
	ForceLink    string   `uci:"force_link"`
	Zone         string   `uci:"zone"`
	MTU          string   `uci:"mtu"`
	MACAddr      string   `uci:"macaddr"`
	IP6Assign    string   `uci:"ip6assign"`
	IP6Hint      string   `uci:"ip6hint"`
	IP6IfaceID   string   `uci:"ip6ifaceid"`
	IP6Class     []string `uci:"ip6class"`
	IP6Prefix    []string `uci:"ip6prefix"`
	IP6Weight    string   `uci:"ip6weight"`
	Multipath    string   `uci:"multipath"`
	IGMP         string   `uci:"igmp_snooping"`
	STP          string   `uci:"stp"`
	BridgeEmpty  string   `uci:"bridge_empty"`
}

// missed are the unused ones whose absence a user would notice, with what to do instead.
var missed = []struct{ option, text string }{
	{"mtu", "has no effect: devices are not configured here; set it where the device is made"},
	{"macaddr", "has no effect: devices are not configured here; set it where the device is made"},
	{"dns", "has no effect: name servers are left to the system"},
	{"ip6assign", "has no effect: no prefix is delegated to interfaces; give ip6addr"},
	{"ip6prefix", "has no effect: no prefix is delegated to interfaces; give ip6addr"},
}

// Route is a section route or route6. Addresses and tables stay text here, because what is
// valid depends on the family and on what is known of the system.
type Route struct {
	uci.Meta
	Interface string   `uci:"interface"`
	Device    string   `uci:"device"`
	Target    string   `uci:"target,alias=net"`
	Netmask   string   `uci:"netmask,alias=mask"`
	Gateway   string   `uci:"gateway,alias=gw"`
	Nexthops  []string `uci:"nexthop,nosplit"`
	Metric    *uint32  `uci:"metric"`
	MTU       uint32   `uci:"mtu"`
	Table     string   `uci:"table"`
	Source    string   `uci:"source"`
	TOS       uint8    `uci:"tos"`
	Onlink    bool     `uci:"onlink"`
	Kind      string   `uci:"type"`
	Proto     string   `uci:"proto"`
	Valid     *uint32  `uci:"valid"` // seconds
	Disabled  bool     `uci:"disabled"`
	Comment   string   `uci:"description"`
}

// Rule is a section rule or rule6.
type Rule struct {
	uci.Meta
	In       string  `uci:"in"`
	Out      string  `uci:"out"`
	Src      string  `uci:"src"`
	Dest     string  `uci:"dest"`
	Priority *uint32 `uci:"priority,min=1,max=4294967295"`
	TOS      uint8   `uci:"tos"`
	Mark     string  `uci:"mark"`
	Lookup   string  `uci:"lookup"`
	Goto     *uint32 `uci:"goto"`
	Action   string  `uci:"action"`
	Suppress *int16  `uci:"suppress_prefixlength,min=-1,max=128"`
	UIDRange string  `uci:"uidrange"`
	IPProto  string  `uci:"ipproto"`
	Sport    string  `uci:"sport"`
	Dport    string  `uci:"dport"`
	Invert   bool    `uci:"invert"`
	Disabled bool    `uci:"disabled"`
	Comment  string  `uci:"description"`
}

// ipv6 reports whether the section is for IPv6.
func (r *Route) ipv6() bool { return r.Type == "route6" }

func (r *Rule) ipv6() bool { return r.Type == "rule6" }
