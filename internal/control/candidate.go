// SPDX-License-Identifier: Apache-2.0

package control

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"ucid/internal/revision"
	"ucid/services"
	"ucid/uci"
)

// A candidate is a configuration that could be applied. A package that cannot be read or
// parsed is there as it was when it was good last.
type candidate struct {
	dir      string
	contents map[string][]byte
	parsed   map[string]*uci.Package // some of them; the others are parsed when they are asked for
	problems []uci.Problem
}

func newCandidate(dir string) *candidate {
	return &candidate{dir: dir, contents: map[string][]byte{}, parsed: map[string]*uci.Package{}}
}

// clone is a candidate that can be changed without the first one.
func (c *candidate) clone() *candidate {
	return &candidate{c.dir, maps.Clone(c.contents), maps.Clone(c.parsed), slices.Clone(c.problems)}
}

// read takes the committed configuration from a directory; last is the one that is applied.
func read(dir string, last *candidate) *candidate {
	c := newCandidate(dir)
	c.readPackage(services.GlobalsPackage, last)
	for _, name := range services.Reads(c.globals()) {
		if name != services.GlobalsPackage {
			c.readPackage(name, last)
		}
	}
	return c
}

func (c *candidate) globals() services.Globals {
	g, _ := services.DecodeGlobals(c.pkg(services.GlobalsPackage))
	return g
}

func (c *candidate) readPackage(name string, last *candidate) {
	path := filepath.Join(c.dir, name)
	content, err := uci.ReadText(path)
	if errors.Is(err, fs.ErrNotExist) && exists(c.dir) {
		return
	}
	var known []byte
	if last != nil {
		known = last.contents[name]
	}
	if err == nil && (known == nil || !bytes.Equal(content, known)) {
		err = c.set(name, path, content)
	} else if err == nil {
		c.contents[name] = known
	}
	if err == nil {
		return
	}
	c.problems = append(c.problems, problemOf(name, path, err))
	if known != nil {
		c.contents[name] = known
	}
}

// set parses a package and takes it when that works.
func (c *candidate) set(name, path string, content []byte) error {
	p, err := uci.Parse(name, path, content)
	if err == nil {
		c.parsed[name], c.contents[name] = p, content
	}
	return err
}

// pkg is a package of the candidate; nil when it has none of that name. What was taken was
// parsed once before, so it can be parsed again.
func (c *candidate) pkg(name string) *uci.Package {
	content, there := c.contents[name]
	if p := c.parsed[name]; p != nil || !there {
		return p
	}
	p, err := uci.Parse(name, filepath.Join(c.dir, name), content)
	if err != nil {
		return nil
	}
	c.parsed[name] = p
	return p
}

// packages are all of them.
func (c *candidate) packages() map[string]*uci.Package {
	for name := range c.contents {
		c.pkg(name)
	}
	return c.parsed
}

// release forgets what was parsed, which is several times as large as the text.
func (c *candidate) release() { c.parsed = map[string]*uci.Package{} }

// exists tells a file that was removed from a directory that is not mounted: the second
// removes nothing.
func exists(dir string) bool {
	_, err := os.Stat(dir)
	return err == nil
}

// problemOf makes a user's problem of what reading a file ended with.
func problemOf(name, path string, err error) uci.Problem {
	if parse := (*uci.ParseError)(nil); errors.As(err, &parse) {
		p := parse.Problem()
		p.Text += "; everything this file asks for stays as it was"
		return p
	}
	if perr := (*fs.PathError)(nil); errors.As(err, &perr) {
		err = perr.Err
	}
	return uci.Problem{Package: name, File: path, Text: "cannot read it: " + err.Error() + "; everything it asks for stays as it was"}
}

// restore reads a configuration back from the store.
func restore(store *revision.Store, dir string, sums map[string]revision.Sum) (*candidate, error) {
	c := newCandidate(dir)
	for name, sum := range sums {
		content, err := store.Content(sum)
		if err != nil {
			return nil, err
		}
		if err := c.set(name, filepath.Join(dir, name), content); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// texts reads the committed files as they are, also those that cannot be parsed.
func texts(dir string, g services.Globals) map[string][]byte {
	found := map[string][]byte{}
	for _, name := range services.Reads(g) {
		if text, err := uci.ReadText(filepath.Join(dir, name)); err == nil {
			found[name] = text
		}
	}
	return found
}

// sumsOf names each content.
func sumsOf(contents map[string][]byte) map[string]revision.Sum {
	sums := make(map[string]revision.Sum, len(contents))
	for name, content := range contents {
		sums[name] = revision.SumOf(content)
	}
	return sums
}

// sums names the content of each package.
func (c *candidate) sums() map[string]revision.Sum { return sumsOf(c.contents) }

// differing names the packages whose content is not the same in both, sorted.
func differing(a, b map[string]revision.Sum) []string {
	names := map[string]bool{}
	for name := range a {
		names[name] = a[name] != b[name]
	}
	for name := range b {
		names[name] = a[name] != b[name]
	}
	maps.DeleteFunc(names, func(_ string, differs bool) bool { return !differs })
	return slices.Sorted(maps.Keys(names))
}
