// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"strings"
	"testing"
)

func TestDiffFiles(t *testing.T) {
	old := map[string]string{
		"network": "config route 'a'\n\toption gateway '192.0.2.1'\n\toption metric '5'\n\nconfig route 'gone'\n\toption target '10.0.0.0/8'\n",
		"ipsec":   "config remote 'x'\n\toption pre_shared_key 'old one'\n\toption password 'same'\n",
		"same":    "config a b\n\toption n '1'\n",
	}
	new := map[string]string{
		"network": "config route 'a'\n\toption gateway '192.0.2.2'\n\tlist dns '1'\n\tlist dns '2'\n\nconfig rule\n\toption lookup '100'\n",
		"ipsec":   "config remote 'x'\n\toption pre_shared_key 'new one'\n\toption password 'same'\n\toption api_token 'shown never'\n",
		"same":    "config a 'b'\n\toption n 1\n",
	}
	diffs, err := diffFiles(old, new)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	a := &app{out: &out}
	for _, name := range []string{"ipsec", "network", "same"} {
		for _, d := range diffs[name] {
			a.printDifference(name, d)
		}
	}
	want := `~ ipsec.x.pre_shared_key='***' → '***'
+ ipsec.x.api_token='***'
~ network.a.gateway='192.0.2.1' → '192.0.2.2'
- network.a.metric='5'
+ network.a.dns='1' '2'
- network.gone='route'
- network.gone.target='10.0.0.0/8'
+ network.@rule[0]='rule'
+ network.@rule[0].lookup='100'
`
	if out.String() != want {
		t.Errorf("%s\nwant\n%s", out.String(), want)
	}
	for _, secret := range []string{"old one", "new one", "shown never"} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%q is shown", secret)
		}
	}
	if _, err := diffFiles(old, map[string]string{"network": "config '"}); err == nil {
		t.Error("a broken file is compared")
	}
}

func TestRevisionsOf(t *testing.T) {
	for _, args := range [][]string{{"x"}, {"-1"}, {"1", "2x"}} {
		if got, err := revisionsOf(args); err == nil {
			t.Errorf("%q: %v", args, got)
		}
	}
	if got, err := revisionsOf([]string{"7"}); err != nil || got != [2]int{7, 0} {
		t.Errorf("%v, %v", got, err)
	}
}
