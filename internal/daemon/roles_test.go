// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"log/slog"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"ucid/internal/control"
	"ucid/internal/settings"
)

// somebody is a group that has no part in this process.
const somebody = 4000000000

func groupName(t *testing.T, gid string) string {
	t.Helper()
	g, err := user.LookupGroupId(gid)
	if err != nil {
		t.Fatal(err)
	}
	return g.Name
}

func TestRoles(t *testing.T) {
	root := groupName(t, "0")
	daemonGroup := groupName(t, "1")
	with := func(operators, viewers []string) func(uint32, uint32, int32) control.Caller {
		return roles(settings.Settings{Operators: operators, Viewers: viewers})
	}
	for _, c := range []struct {
		name     string
		roles    func(uint32, uint32, int32) control.Caller
		uid, gid uint32
		want     control.Role
	}{
		{"root", with(nil, nil), 0, 0, control.Administer},
		{"root in a viewers' group", with(nil, []string{root}), 0, 0, control.Administer},
		{"a stranger", with(nil, nil), somebody, somebody, control.Nobody},
		{"a stranger with root's group", with(nil, nil), somebody, 0, control.Nobody},
		{"an operator", with([]string{daemonGroup}, nil), somebody, 1, control.Operate},
		{"a viewer", with([]string{root}, []string{daemonGroup}), somebody, 1, control.View},
		{"both", with([]string{daemonGroup}, []string{daemonGroup}), somebody, 1, control.Operate},
		{"no such group", with([]string{"no-such-group"}, []string{""}), somebody, somebody, control.Nobody},
		{"a number is no name", with([]string{"4000000000"}, nil), somebody, somebody, control.Nobody},
	} {
		if got := c.roles(c.uid, c.gid, 1); got.Role != c.want || got.Name == "" {
			t.Errorf("%s may %s as %q, want %s", c.name, got.Role, got.Name, c.want)
		}
	}
}

func TestSocketIsSharedWithTheFirstGroup(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var log strings.Builder
	s := settings.Settings{Socket: path, Operators: []string{groupName(t, "0")}, Viewers: []string{groupName(t, "1")}}
	if err := share(s, slog.New(slog.NewTextHandler(&log, nil))); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "one group") {
		t.Errorf("the second group is not spoken of: %q", log.String())
	}
	s.Operators = []string{"no-such-group"}
	if err := share(s, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "no-such-group") {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}
