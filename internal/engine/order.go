// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"cmp"
	"slices"
)

// A step is a batch of changes of one kind that may be made together.
type step struct {
	pass     pass
	from, to int
}

// Levels of changes. What needs nothing is at level 1, what needs that at 2, and so on.
// Removals come after all creations, those of needed things last; the removals of an
// exclusive kind come before everything.
const removalBase = 1 << 20

// order sorts the changes of each pass and returns the steps to take, in order.
func order(passes []pass) []step {
	l := newLevels(passes)
	l.settle()
	var steps []step
	for i, p := range passes {
		p.arrange(l.of[i])
		for from := 0; from < p.len(); {
			to := from + 1
			for to < p.len() && l.of[i][to] == l.of[i][from] {
				to++
			}
			steps = append(steps, step{p, from, to})
			l.steps = append(l.steps, l.of[i][from])
			from = to
		}
	}
	return l.inOrder(steps)
}

// levels computes the level of each change of each pass.
type levels struct {
	passes []pass
	of     [][]int32
	kinds  map[string]int   // name of a kind → its pass
	named  []map[string]int // per pass, name → change; made when somebody asks for a name
	top    [][2]int32       // per pass, the highest level of its creations and of its removals
	steps  []int32          // of the steps, when they are made
}

func newLevels(passes []pass) *levels {
	l := &levels{passes: passes, kinds: map[string]int{}, named: make([]map[string]int, len(passes))}
	for i, p := range passes {
		l.kinds[p.of().name()] = i
		level := make([]int32, p.len())
		for j := range level {
			level[j] = 1
		}
		l.of = append(l.of, level)
	}
	return l
}

// settle raises each change above what it needs until nothing moves. A circle of needs ends
// after as many rounds as there are changes could form a chain; its members then keep the
// level they have, and what fails for that waits for the next round of the apply.
func (l *levels) settle() {
	const longestChain = 64
	for range longestChain {
		moved := false
		l.top = l.highest()
		for i, p := range l.passes {
			for j := range p.len() {
				if l.raise(i, j) {
					moved = true
				}
			}
		}
		if !moved {
			break
		}
	}
	l.placeRemovals()
}

// raise lifts change j of pass i above what it needs and reports whether it moved.
func (l *levels) raise(i, j int) bool {
	op := l.passes[i].op(j)
	before := l.of[i][j]
	l.passes[i].needs(j, func(r Ref) {
		k, known := l.kinds[r.Kind]
		if !known {
			return
		}
		if r.Name == "" {
			l.aboveAll(i, j, k, op)
			return
		}
		if n, ok := l.byName(k)[r.Name]; ok && (k != i || n != j) && l.removes(k, n) == (op == Remove) {
			l.of[i][j] = max(l.of[i][j], l.of[k][n]+1)
		}
	})
	return l.of[i][j] != before
}

// aboveAll lifts a change above every change of another kind that goes the same way.
func (l *levels) aboveAll(i, j, k int, op Op) {
	if k != i && l.top[k][way(op)] > 0 {
		l.of[i][j] = max(l.of[i][j], l.top[k][way(op)]+1)
	}
}

// way is 0 for what comes and 1 for what goes.
func way(op Op) int {
	if op == Remove {
		return 1
	}
	return 0
}

func (l *levels) highest() [][2]int32 {
	top := make([][2]int32, len(l.passes))
	for i, p := range l.passes {
		for j, level := range l.of[i] {
			w := way(p.op(j))
			top[i][w] = max(top[i][w], level)
		}
	}
	return top
}

func (l *levels) removes(i, j int) bool { return l.passes[i].op(j) == Remove }

func (l *levels) byName(k int) map[string]int {
	if l.named[k] == nil {
		l.named[k] = make(map[string]int, l.passes[k].len())
		for n := range l.passes[k].len() {
			l.named[k][l.passes[k].ref(n).Name] = n
		}
	}
	return l.named[k]
}

// placeRemovals turns the levels of removals around.
func (l *levels) placeRemovals() {
	for i, p := range l.passes {
		_, first := p.of().driver().(Exclusive)
		for j := range l.of[i] {
			switch {
			case !l.removes(i, j):
			case first:
				l.of[i][j] = -l.of[i][j]
			default:
				l.of[i][j] = removalBase - l.of[i][j]
			}
		}
	}
}

// inOrder sorts the steps by level; those of the same level keep the order of the kinds.
func (l *levels) inOrder(steps []step) []step {
	at := make([]int, len(steps))
	for i := range at {
		at[i] = i
	}
	slices.SortStableFunc(at, func(a, b int) int { return cmp.Compare(l.steps[a], l.steps[b]) })
	sorted := make([]step, len(steps))
	for i, from := range at {
		sorted[i] = steps[from]
	}
	return sorted
}
