// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"slices"
	"strconv"
	"strings"
)

// A List is an immutable list of strings that can be compared with ==.
// The zero List is empty. Items may hold any bytes.
type List struct {
	packed string // each item as "LENGTH:BYTES", so no item can imitate two
}

// MakeList returns the list of items, in their order.
func MakeList(items ...string) List {
	var b strings.Builder
	for _, item := range items {
		b.WriteString(strconv.Itoa(len(item)))
		b.WriteByte(':')
		b.WriteString(item)
	}
	return List{b.String()}
}

// All yields the items in order.
func (l List) All() iter.Seq[string] {
	return func(yield func(string) bool) {
		for rest := l.packed; rest != ""; {
			head, tail, _ := strings.Cut(rest, ":")
			n, _ := strconv.Atoi(head)
			if !yield(tail[:n]) {
				return
			}
			rest = tail[n:]
		}
	}
}

// Slice returns the items as a new slice, nil when there are none.
func (l List) Slice() []string { return slices.Collect(l.All()) }

// Empty reports whether the list has no items.
func (l List) Empty() bool { return l.packed == "" }

func (l List) String() string { return strings.Join(l.Slice(), " ") }

// MarshalJSON writes an array of strings.
func (l List) MarshalJSON() ([]byte, error) {
	items := l.Slice()
	if items == nil {
		items = []string{}
	}
	return json.Marshal(items)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (l *List) UnmarshalJSON(data []byte) error {
	var items []string
	if err := json.Unmarshal(data, &items); err != nil {
		return err
	}
	*l = MakeList(items...)
	return nil
}

// A Map is an immutable table of strings that can be compared with ==.
// Its keys are kept sorted, so two tables of the same content are equal.
type Map struct {
	pairs List
}

// MakeMap returns a Map with the content of m.
func MakeMap(m map[string]string) Map {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	items := make([]string, 0, 2*len(keys))
	for _, k := range keys {
		items = append(items, k, m[k])
	}
	return Map{MakeList(items...)}
}

// All yields the entries in the order of their keys.
func (m Map) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		key, odd := "", false
		for item := range m.pairs.All() {
			if !odd {
				key = item
			} else if !yield(key, item) {
				return
			}
			odd = !odd
		}
	}
}

// Get returns the value of key.
func (m Map) Get(key string) (string, bool) {
	for k, v := range m.All() {
		if k == key {
			return v, true
		}
	}
	return "", false
}

// Empty reports whether the table has no entries.
func (m Map) Empty() bool { return m.pairs.Empty() }

// String names the keys only: a value may be a password.
func (m Map) String() string {
	var keys []string
	for k := range m.All() {
		keys = append(keys, k)
	}
	return strings.Join(keys, " ")
}

// MarshalJSON writes an object whose values are masked: a value may be a password.
// A ledger that has to keep them writes All itself.
func (m Map) MarshalJSON() ([]byte, error) {
	masked := map[string]string{}
	for k := range m.All() {
		masked[k] = mask
	}
	return json.Marshal(masked)
}

const mask = "***"

// A Secret is compared by value and never shows it: fmt, encoding/json and log/slog
// all print three stars.
type Secret struct {
	value string
}

// MakeSecret hides value.
func MakeSecret(value string) Secret { return Secret{value} }

// Reveal returns the hidden value, for the one place that has to hand it on.
func (s Secret) Reveal() string { return s.value }

func (s Secret) String() string {
	if s.value == "" {
		return ""
	}
	return mask
}

// Format masks the value for every verb, also for those that do not ask for a string.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// MarshalJSON masks the value.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// LogValue masks the value.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
