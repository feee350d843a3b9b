// SPDX-License-Identifier: Apache-2.0

package uci

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

type testRoute struct {
	Meta
	Interface string        `uci:"interface,alias=net|dev"`
	Target    netip.Prefix  `uci:"target,required"`
	Gateway   netip.Addr    `uci:"gateway,datatype=ip4addr"`
	Metric    *uint32       `uci:"metric"`
	MTU       int           `uci:"mtu,min=68,max=65535"`
	Type      string        `uci:"type,enum=unicast|local|blackhole,default=unicast"`
	Onlink    bool          `uci:"onlink"`
	Delay     time.Duration `uci:"delay,default=5,unit=s"`
	Key       Secret        `uci:"key,datatype=maxlength(4)"`
	DNS       []netip.Addr  `uci:"dns"`
	Args      []string      `uci:"args,nosplit"`
	Ports     []string      `uci:"ports,datatype=or(portrange,range(70000,80000)),default=1 2-3"`
}

type testConfig struct {
	Routes  []testRoute `uci:"route"`
	Globals *struct {
		X string `uci:"x"`
	} `uci:"globals"`
	GRE []struct {
		Meta
		Peer string `uci:"peeraddr"`
	} `uci:"interface,proto=gre|gretap"`
	Static []struct {
		Meta
		Proto string `uci:"proto"`
	} `uci:"interface,proto=static|none|"`
	Absent *struct{} `uci:"absent"`
}

const testText = `
config globals 'globals'
	option x 'y'

config route 'office'
	option net 'lan'
	option target '10.8.0.1/16'
	option gateway '10.0.0.3'
	option metric '0x10'
	option onlink 'yes'
	option delay '2m'
	option key 'abc'
	option dns '1.1.1.1   ::1'
	option args 'a b'
	option weird '1'

config route
	option target '10.9.0.1'
	list dns '1.1.1.1'
	list dns '8.8.8.8'
	list mtu '1400'

config interface 'lan'
config interface 't1'
	option proto 'gretap'
	option peeraddr '192.0.2.1'
config interface 'dyn'
	option proto 'dhcp'
`

func decodeText(t *testing.T, text string) (testConfig, Decoding, *Package) {
	t.Helper()
	p, err := Parse("network", "/etc/config/network", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var cfg testConfig
	d := p.Decode(&cfg)
	return cfg, d, p
}

func TestDecode(t *testing.T) {
	cfg, d, p := decodeText(t, testText)
	if len(d.Problems) != 0 {
		t.Fatalf("problems: %v", d.Problems)
	}
	r := cfg.Routes[0]
	switch {
	case r.Name != "office" || r.Pos.Line != 5 || r.Label() != "route 'office'":
		t.Errorf("meta: %+v", r.Meta)
	case r.Interface != "lan", r.Target.String() != "10.8.0.1/16", r.Gateway.String() != "10.0.0.3":
		t.Errorf("addresses: %+v", r)
	case r.Metric == nil || *r.Metric != 16 || r.MTU != 0 || r.Type != "unicast" || !r.Onlink:
		t.Errorf("scalars: %+v", r)
	case r.Delay != 2*time.Minute || r.Key.Reveal() != "abc":
		t.Errorf("delay, key: %+v", r)
	case fmt.Sprint(r.DNS) != "[1.1.1.1 ::1]" || !reflect.DeepEqual(r.Args, []string{"a b"}):
		t.Errorf("lists: %v %q", r.DNS, r.Args)
	case fmt.Sprint(r.Ports) != "[1 2-3]" || r.At("key") != (Pos{"/etc/config/network", 12}):
		t.Errorf("ports, position: %v %v", r.Ports, r.At("key"))
	}
	r = cfg.Routes[1]
	if r.Label() != "route @route[1]" || r.Target.Bits() != 32 || r.MTU != 1400 || r.Metric != nil {
		t.Errorf("second route: %+v", r)
	}
	if cfg.Globals == nil || cfg.Globals.X != "y" || cfg.Absent != nil {
		t.Errorf("single sections: %+v", cfg)
	}
	if len(cfg.GRE) != 1 || cfg.GRE[0].Peer != "192.0.2.1" || len(cfg.Static) != 1 || cfg.Static[0].Name != "lan" {
		t.Errorf("filters: %+v %+v", cfg.GRE, cfg.Static)
	}
	unknown := p.Unclaimed(d.Claims)
	if len(unknown) != 1 || unknown[0].Error() != "network: /etc/config/network:15: route 'office': unknown option weird" {
		t.Errorf("unknown options: %v", unknown)
	}
}

func TestDecodeProblems(t *testing.T) {
	cases := []struct{ option, want string }{
		{"option gateway '10.0.0.300'", "3: route 'a': gateway '10.0.0.300' is not an IPv4 address"},
		{"option gateway '::1'", "3: route 'a': gateway '::1' is not an IPv4 address"},
		{"option gateway '10.0.0.1/8'", "3: route 'a': gateway '10.0.0.1/8' is not an IP address"},
		{"option metric '-1'", "3: route 'a': metric '-1' is not a whole number from 0 to 4294967295"},
		{"option mtu '12'", "3: route 'a': mtu '12' is not between 68 and 65535"},
		{"option type 'x'", "3: route 'a': type 'x' is not one of unicast, local, blackhole"},
		{"option onlink 'maybe'", "3: route 'a': onlink 'maybe' is not a switch (0 or 1)"},
		{"option key 'hunter2'", "3: route 'a': key is not at most 4 bytes long"},
		{"option ports '1 9-2'", "3: route 'a': ports '9-2' is not a port or a range of ports or a number from 70000 to 80000"},
		{"list mtu 100\n\tlist mtu 200", "4: route 'a': mtu takes one value, not a list"},
		{"list dns 1.1.1.1\n\tlist dns x", "4: route 'a': dns 'x' is not an IP address"},
		{"option net 'x'\n\toption interface 'y'", "3: route 'a': net is ignored: interface is set as well and means the same"},
	}
	for _, c := range cases {
		cfg, d, _ := decodeText(t, "config route 'a'\n\toption target 10.0.0.0/8\n\t"+c.option+"\n")
		if len(d.Problems) != 1 || d.Problems[0].Error() != "network: /etc/config/network:"+c.want {
			t.Errorf("%s: %v", c.option, d.Problems)
			continue
		}
		if kept := len(cfg.Routes) == 1; kept != d.Problems[0].Warning || d.Claims[0].Bad == kept {
			t.Errorf("%s: kept %v, bad %v", c.option, kept, d.Claims[0].Bad)
		}
	}
	_, d, _ := decodeText(t, "config route\n\toption gateway 10.0.0.1\n")
	if len(d.Problems) != 1 || d.Problems[0].Error() != "network: /etc/config/network:1: route @route[0]: target is missing" {
		t.Errorf("required: %v", d.Problems)
	}
}

func TestSecretIsNeverShown(t *testing.T) {
	v := struct {
		Key  Secret
		List []Secret
		priv Secret
	}{NewSecret("hunter2"), []Secret{NewSecret("hunter2")}, NewSecret("hunter2")}
	j, _ := json.Marshal(v)
	shown := []string{fmt.Sprint(v), string(j)}
	for _, verb := range []string{"%+v", "%#v", "%q", "%x", "%s"} {
		shown = append(shown, fmt.Sprintf(verb, v))
	}
	for _, s := range shown {
		if strings.Contains(s, "hunter2") || strings.Contains(s, "68756e") {
			t.Errorf("shown: %s", s)
		}
	}
	if a, again := NewSecret("a"), NewSecret("a"); a != again || a == NewSecret("b") {
		t.Error("secrets are not compared by value")
	}
}

func BenchmarkDecode(b *testing.B) {
	text := strings.Repeat("config route\n\toption interface 'lan'\n\toption target '10.8.0.1/16'\n\toption gateway '10.0.0.3'\n\toption metric '10'\n", 10000)
	p, err := Parse("network", "f", []byte(text))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		var cfg testConfig
		if d := p.Decode(&cfg); len(cfg.Routes) != 10000 {
			b.Fatal(d.Problems)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/40000, "ns/option")
}
