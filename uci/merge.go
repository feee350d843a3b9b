// SPDX-License-Identifier: Apache-2.0

package uci

// mergeConfig starts a section of a text that is merged into a package.
func (ps *parser) mergeConfig(s *Section, typ, name string) error {
	c := Change{Op: OpSet, Section: name, Value: typ}
	if name == "" {
		c.Op, c.Section = OpAdd, ps.pkg.freeName(typ)
	}
	if s == nil || s.Type != typ {
		if err := ps.merge(c); err != nil {
			return err
		}
	}
	ps.section = ps.pkg.find(c.Section)
	return nil
}

// mergeOption merges one option; an empty string changes nothing.
func (ps *parser) mergeOption(name, value string, list bool) error {
	section, _ := ps.pkg.deltaName(ps.section)
	c := Change{Op: OpSet, Section: section, Option: name, Value: value}
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
