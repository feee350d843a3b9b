// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

type vars = map[string]string

// ran lists the commands of a script for some data, each as words with spaces.
func ran(t *testing.T, s string, data vars) []string {
	t.Helper()
	list, err := Parse(script(s))
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	isDir := func(path string) (bool, error) {
		if path == "/hung" {
			return false, errNoAnswer
		}
		return path == "/dir", nil
	}
	found, _ := list.evaluate(func(*Trigger) bool { return true }, data, isDir)
	var all []string
	for _, c := range found {
		all = append(all, strings.Join(c.Argv, " "))
	}
	return all
}

func TestCommands(t *testing.T) {
	const a, b, c = `["run_script","a"]`, `["run_script","b"]`, `["run_script","c"]`
	for _, test := range []struct {
		script string
		data   vars
		want   string
	}{
		{`[]`, nil, ""},
		{a, nil, "a"},
		{`["run_script","/etc/init.d/x","reload",""]`, nil, "/etc/init.d/x reload "},
		{`[` + a + `,` + b + `]`, nil, "a,b"},
		{`[[` + a + `,[]],[[` + b + `]]]`, nil, "a,b"},
		{`[` + a + `,` + b + `,` + a + `]`, nil, "a,b"}, // each argv once
		{`["if",["has","v"],` + a + `]`, vars{"v": ""}, "a"},
		{`["if",["has","v"],` + a + `]`, nil, ""},
		{`["if",["has","v"],` + a + `,` + b + `]`, nil, "b"},
		{`["if",["has","v"],[` + a + `,` + b + `],[]]`, vars{"v": "1"}, "a,b"},
		{`[["if",["has","v"],["return"]],` + a + `]`, vars{"v": "1"}, ""},
		{`[["if",["has","v"],["return"]],` + a + `]`, nil, "a"},
		{`[` + a + `,[[["return"]],` + b + `],` + c + `]`, nil, "a"}, // return leaves every block
		{`[["case","v",{"1":[` + a + `,["return"]],"2":` + b + `}],` + c + `]`, vars{"v": "1"}, "a"},
		{`[["case","v",{"1":[` + a + `,["return"]],"2":` + b + `}],` + c + `]`, vars{"v": "2"}, "b,c"},
		{`[["case","v",{"1":` + a + `,"*":` + b + `}],` + c + `]`, vars{"v": "3"}, "c"}, // no default
		{`[["case","v",{"":` + a + `}],` + c + `]`, nil, "c"},                           // no variable is not an empty one
		{`["case","v",{"":` + a + `}]`, vars{"v": ""}, "a"},
		{`["if",["isdir","/hung"],` + a + `,` + b + `]`, nil, ""}, // neither
		{`[["if",["not",["isdir","/hung"]],` + a + `,` + b + `],` + c + `]`, nil, "c"},
		{`[["run_script","%none%"],` + c + `]`, nil, "c"}, // a program without a name
	} {
		if got := strings.Join(ran(t, test.script, test.data), ","); got != test.want {
			t.Errorf("%s with %v runs %q, want %q", test.script, test.data, got, test.want)
		}
	}
}

func TestConditions(t *testing.T) {
	data := vars{"v": "eth0.2", "empty": "", "nl": "a\nb", "dir": "dir"}
	for condition, want := range map[string]bool{
		`["eq","v","eth0.2"]`:                      true,
		`["eq","v","eth0"]`:                        false,
		`["eq","v",["eth1","eth0.2"]]`:             true,
		`["eq","v",[]]`:                            false,
		`["eq","none",""]`:                         false,
		`["eq","empty",""]`:                        true,
		`["eq","v","%v%"]`:                         false, // not expanded
		`["regex","v","h0"]`:                       true,
		`["regex","v","^h0"]`:                      false,
		`["regex","v","^eth[[:digit:]]\\.2$"]`:     true,
		`["regex","v",["^wan","^eth"]]`:            true,
		`["regex","v",["^wan","^lan"]]`:            false,
		`["regex","none",""]`:                      false,
		`["regex","empty","^$"]`:                   true,
		`["regex","v","^eth\\d"]`:                  true,
		`["regex","nl","a.b"]`:                     true,
		`["regex","nl","^b"]`:                      false,
		`["regex","nl","a$"]`:                      false,
		`["regex","v","ETH"]`:                      false,
		`["has","empty"]`:                          true,
		`["has","none"]`:                           false,
		`["has",["none","v"]]`:                     true,
		`["has",["none"]]`:                         false,
		`["and"]`:                                  true,
		`["and",["has","v"],["has","none"]]`:       false,
		`["and",["has","v"],["has","empty"]]`:      true,
		`["or"]`:                                   false,
		`["or",["has","none"],["has","v"]]`:        true,
		`["or",["has","none"],["has","nope"]]`:     false,
		`["not",["has","none"]]`:                   true,
		`["not",["eq","none","x"]]`:                true,
		`["not",["not",["has","v"]]]`:              true,
		`["isdir","/dir"]`:                         true,
		`["isdir","/%dir%"]`:                       true,
		`["isdir","/%none%"]`:                      false,
		`["isdir","/hung"]`:                        false,
		`["not",["isdir","/hung"]]`:                false,
		`["or",["isdir","/hung"],["has","v"]]`:     false,
		`["or",["has","v"],["isdir","/hung"]]`:     true, // not asked for
		`["and",["has","none"],["isdir","/hung"]]`: false,
	} {
		got := len(ran(t, `["if",`+condition+`,["run_script","x"]]`, data)) == 1
		if got != want {
			t.Errorf("%s is %v", condition, got)
		}
	}
}

func TestVariables(t *testing.T) {
	data := vars{"a": "1", "b": "%a%", "sp": "x y"}
	for text, want := range map[string]string{
		"plain": "plain", "%a%": "1", "<%a%>": "<1>", "%a%%b%": "1%a%", "%%": "%", "100%%": "100%",
		"%%a%%": "%a%", "%%%a%%%": "%1%", "%none%.": ".", "%sp%": "x y",
	} {
		if got := ran(t, `["run_script","x","`+text+`"]`, data); len(got) != 1 || got[0] != "x "+want {
			t.Errorf("%s is %q", text, got)
		}
	}
	if got := ran(t, `["run_script","/etc/init.d/%a%"]`, data); got[0] != "/etc/init.d/1" {
		t.Error(got)
	}
}

func TestEvaluateIsLastRegisteredFirst(t *testing.T) {
	list, err := Parse(json.RawMessage(`[
		["e.x",["run_script","a"],500],
		["e.*",[["run_script","b"],["run_script","c"]],300],
		["other",["run_script","d"]],
		["e.*",["run_script","a"],200]]`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := list.Evaluate("e.x", nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []Command{{[]string{"a"}, 200 * time.Millisecond}, {[]string{"b"}, 300 * time.Millisecond}, {[]string{"c"}, 300 * time.Millisecond}}
	if !slices.EqualFunc(got, want, func(x, y Command) bool { return slices.Equal(x.Argv, y.Argv) && x.Delay == y.Delay }) {
		t.Error(got)
	}
}

func TestEvaluateSaysWhatItCannot(t *testing.T) {
	big := strings.Repeat("x", maxData-10)
	for _, c := range []struct {
		script string
		data   vars
		want   string
	}{
		{`["run_script","%none%"]`, nil, "triggers[0][1]: the name of the program is empty"},
		{`["run_script","x","%v%"]`, vars{"v": "a\x00b"}, "triggers[0][1]: argument 1: with its variables it holds a zero byte"},
		{`["run_script","x","%v%","%v%%v%%v%%v%%v%"]`, vars{"v": big}, "argument 2: with its variables it is longer"},
		{`["if",["isdir","%v%%v%%v%%v%%v%"],[]]`, vars{"v": big}, "triggers[0][1][1]: isdir: with its variables it is longer"},
		{`["run_script","x"]`, vars{"v": big + big}, "16384 are allowed"},
	} {
		list, err := Parse(script(c.script))
		if err != nil {
			t.Fatal(err)
		}
		got, err := list.Evaluate("e", c.data)
		if err == nil || !strings.Contains(err.Error(), c.want) || len(got) != 0 {
			t.Errorf("%s: %d commands and error %v, want %s", c.script, len(got), err, c.want)
		}
	}
}

func TestEvaluateAsksTheFileSystem(t *testing.T) {
	list, err := Parse(condition1(`["isdir","%d%"]`))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{t.TempDir(): 1, t.TempDir() + "/none": 0, "": 0} {
		if got, err := list.Evaluate("e", vars{"d": path}); err != nil || len(got) != want {
			t.Errorf("%q: %v, %v", path, got, err)
		}
	}
}

func TestData(t *testing.T) {
	data, err := Data(json.RawMessage(`{"a":"1","b":2,"c":{"d":"e"},"f":null,"":""}`))
	if err != nil || len(data) != 2 || data["a"] != "1" {
		t.Error(data, err)
	}
	for _, bad := range []string{``, `[]`, `"x"`, `{"a":"` + strings.Repeat("x", maxData) + `"}`} {
		if _, err := Data(json.RawMessage(bad)); err == nil {
			t.Errorf("%.20s is taken", bad)
		}
	}
}

func TestErrorsCanBeTold(t *testing.T) {
	list, _ := Parse(condition1(`["isdir","/x"]`))
	_, err := list.evaluate(func(*Trigger) bool { return true }, nil, func(string) (bool, error) { return false, errNoAnswer })
	if !errors.Is(err, errNoAnswer) {
		t.Error(err)
	}
}
