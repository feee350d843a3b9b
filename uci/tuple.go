// SPDX-License-Identifier: Apache-2.0

package uci

import "strings"

// A Tuple is an address as the command line has it: package[.section[.option]][=value].
type Tuple struct {
	Package, Section, Option string
	Value                    string
	HasValue                 bool
	Depth                    int // how many of package, section and option are given
}

// ParseTuple takes an address apart. The section may be a name or "@type[n]", which is not
// looked at here; the package may be an absolute path. A bad one is [ErrParse].
func ParseTuple(s string) (Tuple, error) {
	var t Tuple
	s, t.Value, t.HasValue = strings.Cut(s, "=")
	for part := range strings.SplitSeq(s, ".") {
		switch t.Depth++; t.Depth {
		case 1:
			t.Package = part
		case 2:
			t.Section = part
		case 3:
			t.Option = part
		default:
			return Tuple{}, ErrParse
		}
	}
	if !ValidPackage(t.Package) || t.Depth == 3 && !ValidName(t.Option) || !ValidValue(t.Value) {
		return Tuple{}, ErrParse
	}
	return t, nil
}
