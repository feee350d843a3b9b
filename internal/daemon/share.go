// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"fmt"
	"log/slog"
	"os"
	"os/user"
	"slices"
	"strconv"

	"ucid/internal/settings"
)

// share lets the groups in the settings reach the socket. A file has one group: it is the
// first one's, and members of others have to be in it, too.
func share(s settings.Settings, log *slog.Logger) error {
	groups := slices.Concat(s.Operators, s.Viewers)
	if len(groups) == 0 {
		return nil
	}
	g, err := user.LookupGroup(groups[0])
	if err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	gid, err := strconv.Atoi(g.Gid)
	if err == nil {
		err = os.Chown(s.Socket, -1, gid)
	}
	if slices.Sort(groups); len(slices.Compact(groups)) > 1 {
		log.Warn("the control socket has one group; members of the others reach it only when they are in it, too",
			"group", g.Name, "socket", s.Socket)
	}
	return err
}
