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

// JSONSchema describes the sections a service reads as a JSON Schema (draft 2020-12) of what
// "uci --json show" prints: an object of sections for each package, all values strings.
func (s *Service) JSONSchema() map[string]any {
	packages := map[string]any{}
	for name, schemas := range s.Schemas() {
		var sections []any
		for _, schema := range schemas {
			sections = append(sections, sectionSchema(schema))
		}
		packages[name] = map[string]any{"type": "object", "additionalProperties": map[string]any{"anyOf": sections}}
	}
	return map[string]any{"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "ucid " + s.Name,
		"type": "object", "properties": packages}
}

func sectionSchema(s uci.Schema) map[string]any {
	options := map[string]any{".type": map[string]any{"const": s.Type}}
	required := []string{".type"}
	for _, o := range s.Options {
		options[o.Name] = optionSchema(o)
		for _, alias := range o.Aliases {
			options[alias] = map[string]any{"description": "older name of " + o.Name, "deprecated": true}
		}
		if o.Required {
			required = append(required, o.Name)
		}
	}
	schema := map[string]any{"type": "object", "properties": options, "required": required}
	if s.Filter != "" {
		schema["description"] = "where " + s.Filter
	}
	return schema
}

// patterns are the values of kinds that have a simple form.
var patterns = map[string]string{"integer": "^[+-]?(0[xX][0-9a-fA-F]+|[0-9]+)$",
	"bool": "^(0|1|on|off|true|false|yes|no|enabled|disabled)$"}

func optionSchema(o uci.OptionSchema) map[string]any {
	value := map[string]any{"type": "string"}
	if o.Enum != nil {
		value["enum"] = o.Enum
	} else if pattern, ok := patterns[o.Kind]; ok {
		value["pattern"] = pattern
	}
	text := o.Kind
	for _, limit := range []struct{ word, value string }{{"from", o.Min}, {"to", o.Max}, {"datatype", o.Datatype}} {
		if limit.value != "" {
			text += " " + limit.word + " " + limit.value
		}
	}
	value["description"] = text
	if o.Secret {
		value["writeOnly"] = true
	}
	if o.List {
		value = map[string]any{"type": []string{"array", "string"}, "items": value}
	}
	if o.Default != "" {
		value["default"] = o.Default
	}
	return value
}
