// SPDX-License-Identifier: Apache-2.0

package process

import (
	"slices"
	"strconv"
	"strings"

	"ucid/internal/engine"
)

// resources are the limits of setrlimit(2), as procd spells them.
var resources = []string{"as", "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile",
	"nproc", "rss", "rtprio", "rttime", "sigpending", "stack"}

// limits reads items NAME=SOFT, "NAME=SOFT HARD" or NAME=unlimited.
func (d *draft) limits() engine.Map {
	table := map[string]string{}
	for _, item := range d.p.Limits {
		name, value, _ := strings.Cut(item, "=")
		_, twice := table[name]
		amounts := strings.Fields(value)
		switch {
		case !slices.Contains(resources, name):
			d.wrongItem("limits", item, "'%s': there is no limit '%s'; there are %s", item, name, strings.Join(resources, ", "))
		case !validAmounts(amounts):
			d.wrongItem("limits", item, "'%s' is not NAME=SOFT, 'NAME=SOFT HARD' or NAME=unlimited, with the soft limit not above the hard one", item)
		case twice:
			d.wrongItem("limits", item, "sets %s twice", name)
		}
		table[name] = strings.Join(amounts, " ")
	}
	return engine.MakeMap(table)
}

func validAmounts(amounts []string) bool {
	var values [2]uint64
	if len(amounts) < 1 || len(amounts) > 2 {
		return false
	}
	for i, text := range amounts {
		n, err := strconv.ParseUint(text, 10, 64)
		if text == "unlimited" {
			n, err = 1<<64-1, nil
		}
		if err != nil {
			return false
		}
		values[i] = n
	}
	return len(amounts) == 1 || values[0] <= values[1]
}
