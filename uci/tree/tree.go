// SPDX-License-Identifier: Apache-2.0

// Package tree offers package uci with the method names of github.com/digineo/go-uci, so that
// a program written for that moves over by changing an import. It reads and writes the
// committed files of a directory; changes that wait in a save directory are not seen.
//
//	t := tree.NewTree("/etc/config")
//	if mtu, ok := t.GetLast("network", "lan", "mtu"); ok { … }
//	t.Set("network", "lan", "mtu", "1400")
//	err := t.Commit()
//
// Unlike there, every valid file can be read, nothing is changed unasked in what is written,
// mode and owner of files stay, and a file is replaced whole or not at all.
package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sort"
	"sync"

	"ucid/uci"
)

// OptionType says how an option is written.
type OptionType int

const (
	TypeOption OptionType = iota // "option": one value
	TypeList                     // "list": any number of values
)

// ErrConfigAlreadyLoaded is returned by LoadConfig for a config that is in memory.
var ErrConfigAlreadyLoaded = errors.New("config already loaded")

// ErrSectionTypeMismatch is returned by AddSection for a name that another type has.
var ErrSectionTypeMismatch = errors.New("section type mismatch")

// A Tree is a directory of configs, read when they are first asked for. It may be used by
// several goroutines.
type Tree struct {
	dir string

	mu      sync.Mutex
	configs map[string]*config
}

type config struct {
	pkg     *uci.Package
	changed bool
}

// NewTree gives the configs in a directory.
func NewTree(dir string) *Tree { return &Tree{dir: dir, configs: make(map[string]*config)} }

// LoadConfig reads a config. One that is loaded already is read again if forced, and its
// changes are dropped; else that is ErrConfigAlreadyLoaded.
func (t *Tree) LoadConfig(name string, forceReload bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.configs[name] != nil && !forceReload {
		return fmt.Errorf("%w: %s", ErrConfigAlreadyLoaded, name)
	}
	_, err := t.load(name)
	return err
}

func (t *Tree) load(name string) (*config, error) {
	p, err := uci.ReadFile(name, filepath.Join(t.dir, name))
	if err != nil {
		return nil, err
	}
	c := &config{pkg: p}
	t.configs[name] = c
	return c, nil
}

// config gives a config, read if need be; nil when it cannot be read.
func (t *Tree) config(name string) *config {
	if c := t.configs[name]; c != nil {
		return c
	}
	c, err := t.load(name)
	if err != nil {
		return nil
	}
	return c
}

// Commit writes all configs that were changed. Each file is replaced whole or not at all;
// after an error the others may be written.
func (t *Tree) Commit() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var names []string
	for name, c := range t.configs {
		if c.changed {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	for _, name := range names {
		if err := t.write(name); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tree) write(name string) error {
	c := t.configs[name]
	err := uci.EditText(filepath.Join(t.dir, name), func([]byte) ([]byte, error) {
		return uci.Format{}.Append(nil, c.pkg), nil
	})
	if err == nil {
		c.changed = false
	}
	return err
}

// Revert drops the changes of some configs, or of all.
func (t *Tree) Revert(configs ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(configs) == 0 {
		clear(t.configs)
	}
	for _, name := range configs {
		delete(t.configs, name)
	}
}

// GetSections gives the names of all sections of a type, "@type[n]" for anonymous ones, and
// whether there is such a config.
func (t *Tree) GetSections(config, secType string) ([]string, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.config(config)
	if c == nil {
		return nil, false
	}
	names := []string{}
	for s := range c.pkg.OfType(secType) {
		names = append(names, s.Ref())
	}
	return names, true
}

// Get gives all values of an option, and whether config and section are there.
func (t *Tree) Get(config, section, option string) ([]string, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.section(config, section)
	if s == nil {
		return nil, false
	}
	return s.List(option), true
}

// GetLast gives the last value of an option, and whether there is one.
func (t *Tree) GetLast(config, section, option string) (string, bool) {
	values, _ := t.Get(config, section, option)
	if len(values) == 0 {
		return "", false
	}
	return values[len(values)-1], true
}

// GetBool reads the last value of an option as a switch; ok is false when it is none.
func (t *Tree) GetBool(config, section, option string) (value, ok bool) {
	s, ok := t.GetLast(config, section, option)
	if !ok {
		return false, false
	}
	return uci.ParseBool(s)
}

// Set sets an option: to a string for one value, else to a list. It is false when there is
// no such section, or the option or a value is not allowed.
func (t *Tree) Set(config, section, option string, values ...string) bool {
	typ := TypeList
	if len(values) == 1 {
		typ = TypeOption
	}
	return t.SetType(config, section, option, typ, values...)
}

// SetType sets an option to a string or a list. A string takes the last of the values.
func (t *Tree) SetType(config, section, option string, typ OptionType, values ...string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.section(config, section)
	if s == nil {
		return false
	}
	c := t.configs[config]
	c.changed = true
	if typ == TypeList || len(values) == 0 {
		return c.pkg.SetList(s.Name, option, values...) == nil
	}
	return c.pkg.Set(s.Name, option, values[len(values)-1]) == nil
}

// Del deletes an option, if it is there.
func (t *Tree) Del(config, section, option string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.section(config, section); s != nil && option != "" && s.Option(option) != nil {
		c := t.configs[config]
		c.changed = c.pkg.Delete(s.Name, option) == nil || c.changed
	}
}

// AddSection adds a section at the end; an empty name makes it anonymous. One that is there
// already is fine if it has that type. A config that is not there is made.
func (t *Tree) AddSection(config, section, typ string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	c, err := t.configOrNew(config)
	if err != nil {
		return err
	}
	if section == "" {
		_, err := c.pkg.Add(typ)
		c.changed = c.changed || err == nil
		return err
	}
	if s := c.pkg.Lookup(section); s != nil {
		if s.Type != typ {
			return fmt.Errorf("%w: %s.%s has type %s", ErrSectionTypeMismatch, config, section, s.Type)
		}
		return nil
	}
	err = c.pkg.SetType(section, typ)
	c.changed = c.changed || err == nil
	return err
}

func (t *Tree) configOrNew(name string) (*config, error) {
	if c := t.configs[name]; c != nil {
		return c, nil
	}
	c, err := t.load(name)
	if errors.Is(err, fs.ErrNotExist) {
		c, err = &config{pkg: uci.NewPackage(name, filepath.Join(t.dir, name))}, nil
		t.configs[name] = c
	}
	return c, err
}

// DelSection deletes a section, if it is there.
func (t *Tree) DelSection(config, section string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.section(config, section); s != nil {
		c := t.configs[config]
		c.changed = c.pkg.Delete(s.Name, "") == nil || c.changed
	}
}

func (t *Tree) section(config, section string) *uci.Section {
	c := t.config(config)
	if c == nil {
		return nil
	}
	return c.pkg.Lookup(section)
}
