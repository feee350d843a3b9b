// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

var seeds = []string{
	`[]`, `null`, `[[]]`, `[["e"]]`, `{"a":1}`,
	`[["config.change",["if",["eq","package","demo"],["run_script","/etc/init.d/demo","reload"]],1000]]`,
	`[["interface.*",[["case","interface",{"wan":[["run_script","%device%","100%%"],["return"]],"lan":[]}],["run_script","x"]]]]`,
	`[["mount.add",["if",["or",["eq","target",["/mnt","/srv"]],["not",["has",["a","b"]]]],["run_script","x"],["return"]],100]]`,
	`[["e",["if",["and",["regex","a",["^x[0-9]{1,3}$","[[:alpha:]]"]],["isdir","/%a%"]],["run_script","%a%%b%"]]]]`,
	`[["timer",["run_script","x"],60000]]`, `[["e",["run_script","%a"]]]`, `[["e",["nope"]],["f",["run_script","x"]]]`,
}

// checkErrors looks whether each error of Parse has a place and no control characters.
func checkErrors(t *testing.T, err error) {
	all := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		all = joined.Unwrap()
	}
	for _, one := range all {
		var e *Error
		if !errors.As(one, &e) || !strings.HasPrefix(e.Place, "triggers") || e.Text == "" {
			t.Errorf("%v is not an Error", one)
		} else if strings.ContainsFunc(e.Place, func(r rune) bool { return r < ' ' }) {
			t.Errorf("the place %q is not printable", e.Place)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		list, err := Parse(raw)
		if err != nil {
			checkErrors(t, err)
		}
		for _, trigger := range list {
			if trigger.Event == "" || trigger.Delay < 0 || (trigger.Event == Timer) != (trigger.Interval >= MinInterval) {
				t.Errorf("%+v", trigger)
			}
		}
		if again, _ := Parse(raw); len(again) != len(list) {
			t.Errorf("%d triggers, then %d", len(list), len(again))
		}
	})
}

func FuzzEvaluate(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s), "e", `{"a":"x1","b":"%a%"}`)
		f.Add([]byte(s), "config.change", `{"package":"demo","interface":"wan","a":"\u0000"}`)
	}
	isDir := func(path string) (bool, error) {
		if len(path) > 5 {
			return false, errNoAnswer
		}
		return len(path)%2 == 0, nil
	}
	f.Fuzz(func(t *testing.T, raw []byte, event, text string) {
		data, err := Data(json.RawMessage(text))
		if err != nil {
			return
		}
		list, _ := Parse(raw)
		found, _ := list.evaluate(func(t *Trigger) bool { return t.Matches(event) }, data, isDir)
		seen, size := map[string]bool{}, 0
		for _, c := range found {
			key := argvKey(c.Argv)
			if seen[key] || c.Argv[0] == "" || strings.Count(key, "\x00") != len(c.Argv)-1 {
				t.Errorf("%q", c.Argv)
			}
			seen[key] = true
			size += len(key) - len(c.Argv) + 1
		}
		if size > maxOutput {
			t.Errorf("%d bytes", size)
		}
	})
}
