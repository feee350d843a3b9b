// SPDX-License-Identifier: Apache-2.0

package uci

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Import replaces packages by the text of an export. With a name, all of the text is that
// package; else each "package NAME" line starts one. The files in ConfDir are replaced at
// once, but only when all of the text can be read; changes that wait are left waiting.
func (st *Store) Import(pkg string, text []byte) error {
	packages, err := st.parseStream(pkg, text)
	if err != nil {
		return err
	}
	for _, p := range packages {
		if err := st.overwrite(p); err != nil {
			return err
		}
	}
	return nil
}

// ParseStream reads the text of an export, which may hold several packages.
func ParseStream(text []byte) ([]*Package, error) {
	return new(Store).parseStream("", text)
}

func (st *Store) parseStream(pkg string, text []byte) (packages []*Package, err error) {
	ps := newParser(string(text))
	ps.lenient = st.Lenient
	add := func(name string) (*Package, error) {
		for _, p := range packages {
			if p.name == name {
				return nil, ErrDuplicate
			}
		}
		p := NewPackage(name, filepath.Join(st.ConfDir, name))
		packages = append(packages, p)
		return p, nil
	}
	if pkg == "" {
		ps.stream = add
	} else {
		if !ValidPackage(pkg) {
			return nil, ErrInvalid
		}
		ps.pkg, _ = add(pkg)
	}
	err = ps.run()
	for _, p := range packages {
		p.settle()
	}
	return packages, err
}

func (st *Store) overwrite(p *Package) error {
	path := filepath.Join(st.ConfDir, p.name)
	var old *identity
	f, id, err := openLocked(path, os.O_RDWR, 0, syscall.LOCK_EX)
	switch {
	case err == nil:
		old = &id
		defer f.Close()
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	delete(st.cache, p.name)
	return replaceFile(path, Format{Names: st.Names}.Append(nil, p), old)
}

// Merge saves the text of an export as changes of a package: named sections are merged,
// anonymous ones appended, list items appended. A package that does not exist is imported.
func (st *Store) Merge(pkg string, text []byte) error {
	err := st.update(pkg, func(p *Package) ([]Change, error) { return st.merge(p, text) })
	if err == ErrNotFound {
		return st.Import(pkg, text)
	}
	return err
}

func (st *Store) merge(p *Package, text []byte) ([]Change, error) {
	var changes []Change
	ps := newParser(string(text))
	ps.pkg, ps.lenient = p, st.Lenient
	ps.merge = func(c Change) error {
		c.Package, c.HasValue = p.name, true
		changes = append(changes, c)
		return p.apply(c)
	}
	err := ps.run()
	return changes, err
}
