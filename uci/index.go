// SPDX-License-Identifier: Apache-2.0

package uci

import "strings"

// sectionIndex finds sections by name. It is filled lazily, from the front: given names when
// any name is asked for, generated ones only when one that looks like them is. Of two sections
// with one name the first is found.
type sectionIndex struct {
	named, unnamed map[string]*Section
	seen, looked   int  // how many sections each of them covers
	twice          bool // some name is, or was, given twice
}

func (x *sectionIndex) find(sections []*Section, name string) *Section {
	if x.named == nil {
		x.named = make(map[string]*Section, len(sections))
	}
	x.seen = x.fill(x.named, sections, x.seen, false)
	if s := x.named[name]; s != nil && !strings.HasPrefix(name, "cfg") {
		return s
	}
	if !strings.HasPrefix(name, "cfg") {
		return nil
	}
	if x.unnamed == nil {
		x.unnamed = make(map[string]*Section)
	}
	x.looked = x.fill(x.unnamed, sections, x.looked, true)
	return earlier(sections, x.named[name], x.unnamed[name])
}

func (x *sectionIndex) fill(m map[string]*Section, sections []*Section, from int, anonymous bool) int {
	for _, s := range sections[from:] {
		if s.Anonymous != anonymous || s.dead {
			continue
		}
		if other, taken := m[s.Name]; !taken {
			m[s.Name] = s
		} else if other != s {
			x.twice = true
		}
	}
	return len(sections)
}

// earlier picks the one that comes first; a name may be given and generated at once.
func earlier(sections []*Section, a, b *Section) *Section {
	if a == nil || b == nil {
		if a != nil {
			return a
		}
		return b
	}
	for _, s := range sections {
		if s == a || s == b {
			return s
		}
	}
	return nil
}

// remove takes out a section that is about to change its name or to go. Where that name was
// given twice the other one is found from now on, so everything is looked through again.
func (x *sectionIndex) remove(s *Section) {
	if x.twice {
		x.reset()
		x.twice = true
	}
	if x.named[s.Name] == s {
		delete(x.named, s.Name)
	}
	if x.unnamed[s.Name] == s {
		delete(x.unnamed, s.Name)
	}
}

// insert enters a section under its new name.
func (x *sectionIndex) insert(s *Section) {
	m := x.named
	if s.Anonymous {
		m = x.unnamed
	}
	if _, taken := m[s.Name]; taken {
		x.reset()
		x.twice = true
	} else if m != nil {
		m[s.Name] = s
	}
}

// covers reports whether all of n sections have been looked through.
func (x *sectionIndex) covers(n int) bool { return x.seen == n && (x.unnamed == nil || x.looked == n) }

// moved notes that the sections, n now, are the same ones in other places.
func (x *sectionIndex) moved(n int) {
	if x.twice {
		x.reset()
		x.twice = true
		return
	}
	x.seen = min(x.seen, n)
	x.looked = min(x.looked, n)
}

// reset forgets everything; the next find fills it again.
func (x *sectionIndex) reset() { *x = sectionIndex{} }

// parseExtended takes "@type[n]" apart. The number is read as C's strtol does: blanks and a
// sign before it are fine, nothing is 0.
func parseExtended(ref string) (typ string, n int, ok bool) {
	if !strings.HasPrefix(ref, "@") || !strings.HasSuffix(ref, "]") {
		return "", 0, false
	}
	typ, num, found := strings.Cut(ref[1:len(ref)-1], "[")
	if !found || typ != "" && !ValidType(typ) {
		return "", 0, false
	}
	if num == "" {
		return typ, 0, true
	}
	v, rest, digits := leadingInt(num)
	return typ, int(int32(v)), digits && rest == ""
}
