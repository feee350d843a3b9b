// SPDX-License-Identifier: Apache-2.0

package uci

import (
	"hash/maphash"
	"iter"
)

// nameTable finds numbers by name: an open-addressing hash table without pointers, so that
// the garbage collector has nothing to look at. It does not hold the names. Who uses it
// compares them, and so may leave numbers in it whose name is another by now.
type nameTable struct {
	seed  maphash.Seed
	slots []uint64 // 32 bits of the hash, and the number plus one; 0 is free
	used  int
}

// newNameTable makes a table with room for that many names.
func newNameTable(room int) *nameTable {
	n := 32
	for 3*n < 4*room {
		n *= 2
	}
	return &nameTable{seed: maphash.MakeSeed(), slots: make([]uint64, n)}
}

// full reports whether there is no room for another name.
func (t *nameTable) full() bool { return 4*t.used >= 3*len(t.slots) }

// hash is what insert and candidates want of a name.
func (t *nameTable) hash(name string) uint64 { return maphash.String(t.seed, name) }

// insert enters a number under the hash of a name. Of equal names the one that was entered
// first is found first.
func (t *nameTable) insert(hash uint64, number int) {
	mask := len(t.slots) - 1
	i := int(hash) & mask
	for t.slots[i] != 0 {
		i = (i + 1) & mask
	}
	t.slots[i] = hash&^0xffffffff | uint64(uint32(number+1))
	t.used++
}

// candidates yields the numbers that may have the name of a hash.
func (t *nameTable) candidates(hash uint64) iter.Seq[int] {
	return func(yield func(int) bool) {
		mask := len(t.slots) - 1
		for i := int(hash) & mask; t.slots[i] != 0; i = (i + 1) & mask {
			if e := t.slots[i]; e>>32 == hash>>32 && !yield(int(uint32(e))-1) {
				return
			}
		}
	}
}
