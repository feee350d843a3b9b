// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// heldVariable names the descriptors that a daemon handed to the one it became.
const heldVariable = "UCID_HELD"

// Hold returns an environment variable for the program that this one is about to become by
// exec. Until that program's driver has taken over, it keeps the output of children open,
// so that the last lines of one that ends in between are not lost.
func (d *Driver) Hold() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var held []string
	for _, p := range d.procs {
		for _, s := range []*stream{p.out, p.errs} {
			if s == nil {
				continue
			}
			if fd, err := unix.Dup(s.fd); err == nil { // without close-on-exec
				held = append(held, strconv.Itoa(fd))
			}
		}
	}
	return heldVariable + "=" + strings.Join(held, ",")
}

// letGo closes what was held for this program.
func letGo() {
	for word := range strings.SplitSeq(os.Getenv(heldVariable), ",") {
		if fd, err := strconv.Atoi(word); err == nil && fd > unix.Stderr {
			unix.Close(fd)
		}
	}
	os.Unsetenv(heldVariable)
}
