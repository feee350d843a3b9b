// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"path/filepath"

	"ucid/internal/kind/addr"
	store "ucid/internal/ledger"
)

// A ledger remembers which addresses are ours where the kernel does not. It is kept in a
// file of mode 0600, written before the act, and worth nothing after a reboot.
type ledger struct {
	file    string // "" keeps it in memory
	boot    string
	indexes map[addr.Key]int // of the device the address was given to
}

type ledgerFile struct {
	Boot      string
	Addresses []ledgerEntry
}

type ledgerEntry struct {
	addr.Key
	Index int
}

func openLedger(dir string) (ledger, error) {
	l := ledger{boot: store.Boot(), indexes: map[addr.Key]int{}}
	if dir == "" {
		return l, nil
	}
	l.file = filepath.Join(dir, "addr.json")
	var stored ledgerFile
	if ok, err := store.Read(l.file, &stored); !ok || stored.Boot != l.boot {
		return l, err // none, torn, or of another boot: nothing in there exists
	}
	for _, e := range stored.Addresses {
		l.indexes[e.Key] = e.Index
	}
	return l, nil
}

// holds reports whether the address is ours: a device of the same name that was made anew
// has another number.
func (l *ledger) holds(r *record) bool {
	index, ok := l.indexes[r.addr.Key()]
	return ok && index == r.index
}

func (l *ledger) save() error {
	if l.file == "" {
		return nil
	}
	stored := ledgerFile{Boot: l.boot}
	for key, index := range l.indexes {
		stored.Addresses = append(stored.Addresses, ledgerEntry{key, index})
	}
	return store.Write(l.file, stored)
}
