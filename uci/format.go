// SPDX-License-Identifier: Apache-2.0

package uci

import "io"

// Format says how a package is written.
type Format struct {
	// Header starts the text with a "package NAME" line, as an export has it.
	Header bool
	// Names writes the generated names of anonymous sections.
	Names bool
}

// Append appends the canonical text of the package: one blank line before each section,
// options indented by a tab, all values in single quotes.
func (f Format) Append(b []byte, p *Package) []byte {
	if f.Header {
		b = append(b, "package "...)
		b = appendType(b, p.name)
		b = append(b, '\n')
	}
	for s := range p.Sections() {
		b = f.AppendSection(b, s)
	}
	return append(b, '\n')
}

// AppendSection appends the text of one section, with the blank line before it.
func (f Format) AppendSection(b []byte, s *Section) []byte {
	b = append(b, "\nconfig "...)
	b = appendType(b, s.Type)
	if !s.Anonymous || f.Names {
		b = append(b, ' ')
		b = AppendQuoted(b, s.Name)
	}
	return appendOptions(append(b, '\n'), s)
}

func appendOptions(b []byte, s *Section) []byte {
	for o := range s.Options() {
		b = appendOption(b, o)
	}
	return b
}

// appendType writes a type, or the name of a package, bare, as is usual, or quoted when it would not read back.
func appendType(b []byte, typ string) []byte {
	if writableType(typ) {
		return append(b, typ...)
	}
	return AppendQuoted(b, typ)
}

func appendOption(b []byte, o *Option) []byte {
	if !o.IsList {
		return appendAssignment(b, "\toption ", o.Name, o.value)
	}
	for _, it := range o.list() {
		b = appendAssignment(b, "\tlist ", o.Name, it.text)
	}
	return b
}

func appendAssignment(b []byte, keyword, name, value string) []byte {
	b = append(b, keyword...)
	b = append(b, name...)
	b = append(b, ' ')
	b = AppendQuoted(b, value)
	return append(b, '\n')
}

// WriteTo writes the canonical text, as it stands in a configuration file.
func (p *Package) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(Format{}.Append(nil, p))
	return int64(n), err
}
