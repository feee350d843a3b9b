// SPDX-License-Identifier: Apache-2.0

package uci

import "strconv"

// Character classes of bytes, as the format defines them.
const (
	className  = 1 << iota // section and option names: [A-Za-z0-9_]
	classGraph             // section types and package names: bytes 33 to 126
	classText              // values: no control bytes but tab, newline, return
	classSpace             // blanks, as C's isspace sees them
	classPlain             // may stand in an unquoted word as it is
)

var class = func() (t [256]uint8) {
	for c := range t {
		b := byte(c)
		if b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '_' {
			t[c] |= className
		}
		if b > 32 && b < 127 {
			t[c] |= classGraph
		}
		if b >= 32 || b == '\t' || b == '\n' || b == '\r' {
			t[c] |= classText
		}
		switch b {
		case ' ', '\t', '\n', '\v', '\f', '\r':
			t[c] |= classSpace
		case 0, '\'', '"', '\\', '#', ';':
		default:
			t[c] |= classPlain
		}
	}
	return t
}()

func isSpace(b byte) bool { return class[b]&classSpace != 0 }

func all(s string, bit uint8) bool {
	for i := 0; i < len(s); i++ {
		if class[s[i]]&bit == 0 {
			return false
		}
	}
	return true
}

// ValidName reports whether s can name a section or an option: [A-Za-z0-9_]+.
func ValidName(s string) bool { return s != "" && all(s, className) }

// ValidType reports whether s can be a section type: one or more bytes of 33 to 126.
func ValidType(s string) bool { return s != "" && all(s, classGraph) }

// writableType reports whether s is a section type that reads back when it is written bare.
func writableType(s string) bool { return ValidType(s) && all(s, classPlain) }

// ValidPackage reports whether s can name a package: bytes of 33 to 126.
func ValidPackage(s string) bool { return ValidType(s) }

// validStreamName reports whether s can stand in a "package NAME" line: [A-Za-z0-9_-]+.
func validStreamName(s string) bool {
	for i := 0; i < len(s); i++ {
		if class[s[i]]&className == 0 && s[i] != '-' {
			return false
		}
	}
	return s != ""
}

// ValidValue reports whether s can be given as a value: no control byte but tab, newline
// and carriage return.
func ValidValue(s string) bool { return all(s, classText) }

// anonymousName makes the name of the nth section (from 1) allocated in a package, when
// it has none: "cfg", n in hex, 16 bits of a hash of its type.
func anonymousName(dst []byte, n int, hash uint16) []byte {
	dst = append(dst, "cfg"...)
	if n < 16 {
		dst = append(dst, '0')
	}
	dst = strconv.AppendInt(dst, int64(n), 16)
	const digits = "0123456789abcdef"
	return append(dst, digits[hash>>12], digits[hash>>8&15], digits[hash>>4&15], digits[hash&15])
}

// typeHash is the part of a generated name that depends on the type.
func typeHash(typ string) uint16 {
	h := uint32(5381)
	for i := 0; i < len(typ); i++ {
		h = h*33 + uint32(typ[i])
	}
	return uint16((h & 0x7fffffff) % 65536)
}
