// SPDX-License-Identifier: Apache-2.0

package uci

import "strings"

// setting is one comma-separated part of a field tag: "required" or "default=5".
type setting struct{ key, value string }

// parseTag splits a field tag into the name before the first comma and the settings after
// it. Commas in parentheses do not count, so that datatype=range(1,5) is one setting.
func parseTag(tag string) (name string, settings []setting) {
	parts := splitOutside(tag, ',')
	for _, part := range parts[1:] {
		key, value, _ := strings.Cut(part, "=")
		settings = append(settings, setting{key, value})
	}
	return parts[0], settings
}

// splitOutside splits s at sep where that is not in parentheses.
func splitOutside(s string, sep byte) (parts []string) {
	depth, from := 0, 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '(':
			depth++
		case ')':
			depth--
		case sep:
			if depth == 0 {
				parts = append(parts, s[from:i])
				from = i + 1
			}
		}
	}
	return append(parts, s[from:])
}
