// SPDX-License-Identifier: Apache-2.0

package driver

import "ucid/internal/kind/proc"

// Two instances of one program often want the same port. When one is removed and another
// created, as by the renaming of a section, the new one waits until the old one is gone.

// inTheWay reports whether an instance of the same program is still being removed.
func (d *Driver) inTheWay(run proc.Proc) bool {
	for _, p := range d.procs {
		if p.m.gone && program(p.m.run) == program(run) {
			return true
		}
	}
	return false
}

func program(p proc.Proc) string {
	for word := range p.Command.All() {
		return word
	}
	return ""
}
