// SPDX-License-Identifier: Apache-2.0

package uci

import (
	"strconv"
	"strings"
)

// Pos is a place in a configuration file.
type Pos struct {
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"` // from 1; 0 means unknown
}

// String gives "file:line", or the file alone when the line is unknown.
func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return p.File + ":" + strconv.Itoa(p.Line)
}

// A Problem is a mistake in a configuration that its author can correct.
type Problem struct {
	Package string `json:"package"`
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	// Type and Section say which section it is about; both are empty when it is the file
	// as a whole.
	Type      string `json:"type,omitempty"`
	Section   string `json:"section,omitempty"` // "@type[n]" for an anonymous one
	Anonymous bool   `json:"anonymous,omitempty"`
	Option    string `json:"option,omitempty"`
	Text      string `json:"text"`
	Warning   bool   `json:"warning,omitempty"` // applied all the same
}

// Pos is where the problem is.
func (p Problem) Pos() Pos { return Pos{File: p.File, Line: p.Line} }

// Error gives one line that says where and what:
//
//	network: /etc/config/network:41: route 'office': gateway '10.0.0.300' is not an IPv4 address
func (p Problem) Error() string {
	parts := make([]string, 0, 4)
	for _, s := range []string{p.Package, p.Pos().String(), p.label(), p.Text} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, ": ")
}

func (p Problem) label() string {
	if p.Section == "" {
		return p.Type
	}
	return label(p.Type, p.Section, p.Anonymous)
}

// label names a section for people: "route 'office'", "route @route[2]".
func label(typ, section string, anonymous bool) string {
	if !anonymous {
		section = "'" + section + "'"
	}
	return typ + " " + section
}
