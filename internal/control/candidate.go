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
	packages map[string]*uci.Package
	contents map[string][]byte
	problems []uci.Problem
}

// read takes the committed configuration from a directory; last is the one that is applied.
func read(dir string, last *candidate) *candidate {
	c := &candidate{packages: map[string]*uci.Package{}, contents: map[string][]byte{}}
	c.readPackage(dir, services.GlobalsPackage, last)
	globals, _ := services.DecodeGlobals(c.packages[services.GlobalsPackage])
	for _, name := range services.Reads(globals) {
		if name != services.GlobalsPackage {
			c.readPackage(dir, name, last)
		}
	}
	return c
}

func (c *candidate) readPackage(dir, name string, last *candidate) {
	path := filepath.Join(dir, name)
	content, err := uci.ReadText(path)
	if errors.Is(err, fs.ErrNotExist) && exists(dir) {
		return
	}
	var p *uci.Package
	if err == nil {
		p, err = parse(name, path, content, last)
	}
	if err == nil {
		c.packages[name], c.contents[name] = p, content
		return
	}
	c.problems = append(c.problems, problemOf(name, path, err))
	if last != nil && last.packages[name] != nil {
		c.packages[name], c.contents[name] = last.packages[name], last.contents[name]
	}
}

// parse takes what was parsed last when the text is the same.
func parse(name, path string, content []byte, last *candidate) (*uci.Package, error) {
	if last != nil && last.packages[name] != nil && bytes.Equal(content, last.contents[name]) {
		return last.packages[name], nil
	}
	return uci.Parse(name, path, content)
}

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
	c := &candidate{packages: map[string]*uci.Package{}, contents: map[string][]byte{}}
	for name, sum := range sums {
		content, err := store.Content(sum)
		if err != nil {
			return nil, err
		}
		p, err := uci.Parse(name, filepath.Join(dir, name), content)
		if err != nil {
			return nil, err
		}
		c.packages[name], c.contents[name] = p, content
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
