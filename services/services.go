// SPDX-License-Identifier: Apache-2.0

// Package services is where services register and where their configurations are compiled.
//
// A service is a folder below this one. It says what its part of the configuration looks
// like, as Go structs with uci tags, and turns that into wanted objects:
//
//	func init() { services.Register("route", services.Packages{"network"}, compile) }
//
//	func compile(c *Config, b *services.Builder) {
//		for _, r := range c.Routes {
//			services.Want(b, r.object(b), r.Meta)
//		}
//	}
//
// compile is pure: it depends on the configuration and on the facts it asks the [Builder]
// for, and on nothing else. It does no I/O and reads no clock.
package services

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"ucid/uci"
)

// Packages names the UCI packages a service reads. A user may have another package read in
// the place of one, see [Globals].
type Packages []string

// A Service is a registered service.
type Service struct {
	Name     string
	Packages Packages
	config   func() any // a new pointer to its configuration
	compile  func(config any, b *Builder)
}

var registry []*Service

// Register adds a service; it is called from an init function. The configuration C is a
// struct for [uci.Package.Decode]. With several packages C has a field for each, which is
// such a struct and has the tag package:"NAME".
func Register[C any](name string, packages Packages, compile func(*C, *Builder)) {
	if slices.ContainsFunc(registry, func(s *Service) bool { return s.Name == name }) {
		panic("services: registered twice: " + name)
	}
	registry = append(registry, &Service{Name: name, Packages: packages,
		config:  func() any { return new(C) },
		compile: func(config any, b *Builder) { compile(config.(*C), b) }})
	slices.SortFunc(registry, func(a, b *Service) int { return strings.Compare(a.Name, b.Name) })
}

// decode reads the configuration of a service from the packages.
func (s *Service) decode(b *Builder, ps map[string]*uci.Package, made claims) any {
	config := s.config()
	for _, name := range s.Packages {
		b.decode(ps[b.globals.packageFor(name)], part(config, name, s.Packages), made)
	}
	return config
}

// claims are those of one or more services, by package.
type claims map[*uci.Package][]uci.Claim

// add notes claims on a package. It takes the slice over: there may be many of them.
func (c claims) add(p *uci.Package, more []uci.Claim) {
	if c[p] == nil {
		c[p] = more
		return
	}
	c[p] = append(c[p], more...)
}

// decode fills dst from a package, which is nil when there is none.
func (b *Builder) decode(p *uci.Package, dst any, made claims) {
	if p == nil {
		return
	}
	d := p.Decode(dst)
	b.problems = append(b.problems, d.Problems...)
	made.add(p, d.Claims)
}

// part is the place for one package in a configuration of several.
func part(config any, name string, packages Packages) any {
	if len(packages) == 1 {
		return config
	}
	v := reflect.ValueOf(config).Elem()
	for i := range v.NumField() {
		if v.Type().Field(i).Tag.Get("package") == name {
			return v.Field(i).Addr().Interface()
		}
	}
	panic(fmt.Sprintf("services: %s has no field for the package %s", v.Type(), name))
}

// All returns the registered services in the order of their names.
func All() []*Service { return slices.Clone(registry) }

// Reads returns the names of all packages that services read, each once, sorted.
func Reads(g Globals) []string {
	names := []string{GlobalsPackage}
	for _, s := range registry {
		for _, p := range s.Packages {
			names = append(names, g.packageFor(p))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
