// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"ucid/internal/kind/proc"
)

// An account is whom a child runs as.
type account struct {
	uid, gid   int
	groups     []int // supplementary
	name, home string
	change     bool // it is not simply the daemon's own
}

// lookupAccount resolves user and group, names or numbers. What is unknown is refused:
// a child never runs as the daemon's user because its own is missing.
func lookupAccount(userName, groupName string) (account, error) {
	a := ownAccount()
	if userName != "" {
		if err := a.become(userName, groupName != ""); err != nil {
			return account{}, err
		}
	}
	if groupName != "" {
		gid, err := lookupGroup(groupName)
		if err != nil {
			return account{}, err
		}
		a.change = a.change || gid != a.gid
		a.gid = gid
	}
	if a.change && os.Geteuid() != 0 {
		return account{}, fmt.Errorf("only root can start a process as user %q group %q", userName, groupName)
	}
	return a, nil
}

// ownAccount is the daemon's own, looked up once.
var ownAccount = sync.OnceValue(func() account {
	a := account{uid: os.Geteuid(), gid: os.Getegid(), name: "root", home: "/"}
	if u, err := user.LookupId(strconv.Itoa(a.uid)); err == nil {
		a.name, a.home = u.Username, u.HomeDir
	}
	return a
})

func (a *account) become(name string, grouped bool) error {
	u, err := user.Lookup(name)
	if err != nil {
		u, err = user.LookupId(name)
	}
	if err != nil {
		return a.becomeNumber(name, grouped)
	}
	uid, err1 := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	if err := errors.Join(err1, err2); err != nil {
		return fmt.Errorf("user %q: %w", name, err)
	}
	a.change = uid != os.Geteuid() || gid != os.Getegid()
	a.uid, a.gid, a.name, a.home = uid, gid, u.Username, u.HomeDir
	ids, err := u.GroupIds()
	if err != nil {
		return fmt.Errorf("cannot list the groups of user %q: %w", name, err)
	}
	for _, id := range ids {
		if n, err := strconv.Atoi(id); err == nil {
			a.groups = append(a.groups, n)
		}
	}
	return nil
}

// becomeNumber takes a number that is in no user database, if the group is given as well.
func (a *account) becomeNumber(name string, grouped bool) error {
	uid, err := strconv.ParseUint(name, 10, 31)
	if err != nil {
		return fmt.Errorf("user %q is unknown; create it or name another", name)
	}
	if !grouped {
		return fmt.Errorf("user %q is unknown; a number that is in no user database needs a group", name)
	}
	a.uid, a.name, a.home, a.groups = int(uid), name, "/", nil
	a.change = a.uid != os.Geteuid()
	return nil
}

func lookupGroup(name string) (int, error) {
	if g, err := user.LookupGroup(name); err == nil {
		return strconv.Atoi(g.Gid)
	}
	gid, err := strconv.ParseUint(name, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("group %q is unknown; create it or name another", name)
	}
	return int(gid), nil
}

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// searchPath is where the command is looked up: in the PATH that the child will have.
func searchPath(p proc.Proc) string {
	if path, ok := p.Env.Get("PATH"); ok {
		return path
	}
	return defaultPath
}

// lookPath finds a program as execvp does, but never in a relative directory.
func lookPath(name, path string) (string, error) {
	if strings.Contains(name, "/") {
		if !filepath.IsAbs(name) {
			return "", fmt.Errorf("command %q is neither an absolute path nor a plain name", name)
		}
		if err := executable(name); err != nil {
			return "", fmt.Errorf("command: %w", err)
		}
		return name, nil
	}
	for _, dir := range filepath.SplitList(path) {
		full := filepath.Join(dir, name)
		if filepath.IsAbs(dir) && executable(full) == nil {
			return full, nil
		}
	}
	return "", fmt.Errorf("command %q is not in %s; install it or give its path", name, path)
}

func executable(path string) error {
	st, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case st.IsDir():
		return fmt.Errorf("%s is a directory", path)
	case st.Mode()&0o111 == 0:
		return &fs.PathError{Op: "execute", Path: path, Err: fs.ErrPermission}
	}
	return nil
}

// environment is what a child gets: a minimum, what was asked for, and the tag by which
// its descendants are known.
func environment(p proc.Proc, a account, tag string) []string {
	env := map[string]string{
		"PATH": defaultPath, "HOME": a.home, "USER": a.name, "LOGNAME": a.name,
		"SHELL": "/bin/sh", "LANG": "C.UTF-8",
	}
	for k, v := range p.Env.All() {
		env[k] = v
	}
	env[tagVariable] = tag
	all := make([]string, 0, len(env))
	for k, v := range env {
		all = append(all, k+"="+v)
	}
	return all
}
