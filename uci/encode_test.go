// SPDX-License-Identifier: Apache-2.0

package uci

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestEncodeIsTheOppositeOfDecode(t *testing.T) {
	cfg, d, _ := decodeText(t, testText)
	if !d.OK() {
		t.Fatal(d.Problems)
	}
	p, problems := Encode("network", &cfg)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var again testConfig
	if d := p.Decode(&again); !d.OK() {
		t.Fatal(d.Problems)
	}
	for i := range cfg.Routes {
		a, b := cfg.Routes[i], again.Routes[i]
		a.Meta, b.Meta = Meta{}, Meta{}
		if !reflect.DeepEqual(a, b) {
			t.Errorf("%+v\n%+v", a, b)
		}
	}
	if again.GRE[0].Peer != cfg.GRE[0].Peer || again.Globals.X != "y" {
		t.Error("other sections")
	}
}

func TestEncode(t *testing.T) {
	var cfg struct {
		Routes []testRoute `uci:"route"`
	}
	metric := uint32(0)
	cfg.Routes = []testRoute{{
		Meta: Meta{Name: "a"}, Target: netip.MustParsePrefix("10.0.0.0/8"), Metric: &metric,
		Type: "unicast", Delay: 1500 * time.Millisecond, Key: NewSecret("abc"), Args: []string{"a b", "c"},
	}, {Type: "nope", Delay: 5 * time.Second}}
	p, problems := Encode("network", cfg)
	want := "\nconfig route 'a'\n\toption target '10.0.0.0/8'\n\toption metric '0'\n\toption delay '1.5s'\n" +
		"\toption key 'abc'\n\tlist args 'a b'\n\tlist args 'c'\n\nconfig route\n\toption type 'nope'\n\n"
	if got := string(Format{}.Append(nil, p)); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if len(problems) != 2 {
		t.Errorf("problems: %v", problems)
	}
}

func TestSchema(t *testing.T) {
	schemas := SchemaOf(testConfig{})
	if len(schemas) != 5 || schemas[2].Filter != "proto=gre|gretap" {
		t.Fatalf("%+v", schemas)
	}
	table := schemas[0].Table()
	for _, line := range []string{
		"| `target` | cidr, required |  |  |",
		"| `mtu` | integer |  | 68 to 65535 |",
		"| `type` | string | unicast | `unicast`, `local`, `blackhole` |",
		"| `dns` | list of ipaddr |  |  |",
	} {
		if !strings.Contains(table, line+"\n") {
			t.Errorf("no line %s in\n%s", line, table)
		}
	}
	j, err := json.Marshal(schemas[0].JSONSchema())
	if err != nil || !strings.Contains(string(j), `"dns":{"items":{"format":"ipaddr","type":"string"},"type":"array"}`) {
		t.Errorf("%s %v", j, err)
	}
}

func TestDatatypes(t *testing.T) {
	good := map[string][]string{
		"ip4addr": {"10.0.0.1", "10.0.0.1/8", "10.0.0.1/255.0.0.0"}, "ip6addr": {"fe80::1", "::/0"},
		"cidr4": {"10.0.0.0/8"}, "cidr6": {"fd00::/8"}, "port": {"0", "65535"}, "portrange": {"1-2", "80"},
		"macaddr": {"00:11:22:aa:BB:cc"}, "hostname": {"a.example", "host-1"}, "host": {"10.0.0.1", "a.b"},
		"uciname": {"lan_1"}, "range(1,5)": {"1", "5"}, "or(ip4addr,range(1,5))": {"3", "1.2.3.4"},
		"list(port)": {"1 2 3"}, "and(uinteger,max(9))": {"9"}, "maxlength(3)": {"abc"}, "neg(ip4addr)": {"!10.0.0.1", "10.0.0.1"},
	}
	bad := map[string][]string{
		"ip4addr": {"10.0.0.300", "::1", ""}, "cidr4": {"10.0.0.0", "10.0.0.0/33"}, "port": {"65536", "-1"},
		"portrange": {"2-1", "a"}, "macaddr": {"00:11:22:33:44", "00:11:22:33:44:gg"}, "hostname": {"-a", "a..b", "1.2"},
		"uciname": {"a-b", ""}, "range(1,5)": {"0", "6", "x"}, "or(ip4addr,range(1,5))": {"9"},
		"list(port)": {"1 x"}, "and(uinteger,max(9))": {"10", "-1"}, "maxlength(3)": {"abcd"},
	}
	for set, want := range map[*map[string][]string]bool{&good: true, &bad: false} {
		for datatype, values := range *set {
			for _, v := range values {
				if msg, err := CheckDatatype(datatype, v); err != nil || (msg == "") != want {
					t.Errorf("%s of %q: %q, %v", datatype, v, msg, err)
				}
			}
		}
	}
	for _, datatype := range []string{"nope", "range(1)", "or()", "range(a,b)", "or(port"} {
		if _, err := CheckDatatype(datatype, "x"); err == nil {
			t.Errorf("%s is taken for a datatype", datatype)
		}
	}
}
