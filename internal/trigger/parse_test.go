// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// script is a list of one trigger that runs a script on the event "e".
func script(s string) json.RawMessage { return json.RawMessage(`[["e",` + s + `]]`) }

func condition1(s string) json.RawMessage { return script(`["if",` + s + `,["run_script","x"]]`) }

func TestParseReadsEventDelayAndInterval(t *testing.T) {
	list, err := Parse(json.RawMessage(`[
		["config.change", ["if", ["eq","package","demo"], ["run_script","/etc/init.d/demo","reload"]], 1000],
		["interface.*", ["run_script","x"]],
		["timer", ["run_script","y"], 60000]]`))
	if err != nil || len(list) != 3 {
		t.Fatal(list, err)
	}
	if got := list[0]; got.Event != "config.change" || got.Delay != time.Second || got.Interval != 0 {
		t.Error(got)
	}
	if got := list[1]; got.Event != "interface.*" || got.Delay != 0 {
		t.Error(got)
	}
	if got := list[2]; got.Delay != 0 || got.Interval != time.Minute {
		t.Error(got)
	}
}

func TestParseNamesThePlace(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, c := range []struct {
		raw   json.RawMessage
		place string
		text  string
	}{
		{nil, "triggers", "not JSON"},
		{json.RawMessage(`[1`), "triggers", "not JSON"},
		{json.RawMessage(`[] []`), "triggers", "not JSON"},
		{json.RawMessage(`null`), "triggers", "expected a list of triggers, found null"},
		{json.RawMessage(`{}`), "triggers", "found a table"},
		{json.RawMessage("[\"\xff\"]"), "triggers", "not UTF-8"},
		{json.RawMessage(`["` + strings.Repeat("a", maxSize) + `"]`), "triggers", "too many"},
		{json.RawMessage(deep(maxDepth + 1)), "triggers" + strings.Repeat("[0]", maxDepth), "nested deeper than 32 levels"},
		{json.RawMessage(`[7]`), "triggers[0]", "a trigger is [event, script, delay]; found a number"},
		{json.RawMessage(`[["e"]]`), "triggers[0]", "there are only 1 elements"},
		{json.RawMessage(`[["e",[],1,2]]`), "triggers[0][3]", "too much"},
		{json.RawMessage(`[[1,[]]]`), "triggers[0][0]", "expected the name of an event, found a number"},
		{json.RawMessage(`[["",[]]]`), "triggers[0][0]", "empty"},
		{json.RawMessage(`[["e\u0000",[]]]`), "triggers[0][0]", "zero byte"},
		{json.RawMessage(`[["e",[],"1000"]]`), "triggers[0][2]", "expected a time in ms"},
		{json.RawMessage(`[["e",[],-1]]`), "triggers[0][2]", "expected a time in ms"},
		{json.RawMessage(`[["e",[],1.5]]`), "triggers[0][2]", "expected a time in ms"},
		{json.RawMessage(`[["e",[],2147483648]]`), "triggers[0][2]", "expected a time in ms"},
		{json.RawMessage(`[["timer",[]]]`), "triggers[0]", "a timer needs an interval in ms"},
		{json.RawMessage(`[["timer",[],999]]`), "triggers[0][2]", "at least 1000 ms"},
		{json.RawMessage(`[["e","run_script"]]`), "triggers[0][1]", "expected a command or a list of commands, found a string"},
		{script(`["run_scrip","x"]`), "triggers[0][1][0]", `unknown command "run_scrip"`},
		{script(`["a\nb"]`), "triggers[0][1][0]", `unknown command "a\nb"`},
		{script(`["include","x"]`), "triggers[0][1][0]", "unknown command"},
		{script(`[["run_script","x"],"y"]`), "triggers[0][1][1]", "found a string"},
		{script(`[["run_script","x"],{}]`), "triggers[0][1][1]", "found a table"},
		{script(`["run_script"]`), "triggers[0][1]", "there are only 1 elements"},
		{script(`["run_script",""]`), "triggers[0][1][1]", "program is empty"},
		{script(`["run_script","x",5]`), "triggers[0][1][2]", "expected an argument, found a number"},
		{script(`["run_script","x","50%"]`), "triggers[0][1][2]", "has no second %"},
		{script(`["run_script","x","%a%b%"]`), "triggers[0][1][2]", "has no second %"},
		{script(`["run_script"` + strings.Repeat(`,"x"`, maxArguments+1) + `]`), "triggers[0][1][257]", "too much"},
		{script(`["return",1]`), "triggers[0][1][1]", "too much"},
		{script(`["if",["eq","a","b"]]`), "triggers[0][1]", "there are only 2 elements"},
		{script(`["if",["eq","a","b"],[],[],[]]`), "triggers[0][1][4]", "too much"},
		{script(`["if",["has","a"],"x"]`), "triggers[0][1][2]", "found a string"},
		{script(`["if",["has","a"],[],true]`), "triggers[0][1][3]", "found a boolean"},
		{script(`["case","a"]`), "triggers[0][1]", "there are only 2 elements"},
		{script(`["case",1,{}]`), "triggers[0][1][1]", "expected the name of a variable"},
		{script(`["case","a",[]]`), "triggers[0][1][2]", "found a list"},
		{script(`["case","a",{"b":["x"]}]`), `triggers[0][1][2]["b"][0]`, "unknown command"},
		{script(`["case","a",{"b":[],"b":[]}]`), `triggers[0][1][2]["b"]`, "given twice"},
		{condition1(`"eq"`), "triggers[0][1][1]", "expected a condition"},
		{condition1(`[]`), "triggers[0][1][1]", "expected a condition"},
		{condition1(`[["eq"]]`), "triggers[0][1][1][0]", "expected the name of a condition"},
		{condition1(`["equals","a","b"]`), "triggers[0][1][1][0]", `unknown condition "equals"`},
		{condition1(`["eq","a"]`), "triggers[0][1][1]", "there are only 2 elements"},
		{condition1(`["eq","a","b","c"]`), "triggers[0][1][1][3]", "too much"},
		{condition1(`["eq",1,"b"]`), "triggers[0][1][1][1]", "expected the name of a variable"},
		{condition1(`["eq","a",1]`), "triggers[0][1][1][2]", "expected a value, found a number"},
		{condition1(`["eq","a",["b",null]]`), "triggers[0][1][1][2][1]", "expected a value, found null"},
		{condition1(`["regex","a","("]`), "triggers[0][1][1][2]", `bad pattern "("`},
		{condition1(`["regex","a",["b","(a)\\1"]]`), "triggers[0][1][1][2][1]", "bad pattern"},
		{condition1(`["regex","a","(abcdef){1000}"]`), "triggers[0][1][1][2]", "too large together"},
		{condition1(`["has",1]`), "triggers[0][1][1][1]", "expected the name of a variable"},
		{condition1(`["has"]`), "triggers[0][1][1]", "there are only 1 elements"},
		{condition1(`["has","a","b"]`), "triggers[0][1][1][2]", "too much"},
		{condition1(`["and",["has","a"],1]`), "triggers[0][1][1][2]", "expected a condition"},
		{condition1(`["or","x"]`), "triggers[0][1][1][1]", "expected a condition"},
		{condition1(`["not"]`), "triggers[0][1][1]", "there are only 1 elements"},
		{condition1(`["not",["has","a"],["has","b"]]`), "triggers[0][1][1][2]", "too much"},
		{condition1(`["isdir",[]]`), "triggers[0][1][1][1]", "expected a path, found a list"},
		{condition1(`["isdir","/%a"]`), "triggers[0][1][1][1]", "has no second %"},
	} {
		_, err := Parse(c.raw)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%.80s: got error %v", c.raw, err)
			continue
		}
		if e.Place != c.place || !strings.Contains(e.Text, c.text) {
			t.Errorf("%.80s:\ngot  %v\nwant %s: …%s…", c.raw, err, c.place, c.text)
		}
	}
}

func TestParseKeepsTheTriggersThatAreRight(t *testing.T) {
	list, err := Parse(json.RawMessage(`[["a",["run_script","x"]],["b",["nope"]],["c",["run_script","y"]],["d"]]`))
	if len(list) != 2 || list[0].Event != "a" || list[1].Event != "c" {
		t.Error(list)
	}
	for _, want := range []string{"triggers[1][1][0]: ", "triggers[3]: "} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}

func TestParseTakesTheLimitsThemselves(t *testing.T) {
	for what, raw := range map[string]json.RawMessage{
		"nothing":   json.RawMessage(`[]`),
		"size":      json.RawMessage(`[` + strings.Repeat(" ", maxSize-2) + `]`),
		"depth":     json.RawMessage(`[["e",` + strings.Repeat("[", maxDepth-2) + strings.Repeat("]", maxDepth-2) + `]]`),
		"arguments": script(`["run_script"` + strings.Repeat(`,"x"`, maxArguments) + `]`),
		"delay":     json.RawMessage(`[["e",[],2147483647]]`),
		"pattern":   condition1(`["regex","a","^(lan|wan[0-9]{1,3})$"]`),
	} {
		if _, err := Parse(raw); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestPatternsOfOneListAreLimitedTogether(t *testing.T) {
	one := `["e",["if",["regex","a","(ab){600}"],["run_script","x"]]]`
	if list, err := Parse(json.RawMessage("[" + one + "]")); err != nil || len(list) != 1 {
		t.Fatal(err)
	}
	list, err := Parse(json.RawMessage(fmt.Sprintf("[%s,%s,%s,%s]", one, one, one, one)))
	if err == nil || len(list) == 4 {
		t.Errorf("four of them are taken: %v", err)
	}
}

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		pattern, event string
		want           bool
	}{
		{"config.change", "config.change", true},
		{"config.change", "config.changed", false},
		{"config.change", "config", false},
		{"interface.*", "interface.up", true},
		{"interface.*", "interface", true},
		{"interface.*", "interface_foo", true},
		{"interface.*", "interfac", false},
		{"a.*.b", "a.x", true},
		{".*", "anything", true},
		{"*", "anything", false},
		{"interface*", "interface.up", false},
		{"Interface.up", "interface.up", false},
	} {
		if got := (&Trigger{Event: c.pattern}).Matches(c.event); got != c.want {
			t.Errorf("%s listens to %s: %v", c.pattern, c.event, got)
		}
	}
}
