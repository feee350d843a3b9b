// SPDX-License-Identifier: Apache-2.0

package uci

import (
	"reflect"
	"strconv"
	"strings"
)

// A Schema describes the sections of one type, as the tags of a section struct say it.
type Schema struct {
	Type    string         `json:"type"`
	Filter  string         `json:"filter,omitempty"` // "option=value|value"
	Options []OptionSchema `json:"options"`
}

// OptionSchema describes one option.
type OptionSchema struct {
	Name     string   `json:"name"`
	Aliases  []string `json:"aliases,omitempty"`
	Kind     string   `json:"kind"` // "string", "bool", "integer", "number", "duration", "ipaddr" …
	List     bool     `json:"list,omitempty"`
	Required bool     `json:"required,omitempty"`
	Secret   bool     `json:"secret,omitempty"`
	Default  string   `json:"default,omitempty"`
	Enum     []string `json:"enum,omitempty"`
	Min      string   `json:"min,omitempty"`
	Max      string   `json:"max,omitempty"`
	Datatype string   `json:"datatype,omitempty"`
}

// SchemaOf describes what [Package.Decode] reads into cfg, a struct or a pointer to one.
func SchemaOf(cfg any) []Schema {
	t := reflect.TypeOf(cfg)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	var schemas []Schema
	for _, g := range planOf(t).groups {
		s := Schema{Type: g.typ}
		if g.option != "" {
			s.Filter = g.option + "=" + strings.Join(g.values, "|")
		}
		for _, f := range g.sections.fields {
			s.Options = append(s.Options, f.schema())
		}
		schemas = append(schemas, s)
	}
	return schemas
}

func (f *field) schema() OptionSchema {
	return OptionSchema{
		Name: f.name, Aliases: f.aliases, Kind: f.kind(), List: f.list, Required: f.required,
		Secret: f.secret, Default: f.def, Enum: f.enum, Min: f.limits[0], Max: f.limits[1],
		Datatype: f.datatype,
	}
}

// kind names the type of one value for people and for JSON Schema.
func (f *field) kind() string {
	switch f.elem {
	case secretType:
		return "string"
	case addrType:
		return "ipaddr"
	case prefixType:
		return "cidr"
	case addrPortType:
		return "ipaddrport"
	case durationType:
		return "duration"
	}
	switch k := f.elem.Kind(); {
	case isText(f.elem) || k == reflect.String:
		return "string"
	case k == reflect.Bool:
		return "bool"
	case k == reflect.Float32 || k == reflect.Float64:
		return "number"
	}
	return "integer"
}

// JSONSchema gives the schema of one section as a JSON Schema, to be marshalled. Values are
// strings in UCI; numbers and switches are described as what they stand for.
func (s Schema) JSONSchema() map[string]any {
	properties := make(map[string]any)
	var required []string
	for _, o := range s.Options {
		properties[o.Name] = o.jsonSchema()
		if o.Required {
			required = append(required, o.Name)
		}
	}
	schema := map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": s.Type,
		"type": "object", "properties": properties,
	}
	if required != nil {
		schema["required"] = required
	}
	return schema
}

func (o OptionSchema) jsonSchema() map[string]any {
	one := map[string]any{"type": "string"}
	switch o.Kind {
	case "bool":
		one["type"] = "boolean"
	case "integer", "number":
		one["type"] = o.Kind
	case "string":
	default:
		one["format"] = o.Kind
	}
	for key, value := range map[string]string{"default": o.Default, "x-datatype": o.Datatype} {
		if value != "" {
			one[key] = value
		}
	}
	for key, value := range map[string]string{"minimum": o.Min, "maximum": o.Max} {
		if n, err := strconv.ParseFloat(value, 64); err == nil {
			one[key] = n
		}
	}
	if o.Enum != nil {
		one["enum"] = o.Enum
	}
	if o.Secret {
		one["writeOnly"] = true
	}
	if o.List {
		return map[string]any{"type": "array", "items": one}
	}
	return one
}

// Table gives the schema as a Markdown table for a manual.
func (s Schema) Table() string {
	var b strings.Builder
	b.WriteString("| option | type | default | allowed |\n|---|---|---|---|\n")
	for _, o := range s.Options {
		kind := o.Kind
		if o.List {
			kind = "list of " + kind
		}
		if o.Required {
			kind += ", required"
		}
		b.WriteString("| `" + o.Name + "` | " + kind + " | " + o.Default + " | " + o.allowed() + " |\n")
	}
	return b.String()
}

func (o OptionSchema) allowed() string {
	var parts []string
	for _, e := range o.Enum {
		parts = append(parts, "`"+e+"`")
	}
	switch {
	case o.Min != "" && o.Max != "":
		parts = append(parts, o.Min+" to "+o.Max)
	case o.Min != "":
		parts = append(parts, "at least "+o.Min)
	case o.Max != "":
		parts = append(parts, "at most "+o.Max)
	}
	if o.Datatype != "" {
		parts = append(parts, strings.ReplaceAll(o.Datatype, "|", `\|`))
	}
	if o.Aliases != nil {
		parts = append(parts, "also called "+strings.Join(o.Aliases, ", "))
	}
	return strings.Join(parts, ", ")
}
