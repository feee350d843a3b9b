// SPDX-License-Identifier: Apache-2.0

package uci

// mergeConfig starts a section of a text that is merged into a package.
func (ps *parser) mergeConfig(s *Section, typ, name string) error {
	c := Change{Op: OpSet, Section: name, Value: typ}
	if name == "" {
		var b [24]byte
		c.Op = OpAdd
		c.Section = string(anonymousName(b[:0], ps.pkg.allocated+1, typeHash(typ)))
	}
	if s == nil || s.Type != typ {
		if err := ps.merge(c); err != nil {
			return err
		}
	}
	ps.section = ps.pkg.Section(c.Section)
	return nil
}

// mergeOption merges one option; an empty string changes nothing.
func (ps *parser) mergeOption(name, value string, list bool) error {
	c := Change{Op: OpSet, Section: ps.section.Name, Option: name, Value: value}
	if list {
		c.Op = OpAddList
		return ps.merge(c)
	}
	o := ps.section.Option(name)
	if value == "" || o != nil && !o.IsList && o.value == value {
		return nil
	}
	return ps.merge(c)
}
