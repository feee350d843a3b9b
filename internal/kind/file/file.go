// SPDX-License-Identifier: Apache-2.0

// Package file holds a rendered file as an object.
package file

import (
	"fmt"
	"io/fs"

	"ucid/internal/engine"
)

// Kind is the name of the kind.
const Kind = "file"

// File is a regular file whose content is ours.
type File struct {
	Path    string        // absolute and clean
	Content engine.Secret // a rendered file may hold passwords, so no plan shows it
	Mode    fs.FileMode   // permission bits only; from the first byte on
	Owner   string        // user name or number; empty: the daemon's
	Group   string        // group name or number; empty: the daemon's
}

// Key returns the identity of f.
func (f File) Key() string { return f.Path }

func (f File) String() string {
	return fmt.Sprintf("%s mode %04o, %d bytes", f.Path, f.Mode.Perm(), len(f.Content.Reveal()))
}
