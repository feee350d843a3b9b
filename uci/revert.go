// SPDX-License-Identifier: Apache-2.0

package uci

// Changes gives the changes that wait for a package, in the order in which they apply; also
// those that have no effect.
func (st *Store) Changes(pkg string) ([]Change, error) {
	_, changes, err := st.Pending(pkg)
	return changes, err
}

// Pending gives a package together with the changes that wait for it, which it has in it.
func (st *Store) Pending(pkg string) (*Package, []Change, error) {
	s, err := st.load(pkg)
	if err != nil {
		return nil, nil, err
	}
	var changes []Change
	for _, d := range s.deltas {
		for i := range d.lines {
			if d.lines[i].err == nil {
				changes = append(changes, d.lines[i].Change)
			}
		}
	}
	return s.pkg, changes, nil
}

// Revert drops the saved changes of a package, of a section or of an option. A section is
// matched by the name each change has for it. Lines that are no changes are kept, unless all
// is dropped.
func (st *Store) Revert(t Tuple) error {
	pl, err := st.place(t.Package)
	if err != nil {
		return err
	}
	lk, err := st.lockShared(pl)
	if err != nil {
		return err
	}
	defer lk.file.Close()
	return st.withSaved(pl, lk, func(s *state, save *file) error { return st.revert(t, s, save) })
}

func (st *Store) revert(t Tuple, s *state, save *file) error {
	if sec, err := s.pkg.section(t); err != nil {
		return err
	} else if sec != nil {
		t.Section = sec.Name
	}
	if save == nil || s.save == nil || s.save.holes && t.Depth > 1 {
		return nil // nothing to drop; a file with NUL bytes was never ours
	}
	delete(st.cache, t.Package)
	if err := finish(s, save); err != nil {
		return err
	}
	return rewrite(s, save, keptLines(s.save.lines, t))
}

// keptLines is the text of a delta file without what a tuple addresses.
func keptLines(lines []deltaLine, t Tuple) []byte {
	if t.Depth < 2 {
		return nil
	}
	var text []byte
	for i := range lines {
		switch l := &lines[i]; {
		case l.err != nil:
			if l.text != "\n" {
				text = append(text, l.text...)
			}
		case l.Section != t.Section || t.Depth == 3 && l.Option != t.Option:
			text, _ = l.Change.AppendText(text)
		}
	}
	return text
}
