// SPDX-License-Identifier: Apache-2.0

package uci

import "fmt"

// Meta says which section a decoded struct comes from. Embed it in the struct:
//
//	type Route struct {
//		uci.Meta
//		Target netip.Prefix `uci:"target,required"`
//	}
type Meta struct {
	Name      string
	Type      string
	Anonymous bool
	Index     int // 0 for the first section of its type
	Pos       Pos

	pkg     string
	section *Section
}

// At is where an option is; where the section is, if the option is not set.
func (m Meta) At(option string) Pos {
	if m.section != nil {
		if o := m.section.Option(option); o != nil {
			return o.Pos()
		}
	}
	return m.Pos
}

// Problem makes a Problem about this section, at the line of the option if it is set. The
// option may be "". The text should name the option itself.
func (m Meta) Problem(option, format string, args ...any) Problem {
	pos := m.At(option)
	return Problem{
		Package: m.pkg, File: pos.File, Line: pos.Line,
		Type: m.Type, Section: m.Ref(), Anonymous: m.Anonymous,
		Option: option, Text: fmt.Sprintf(format, args...),
	}
}

// Warning is Problem for what is applied all the same.
func (m Meta) Warning(option, format string, args ...any) Problem {
	pb := m.Problem(option, format, args...)
	pb.Warning = true
	return pb
}

// Label names the section for people: "route 'office'", "route @route[2]".
func (m Meta) Label() string { return label(m.Type, m.Ref(), m.Anonymous) }

// Ref is the name by which a user addresses the section: its name, or "@type[n]".
func (m Meta) Ref() string {
	if m.Anonymous {
		return extendedName(m.Type, m.Index)
	}
	return m.Name
}

// Package is the name of the package the section stands in.
func (m Meta) Package() string { return m.pkg }

// Section is the section itself; nil for a Meta that was not decoded.
func (m Meta) Section() *Section { return m.section }

func (p *Package) meta(s *Section) Meta {
	return Meta{
		Name: s.Name, Type: s.Type, Anonymous: s.Anonymous, Index: s.Index, Pos: s.Pos,
		pkg: p.name, section: s,
	}
}
