// SPDX-License-Identifier: Apache-2.0

package uci

import (
	"math"
	"strings"
)

// The functions here read numbers as the C library does, since the format is defined by
// programs that use it.

// scanInt reads a number as scanf's %d: blanks, a sign, digits; what follows is ignored. It
// is false when there is no number.
func scanInt(s string) (int, bool) {
	n, _, digits := leadingInt(s)
	return int(int32(n)), digits
}

// ScanInt reads a number at the start of s as scanf's %d does.
func ScanInt(s string) (int, bool) { return scanInt(s) }

// position reads the position of a reorder as strtoul does, cut to 32 bits.
func position(s string) int {
	n, _, _ := leadingInt(s)
	return int(int32(n))
}

// leadingInt reads a decimal number at the start of s; rest is what follows it. One that is
// too large becomes the largest.
func leadingInt(s string) (n int64, rest string, digits bool) {
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	negative := strings.HasPrefix(s, "-")
	if negative || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	for ; s != "" && s[0] >= '0' && s[0] <= '9'; s = s[1:] {
		digits = true
		if n > (math.MaxInt64-9)/10 {
			n = math.MaxInt64
		} else {
			n = n*10 + int64(s[0]-'0')
		}
	}
	if negative {
		n = -n
	}
	return n, s, digits
}
