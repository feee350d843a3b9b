// SPDX-License-Identifier: Apache-2.0

package uci

import (
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// The directories the uci tool uses unless told otherwise.
const (
	DefaultConfDir  = "/etc/config"
	DefaultSaveDir  = "/tmp/.uci"
	DefaultOverride = "/var/run/uci"
)

// A Store is a directory of packages, with the directories in which changes wait for a
// commit. Its methods lock the files they use, so that any number of processes, also ones
// that use another implementation of UCI, may work on them at once. One Store is for one
// goroutine.
type Store struct {
	ConfDir string
	// Override is a directory whose files stand in for those of ConfDir; "" for none.
	Override string
	// DeltaDirs are read in order, later ones win. Changes are saved in the last one.
	DeltaDirs []string
	// Lenient, if not nil, gets the syntax errors of configuration files; the lines that
	// hold them are skipped. Otherwise a file with an error is not read at all.
	Lenient func(*ParseError)
	// Warn, if not nil, hears of lines in delta files that are no changes.
	Warn func(Problem)
	// Names makes Commit write the generated names of anonymous sections.
	Names bool
	// KeepComments makes Commit keep comments and layout of sections it does not change.
	KeepComments bool

	cache map[string]*state
	kept  map[string]*file // open files, by path
}

// Open gives the packages in confdir with the changes that wait in savedir. Nothing is
// read yet.
func Open(confdir, savedir string) *Store {
	return &Store{ConfDir: confdir, DeltaDirs: []string{savedir}}
}

// Packages lists the packages in ConfDir, sorted. Files whose name holds a dot are no
// packages: editors and package managers leave such things.
func (st *Store) Packages() ([]string, error) {
	entries, err := os.ReadDir(st.ConfDir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if st.isPackage(e) {
			names = append(names, e.Name())
		}
	}
	sort.Strings(names)
	return names, nil
}

func (st *Store) isPackage(e fs.DirEntry) bool {
	if strings.Contains(e.Name(), ".") || !ValidPackage(e.Name()) {
		return false
	}
	if e.Type()&fs.ModeSymlink == 0 {
		return e.Type().IsRegular()
	}
	id, err := stat(filepath.Join(st.ConfDir, e.Name()))
	return err == nil && id.isRegular()
}

// place is where a package is.
type place struct {
	name   string // the package's own name
	path   string
	direct bool   // given by path: changes go to the file itself
	want   *Tuple // if not nil, options of other sections are of no interest
}

func (st *Store) place(pkg string) (place, error) {
	switch pkg[:min(1, len(pkg))] {
	case "/":
		return place{name: filepath.Base(pkg), path: pkg, direct: true}, nil
	case "":
		return place{}, ErrInvalid
	case ".":
		return place{}, ErrNotFound
	}
	if st.Override != "" {
		path := filepath.Join(st.Override, pkg)
		if _, err := stat(path); err == nil {
			return place{name: pkg, path: path}, nil
		}
	}
	return place{name: pkg, path: filepath.Join(st.ConfDir, pkg)}, nil
}

// saveDir is where changes are saved.
func (st *Store) saveDir() string { return st.DeltaDirs[len(st.DeltaDirs)-1] }

// AddDeltaDir adds a directory to read changes from, before the one changes are saved in.
func (st *Store) AddDeltaDir(dir string) {
	for _, d := range st.DeltaDirs {
		if d == dir {
			return
		}
	}
	last := len(st.DeltaDirs) - 1
	st.DeltaDirs = append(st.DeltaDirs[:last:last], dir, st.DeltaDirs[last])
}

// SetSaveDir makes dir the place for changes. Those in the former one are still read.
func (st *Store) SetSaveDir(dir string) {
	dirs := make([]string, 0, len(st.DeltaDirs)+1)
	for _, d := range st.DeltaDirs {
		if d != dir {
			dirs = append(dirs, d)
		}
	}
	st.DeltaDirs = append(dirs, dir)
}
