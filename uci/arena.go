// SPDX-License-Identifier: Apache-2.0

package uci

import "strings"

// arena hands out the small pieces of a package from large blocks, so that reading a file
// costs a few allocations in all.
type arena struct {
	sections []Section
	options  []Option // the open section's options end where this block ends
	text     strings.Builder
	open     *Section
}

const (
	sectionBlock = 64
	optionBlock  = 256
	textBlock    = 4096
)

// section gives a zero section.
func (a *arena) section() *Section {
	if len(a.sections) == 0 {
		a.sections = make([]Section, sectionBlock)
	}
	s := &a.sections[0]
	a.sections = a.sections[1:]
	return s
}

// string keeps a copy of b.
func (a *arena) string(b []byte) string {
	if a.text.Cap()-a.text.Len() < len(b) {
		a.text = strings.Builder{}
		a.text.Grow(max(textBlock, len(b)))
	}
	from := a.text.Len()
	a.text.Write(b)
	return a.text.String()[from:]
}

// add appends an option to s. The options of the section that is being read grow in place
// at the end of the current block.
func (a *arena) add(s *Section, o Option) {
	if s != a.open {
		a.options = a.options[len(a.options):]
		a.open = s
		if len(s.options) > 0 { // reopened: its options lie elsewhere
			a.options = append(a.block(len(s.options)), s.options...)
		}
	}
	if len(a.options) == cap(a.options) {
		a.options = append(a.block(len(a.options)), a.options...)
	}
	a.options = append(a.options, o)
	s.options = a.options[:len(a.options):len(a.options)]
	s.indexLast()
}

func (a *arena) block(used int) []Option { return make([]Option, 0, max(optionBlock, 2*used)) }
