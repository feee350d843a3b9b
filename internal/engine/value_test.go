// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
)

func TestListKeepsItemsApart(t *testing.T) {
	for _, items := range [][]string{nil, {""}, {"a"}, {"a", "b"}, {"a b"}, {"1:a"}, {"", ""}, {"3:x", ":", "\x00"}} {
		l := MakeList(items...)
		if !slices.Equal(l.Slice(), items) {
			t.Errorf("%q came back as %q", items, l.Slice())
		}
		text, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		var back List
		if err := json.Unmarshal(text, &back); err != nil || back != l {
			t.Errorf("%q came back from JSON as %q (%v)", items, back.Slice(), err)
		}
	}
	if MakeList("a", "b") == MakeList("ab") || MakeList("a b") == MakeList("a", "b") {
		t.Error("different lists are equal")
	}
}

func TestMapIsSortedAndMasked(t *testing.T) {
	m := MakeMap(map[string]string{"PASSWORD": "hunter2", "A": "1"})
	if m != MakeMap(map[string]string{"A": "1", "PASSWORD": "hunter2"}) {
		t.Error("equal tables differ")
	}
	if v, ok := m.Get("PASSWORD"); !ok || v != "hunter2" {
		t.Errorf("got %q, %v", v, ok)
	}
	text, _ := json.Marshal(m)
	if s := m.String() + string(text); strings.Contains(s, "hunter2") {
		t.Errorf("a value is shown: %s", s)
	}
}

func TestSecretIsNeverShown(t *testing.T) {
	s := MakeSecret("hunter2")
	type holder struct{ Key Secret }
	text, _ := json.Marshal(holder{s})
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "secret", s)
	for _, shown := range []string{fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %s %q %d %x", s, s, s, s, s, s, s),
		fmt.Sprintf("%+v %#v", holder{s}, holder{s}), string(text), log.String()} {
		if strings.Contains(shown, "hunter2") {
			t.Errorf("shown: %s", shown)
		}
	}
	if s != MakeSecret("hunter2") || s == MakeSecret("other") || s.Reveal() != "hunter2" {
		t.Error("secrets do not compare by value")
	}
}
