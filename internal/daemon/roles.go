// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"

	"ucid/internal/control"
	"ucid/internal/settings"
)

// roles says what a caller may do, from what the kernel says of it: root, and the user the
// daemon runs as, administer; members of the groups in the settings operate or view.
func roles(s settings.Settings) func(uid, gid uint32, pid int32) control.Caller {
	own := uint32(os.Geteuid())
	return func(uid, gid uint32, _ int32) control.Caller {
		caller := control.Caller{Name: nameOf(uid)}
		groups := groupsOf(uid, gid)
		isMember := func(group string) bool { return slices.Contains(groups, group) }
		switch {
		case uid == 0 || uid == own:
			caller.Role = control.Administer
		case slices.ContainsFunc(s.Operators, isMember):
			caller.Role = control.Operate
		case slices.ContainsFunc(s.Viewers, isMember):
			caller.Role = control.View
		}
		return caller
	}
}

func nameOf(uid uint32) string {
	if u, err := user.LookupId(strconv.Itoa(int(uid))); err == nil {
		return u.Username
	}
	return fmt.Sprintf("uid %d", uid)
}

// groupsOf names the groups of a user: the one the caller runs with and those of the user database.
func groupsOf(uid, gid uint32) []string {
	ids := []string{strconv.Itoa(int(gid))}
	if u, err := user.LookupId(strconv.Itoa(int(uid))); err == nil {
		if more, err := u.GroupIds(); err == nil {
			ids = append(ids, more...)
		}
	}
	var names []string
	for _, id := range ids {
		if g, err := user.LookupGroupId(id); err == nil {
			names = append(names, g.Name)
		}
	}
	return names
}
