// SPDX-License-Identifier: Apache-2.0

package services

import (
	"slices"

	"ucid/uci"
)

// Validate checks packages against what their services know of sections and options, without
// asking what they mean together: that is what a plan does.
func Validate(packages map[string]*uci.Package) []uci.Problem {
	globals, decoding := DecodeGlobals(packages[GlobalsPackage])
	b := &Builder{globals: globals, problems: slices.Clone(decoding.Problems), packages: packages}
	all := claims{}
	if p := packages[GlobalsPackage]; p != nil {
		all.add(p, decoding.Claims)
	}
	for _, s := range registry {
		s.decode(b, packages, all)
	}
	return inOrder(append(b.problems, unclaimed(all)...))
}

// Schemas describes the sections a service reads, by package.
func (s *Service) Schemas() map[string][]uci.Schema {
	schemas := map[string][]uci.Schema{}
	for _, name := range s.Packages {
		schemas[name] = uci.SchemaOf(part(s.config(), name, s.Packages))
	}
	return schemas
}

// JSONSchema describes the sections a service reads, by package and type, as JSON Schema
// (draft 2020-12).
func (s *Service) JSONSchema() map[string]any {
	packages := map[string]any{}
	for name, schemas := range s.Schemas() {
		sections := map[string]any{}
		for _, schema := range schemas {
			sections[schema.Type] = schema.JSONSchema()
		}
		packages[name] = map[string]any{"type": "object", "properties": sections}
	}
	return map[string]any{"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "ucid " + s.Name,
		"type": "object", "properties": packages}
}
