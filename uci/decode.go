// SPDX-License-Identifier: Apache-2.0

package uci

import (
	"reflect"
	"strings"
)

// Decoding is what Decode found out beside the values.
type Decoding struct {
	Problems []Problem
	Claims   []Claim
}

// A Claim says that a section was decoded, and which of its options nothing was known about.
// Several readers may claim one section: an option is a mistake only when none knows it, see
// [Package.Unclaimed].
type Claim struct {
	Section *Section
	Unknown []*Option
	Bad     bool // the section has a Problem and was left out
}

// OK reports whether every section was decoded.
func (d Decoding) OK() bool {
	for _, pb := range d.Problems {
		if !pb.Warning {
			return false
		}
	}
	return true
}

// Decode fills the struct dst points to. Each field with a tag takes the sections of one
// type: a slice of structs all of them, a struct or a pointer to one the first.
//
//	type Config struct {
//		Globals Globals `uci:"globals"`
//		Routes  []Route `uci:"route"`
//		Tunnels []GRE   `uci:"interface,proto=gre|gretap"`
//	}
//
// The setting behind the type is a filter: the section is taken when the option has one of
// the values; an empty value stands for a missing option.
//
// The fields of a section struct name options, and may have settings: required, default=X,
// enum=a|b, min=N, max=N, unit=ms|s|m|h (of a number without one, in a time.Duration),
// alias=a|b (older names), nosplit (a string is one item of a list, blanks or not) and
// datatype=T with the type names of LuCI, as in datatype=or(ip4addr,range(1,5)).
// They are strings, bools, numbers, netip.Addr, netip.Prefix, netip.AddrPort,
// time.Duration, Secret, encoding.TextUnmarshaler, slices of these, or pointers to them,
// which stay nil when the option is not set. An empty value counts as not set.
//
// A section with a bad value is left out and reported as a Problem at the line of the
// value. Decode panics when dst or its tags are wrong.
func (p *Package) Decode(dst any) Decoding {
	v := reflect.ValueOf(dst).Elem()
	d := &decoder{pkg: p, plan: planOf(v.Type())}
	d.prepare(v)
	for s := range p.Sections() {
		for _, g := range d.plan.byType[s.Type] {
			if g.matches(s) {
				d.section(v.Field(g.field), g, s)
			}
		}
	}
	return d.Decoding
}

type decoder struct {
	Decoding
	pkg  *Package
	plan *configPlan
	seen []*Option // the option each field takes, by field number
	rank []int     // by which of its names
	one  []bool    // groups of one section that have theirs
}

// prepare empties dst, and gives slices room for all their sections.
func (d *decoder) prepare(dst reflect.Value) {
	total := 0
	for _, g := range d.plan.groups {
		v := dst.Field(g.field)
		v.SetZero()
		switch n := d.pkg.count(g.typ); {
		case g.shape == oneSection:
			v.Set(g.sections.template)
		case g.shape == manySections && g.option == "" && n > 0:
			v.Set(reflect.MakeSlice(v.Type(), 0, n))
			total += n
		}
	}
	d.Claims = make([]Claim, 0, total)
	d.one = make([]bool, dst.NumField())
}

// count is the number of sections of a type.
func (p *Package) count(typ string) int {
	if info := p.types[typ]; info != nil {
		return info.count
	}
	return 0
}

func (d *decoder) section(dst reflect.Value, g *group, s *Section) {
	if g.shape != manySections && d.one[g.field] {
		d.Problems = append(d.Problems, d.pkg.meta(s).Warning("", "only the first %s section counts", g.typ))
		d.Claims = append(d.Claims, Claim{Section: s})
		return
	}
	d.one[g.field] = true
	switch g.shape {
	case manySections:
		n := dst.Len()
		grow(dst, n+1)
		if !d.fill(dst.Index(n), g, s) {
			dst.Index(n).SetZero()
			dst.SetLen(n)
		}
	case oneSection:
		if !d.fill(dst, g, s) {
			dst.Set(g.sections.template)
		}
	case pointerSection:
		v := reflect.New(g.sections.typ)
		if d.fill(v.Elem(), g, s) {
			dst.Set(v)
		}
	}
}

func grow(v reflect.Value, n int) {
	if n > v.Cap() {
		v.Grow(max(1, n/2))
	}
	v.SetLen(n)
}

// fill decodes one section; false when it has a Problem.
func (d *decoder) fill(dst reflect.Value, g *group, s *Section) bool {
	plan := g.sections
	before := len(d.Problems)
	dst.Set(plan.template)
	if plan.meta != nil {
		*dst.FieldByIndex(plan.meta).Addr().Interface().(*Meta) = d.pkg.meta(s)
	}
	claim := Claim{Section: s, Unknown: d.match(g, s)}
	for i, f := range plan.fields {
		d.field(dst, f, s, d.seen[i])
	}
	claim.Bad = !(Decoding{Problems: d.Problems[before:]}).OK()
	d.Claims = append(d.Claims, claim)
	return !claim.Bad
}

// match finds the option for each field, and gives those that belong to none.
func (d *decoder) match(g *group, s *Section) (unknown []*Option) {
	plan := g.sections
	d.seen = append(d.seen[:0], make([]*Option, len(plan.fields))...)
	d.rank = append(d.rank[:0], make([]int, len(plan.fields))...)
	for o := range s.Options() {
		ref, known := plan.names[o.Name]
		switch {
		case !known && o.Name == g.option: // the filter has read it
		case !known:
			unknown = append(unknown, o)
		case d.seen[ref.field] == nil:
			d.seen[ref.field], d.rank[ref.field] = o, ref.rank
		default:
			d.twice(plan.fields[ref.field], s, ref, o)
		}
	}
	return unknown
}

// twice settles an option that is given by two of its names: the newer name wins.
func (d *decoder) twice(f *field, s *Section, ref fieldRef, o *Option) {
	winner, loser := d.seen[ref.field], o
	if ref.rank < d.rank[ref.field] {
		winner, loser = o, winner
		d.seen[ref.field], d.rank[ref.field] = o, ref.rank
	}
	d.Problems = append(d.Problems, d.pkg.meta(s).Warning(loser.Name,
		"%s is ignored: %s is set as well and means the same", loser.Name, winner.Name))
}

// field decodes one option, which may be nil, into its field of dst.
func (d *decoder) field(dst reflect.Value, f *field, s *Section, o *Option) {
	if o == nil || o.Len() == 0 || o.Len() == 1 && o.Value() == "" {
		if f.required {
			d.problem(s, f.name, s.Pos.Line, f.name+" is missing")
		}
		return
	}
	v := dst.FieldByIndex(f.index)
	if f.list {
		d.list(v, f, s, o)
		return
	}
	if o.Len() > 1 {
		d.problem(s, o.Name, int(o.list()[1].line), o.Name+" takes one value, not a list")
		return
	}
	if want := f.one(f.target(v), o.Value()); want != "" {
		d.problem(s, o.Name, o.Pos().Line, f.complaint(o.Name, o.Value(), want))
	}
}

// list decodes into a slice: the items of a list, or the words of a string.
func (d *decoder) list(v reflect.Value, f *field, s *Section, o *Option) {
	items := o.list()
	if !o.IsList {
		items = split(o, f.nosplit)
	}
	v.Set(reflect.MakeSlice(f.typ, len(items), len(items)))
	n := 0
	for _, it := range items {
		if it.text == "" {
			continue
		}
		if want := f.one(v.Index(n), it.text); want != "" {
			d.problem(s, o.Name, int(it.line), f.complaint(o.Name, it.text, want))
		}
		n++
	}
	v.SetLen(n)
}

func split(o *Option, whole bool) []item {
	if whole {
		return []item{{o.value, o.line}}
	}
	words := strings.Fields(o.value)
	items := make([]item, len(words))
	for i, w := range words {
		items[i] = item{w, o.line}
	}
	return items
}

// complaint says that a value is bad, without showing a secret.
func (f *field) complaint(name, value, want string) string {
	if f.secret {
		return name + " is not " + want
	}
	return name + " '" + value + "' is not " + want
}

func (d *decoder) problem(s *Section, option string, line int, text string) {
	d.Problems = append(d.Problems, Problem{
		Package: d.pkg.name, File: s.Pos.File, Line: line,
		Type: s.Type, Section: s.Ref(), Anonymous: s.Anonymous,
		Option: option, Text: text,
	})
}
