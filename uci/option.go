// SPDX-License-Identifier: Apache-2.0

package uci

import "iter"

// An Option is one string or one list of strings in a section.
type Option struct {
	Name   string
	IsList bool

	dead  bool // deleted, see Section.remove
	line  int32
	value string // of a string option
	items *[]item
	in    *Section
}

// item is one value of a list.
type item struct {
	text string
	line int32
}

// Value is the string; of a list it is the last item, "" if it is empty.
func (o *Option) Value() string {
	if !o.IsList {
		return o.value
	}
	if items := o.list(); len(items) > 0 {
		return items[len(items)-1].text
	}
	return ""
}

// Values gives a new slice with the items of a list, or the one string.
func (o *Option) Values() []string {
	if !o.IsList {
		return []string{o.value}
	}
	items := o.list()
	values := make([]string, len(items))
	for i := range items {
		values[i] = items[i].text
	}
	return values
}

// All yields each value with its place.
func (o *Option) All() iter.Seq2[Pos, string] {
	return func(yield func(Pos, string) bool) {
		if !o.IsList {
			yield(o.Pos(), o.value)
			return
		}
		for _, it := range o.list() {
			if !yield(o.at(it.line), it.text) {
				return
			}
		}
	}
}

// Len is the number of values: 1, or the length of the list.
func (o *Option) Len() int {
	if !o.IsList {
		return 1
	}
	return len(o.list())
}

// Pos is where the option was set; of a list, where its first item is.
func (o *Option) Pos() Pos { return o.at(o.line) }

// Section is the section the option belongs to.
func (o *Option) Section() *Section { return o.in }

func (o *Option) at(line int32) Pos { return Pos{File: o.in.Pos.File, Line: int(line)} }

func (o *Option) list() []item {
	if o.items == nil {
		return nil
	}
	return *o.items
}

// set makes the option the string value.
func (o *Option) set(value string, line int32) {
	o.IsList, o.items = false, nil
	o.value, o.line = value, line
}

// push appends to the list; a string becomes its first item.
func (o *Option) push(value string, line int32) {
	o.toList()
	*o.items = append(*o.items, item{value, line})
}

// toList makes a string the first item of a list.
func (o *Option) toList() {
	if !o.IsList {
		o.items = &[]item{{o.value, o.line}}
		o.IsList, o.value = true, ""
	}
	if o.items == nil {
		o.items = new([]item)
	}
}
