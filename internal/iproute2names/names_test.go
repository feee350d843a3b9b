// SPDX-License-Identifier: Apache-2.0

package iproute2names

import (
	"context"
	"maps"
	"testing"
	"testing/fstest"

	"ucid/internal/engine"
)

func text(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }

func TestFacts(t *testing.T) {
	source := Source{fstest.MapFS{
		"usr/share/iproute2/rt_tables":       text("255 local\n254 main\n7 overridden\n"),
		"etc/iproute2/rt_tables":             text("# reserved\n100\tisp1 # uplink\n0x65 isp2\nnonsense\nx y\n8 overridden\n"),
		"etc/iproute2/rt_tables.d/a.conf":    text("102 isp3\n"),
		"etc/iproute2/rt_tables.d/README":    text("103 no\n"),
		"etc/iproute2/rt_protos":             text("186 bgp\n"),
		"etc/iproute2/rt_protos.d/mine.conf": text("117 ucid\n"),
		"etc/protocols":                      text("ip 0 IP # internet protocol\ntcp\t6\tTCP\n"),
	}}
	got, err := source.Facts(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	want := map[engine.Fact]string{
		{Topic: Table, Name: "local"}: "255", {Topic: Table, Name: "main"}: "254",
		{Topic: Table, Name: "isp1"}: "100", {Topic: Table, Name: "isp2"}: "101", {Topic: Table, Name: "isp3"}: "102",
		{Topic: Table, Name: "overridden"}: "8",
		{Topic: Protocol, Name: "bgp"}:     "186", {Topic: Protocol, Name: "ucid"}: "117",
		{Topic: IPProto, Name: "ip"}: "0", {Topic: IPProto, Name: "IP"}: "0",
		{Topic: IPProto, Name: "tcp"}: "6", {Topic: IPProto, Name: "TCP"}: "6",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

func TestNoFiles(t *testing.T) {
	got, err := Source{fstest.MapFS{}}.Facts(context.Background())
	if err != nil || len(got) != 0 {
		t.Errorf("got %v, %v; want nothing", got, err)
	}
}

// A directory in the place of a file is skipped.
func TestDirectory(t *testing.T) {
	got, err := Source{fstest.MapFS{"etc/protocols/x": text("tcp 6")}}.Facts(context.Background())
	if err != nil || len(got) != 0 {
		t.Errorf("got %v, %v; want nothing", got, err)
	}
}
