// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"ucid/internal/engine"
)

// resources are the limits by their procd names.
var resources = map[string]int{
	"as": unix.RLIMIT_AS, "core": unix.RLIMIT_CORE, "cpu": unix.RLIMIT_CPU, "data": unix.RLIMIT_DATA,
	"fsize": unix.RLIMIT_FSIZE, "locks": unix.RLIMIT_LOCKS, "memlock": unix.RLIMIT_MEMLOCK,
	"msgqueue": unix.RLIMIT_MSGQUEUE, "nice": unix.RLIMIT_NICE, "nofile": unix.RLIMIT_NOFILE,
	"nproc": unix.RLIMIT_NPROC, "rss": unix.RLIMIT_RSS, "rtprio": unix.RLIMIT_RTPRIO,
	"rttime": unix.RLIMIT_RTTIME, "sigpending": unix.RLIMIT_SIGPENDING, "stack": unix.RLIMIT_STACK,
}

// A limit is one setrlimit(2).
type limit struct {
	Resource   int
	Soft, Hard uint64
	KeepHard   bool // only a soft value was given
}

// parseLimits reads the table of limits: "SOFT HARD", "SOFT" or "unlimited".
func parseLimits(table engine.Map) ([]limit, error) {
	var all []limit
	for name, value := range table.All() {
		resource, ok := resources[name]
		if !ok {
			return nil, fmt.Errorf("limit %q is unknown; they are named as in setrlimit(2), in lower case: nofile, core …", name)
		}
		l, err := parseLimit(value)
		if err != nil {
			return nil, fmt.Errorf("limit %s: %w", name, err)
		}
		l.Resource = resource
		all = append(all, l)
	}
	return all, nil
}

func parseLimit(value string) (limit, error) {
	words := strings.Fields(value)
	if len(words) < 1 || len(words) > 2 {
		return limit{}, fmt.Errorf("%q is not SOFT, SOFT HARD or unlimited", value)
	}
	soft, err := parseAmount(words[0])
	if err != nil {
		return limit{}, err
	}
	if len(words) == 1 {
		return limit{Soft: soft, Hard: soft, KeepHard: words[0] != "unlimited"}, nil
	}
	hard, err := parseAmount(words[1])
	if err != nil {
		return limit{}, err
	}
	if soft > hard {
		return limit{}, fmt.Errorf("%q: the soft limit is above the hard one", value)
	}
	return limit{Soft: soft, Hard: hard}, nil
}

func parseAmount(word string) (uint64, error) {
	if word == "unlimited" || word == "infinity" {
		return unix.RLIM_INFINITY, nil
	}
	n, err := strconv.ParseUint(word, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is neither a number nor unlimited", word)
	}
	return n, nil
}
