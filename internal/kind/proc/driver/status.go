// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"iter"
	"strconv"
	"strings"
)

// lines and cutField read the "Key:\tvalue" lines of /proc/PID/status.
func lines(data []byte) iter.Seq[string] { return strings.Lines(string(data)) }

func cutField(line string) (key, value string) {
	key, value, _ = strings.Cut(line, ":")
	return key, strings.TrimSpace(value)
}

func parseBits(value string, base int) uint64 {
	n, _ := strconv.ParseUint(value, base, 64)
	return n
}

func parseSmall(data []byte) int {
	n, _ := strconv.Atoi(strings.TrimSpace(string(data)))
	return n
}
