// SPDX-License-Identifier: Apache-2.0

package uci_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"ucid/uci"
)

const network = `
config interface 'lan'
	option proto 'static'
	option ipaddr '192.168.7.1'
	list dns '192.0.2.53'
	list dns '2001:db8::53'

config route 'office'
	option target '10.8.0.0/16'
	option gateway '10.0.0.300'
`

func ExampleParse() {
	p, err := uci.Parse("network", "/etc/config/network", []byte(network))
	if err != nil {
		fmt.Println(err)
		return
	}
	for s := range p.Sections() {
		fmt.Println(s.Pos, s.Label())
	}
	lan := p.Section("lan")
	address, _ := lan.Get("ipaddr")
	fmt.Println(address, lan.List("dns"))
	// Output:
	// /etc/config/network:2 interface 'lan'
	// /etc/config/network:8 route 'office'
	// 192.168.7.1 [192.0.2.53 2001:db8::53]
}

func ExamplePackage_Decode() {
	type Route struct {
		uci.Meta
		Target  netip.Prefix `uci:"target,required"`
		Gateway netip.Addr   `uci:"gateway,datatype=ip4addr"`
		Metric  int          `uci:"metric,default=0,min=0"`
	}
	var cfg struct {
		Routes []Route `uci:"route"`
	}
	p, _ := uci.Parse("network", "/etc/config/network", []byte(network))
	for _, problem := range p.Decode(&cfg).Problems {
		fmt.Println(problem)
	}
	fmt.Println(len(cfg.Routes), "routes")
	// Output:
	// network: /etc/config/network:10: route 'office': gateway '10.0.0.300' is not an IPv4 address
	// 0 routes
}

func ExampleStore() {
	dir, _ := os.MkdirTemp("", "uci-example-")
	defer os.RemoveAll(dir)
	os.WriteFile(filepath.Join(dir, "network"), []byte(network), 0o644)

	st := uci.Open(dir, filepath.Join(dir, "save"))
	st.Set("network.office.gateway", "10.0.0.3")
	st.AddList("network.lan.dns", "192.0.2.54")
	changes, _ := st.Changes("network")
	for _, c := range changes {
		fmt.Println(c)
	}
	fmt.Println(st.Commit("network"))
	gateway, _ := st.Get("network.@route[0].gateway")
	fmt.Println(gateway)
	// Output:
	// network.office.gateway='10.0.0.3'
	// network.lan.dns+='192.0.2.54'
	// <nil>
	// 10.0.0.3
}

func ExampleDiff() {
	a, _ := uci.Parse("network", "old", []byte(network))
	b, _ := uci.Parse("network", "new", []byte(network))
	b.Set("office", "gateway", "10.0.0.3")
	b.Delete("lan", "")
	for _, d := range uci.Diff(a, b) {
		fmt.Println(d.Section, d.Option, d.Old, d.New)
	}
	// Output:
	// lan  [interface] []
	// lan proto [static] []
	// lan ipaddr [192.168.7.1] []
	// lan dns [192.0.2.53 2001:db8::53] []
	// office gateway [10.0.0.300] [10.0.0.3]
}

func ExampleEncode() {
	type Route struct {
		uci.Meta
		Target netip.Prefix `uci:"target,required"`
		Metric int          `uci:"metric,default=0"`
	}
	var cfg struct {
		Routes []Route `uci:"route"`
	}
	cfg.Routes = []Route{{Meta: uci.Meta{Name: "office"}, Target: netip.MustParsePrefix("10.8.0.0/16")}}
	p, _ := uci.Encode("network", cfg)
	p.WriteTo(os.Stdout)
	// Output:
	// config route 'office'
	// 	option target '10.8.0.0/16'
}

func ExampleStore_keepComments() {
	dir, _ := os.MkdirTemp("", "uci-example-")
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "network")
	os.WriteFile(path, []byte("# by hand\nconfig route office   # leave alone\n\nconfig route home\n"), 0o644)

	st := uci.Open(dir, filepath.Join(dir, "save"))
	st.KeepComments = true
	st.Set("network.home.gateway", "10.0.0.3")
	fmt.Println(st.Commit("network"))
	text, _ := os.ReadFile(path)
	fmt.Print(string(text))
	// Output:
	// <nil>
	// # by hand
	// config route office   # leave alone
	//
	// config route 'home'
	// 	option gateway '10.0.0.3'
}
