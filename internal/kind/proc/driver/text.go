// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"encoding/json"
	"unicode/utf8"
)

// A text is a string of any bytes that survives JSON: what is not UTF-8 is written in base64.
type text string

func (t text) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(t)) {
		return json.Marshal(string(t))
	}
	return json.Marshal([][]byte{[]byte(t)})
}

func (t *text) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '[' {
		var packed [][]byte
		if err := json.Unmarshal(data, &packed); err != nil || len(packed) != 1 {
			return err
		}
		*t = text(packed[0])
		return nil
	}
	return json.Unmarshal(data, (*string)(t))
}

func texts(items []string) []text {
	out := make([]text, len(items))
	for i, item := range items {
		out[i] = text(item)
	}
	return out
}

func plain(items []text) []string {
	out := make([]string, len(items))
	for i, item := range items {
		out[i] = string(item)
	}
	return out
}
