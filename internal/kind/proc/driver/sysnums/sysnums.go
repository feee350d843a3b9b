// SPDX-License-Identifier: Apache-2.0

// Package sysnums has the numbers of the system calls of this architecture by their names.
package sysnums

import (
	"strconv"
	"strings"
)

//go:generate go run generate.go

// All returns the table.
func All() map[string]uint32 {
	words := strings.Fields(table)
	all := make(map[string]uint32, len(words)/2)
	for i := 0; i+1 < len(words); i += 2 {
		n, _ := strconv.ParseUint(words[i+1], 10, 32)
		all[words[i]] = uint32(n)
	}
	return all
}
