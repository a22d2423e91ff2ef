package imports

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// shape says which parts of a description are read: of a mapping, the named
// fields and, with each, all other keys; of a list, the items.
type shape struct {
	kind   yaml.Kind
	fields map[string]*shape
	each   *shape
}

// What is read of an OpenAPI description.
var ( //nolint:gochecknoglobals // constant tables
	textShape  = &shape{kind: yaml.ScalarNode}
	textsShape = &shape{kind: yaml.SequenceNode, each: textShape}
	namesShape = &shape{kind: yaml.MappingNode, each: &shape{kind: yaml.MappingNode}} // keys only

	serversShape = &shape{kind: yaml.SequenceNode, each: &shape{kind: yaml.MappingNode, fields: map[string]*shape{
		"url": textShape, "description": textShape,
		"variables": {kind: yaml.MappingNode, each: &shape{kind: yaml.MappingNode, fields: map[string]*shape{
			"default": textShape, "enum": textsShape,
		}}},
	}}}
	securityShape = &shape{kind: yaml.SequenceNode, each: &shape{kind: yaml.MappingNode, each: textsShape}}

	flowShape = &shape{kind: yaml.MappingNode, fields: map[string]*shape{
		"authorizationUrl": textShape, "tokenUrl": textShape, "scopes": {kind: yaml.MappingNode, each: textShape},
	}}
	schemeShape = &shape{kind: yaml.MappingNode, fields: map[string]*shape{
		"type": textShape, "name": textShape, "in": textShape, "scheme": textShape, "openIdConnectUrl": textShape,
		"flows": {kind: yaml.MappingNode, fields: map[string]*shape{
			"implicit": flowShape, "password": flowShape, "clientCredentials": flowShape, "authorizationCode": flowShape,
		}},
	}}

	contentShape   = &shape{kind: yaml.MappingNode, fields: map[string]*shape{"content": namesShape}}
	operationShape = &shape{kind: yaml.MappingNode, fields: map[string]*shape{
		"tags": textsShape, "security": securityShape, "servers": serversShape, "callbacks": namesShape,
		"requestBody": contentShape, "responses": {kind: yaml.MappingNode, each: contentShape},
	}}
	pathShape = &shape{kind: yaml.MappingNode, fields: map[string]*shape{
		"servers": serversShape, "additionalOperations": {kind: yaml.MappingNode, each: operationShape},
		"get": operationShape, "put": operationShape, "post": operationShape, "delete": operationShape, "options": operationShape,
		"head": operationShape, "patch": operationShape, "trace": operationShape, "query": operationShape,
	}}

	openAPIShape = &shape{kind: yaml.MappingNode, fields: map[string]*shape{
		"openapi": textShape, "servers": serversShape, "security": securityShape,
		"info":       {kind: yaml.MappingNode, fields: map[string]*shape{"title": textShape, "version": textShape}},
		"paths":      {kind: yaml.MappingNode, each: pathShape},
		"webhooks":   namesShape,
		"components": {kind: yaml.MappingNode, fields: map[string]*shape{"securitySchemes": {kind: yaml.MappingNode, each: schemeShape}}},
	}}
)

// cut is the part of a value that has a shape, as encoding/json takes it, or
// nil. References are replaced by what they stand for.
func (v place) cut(s *shape) any {
	v, _ = v.followed()
	if !v.is(s.kind) {
		return nil
	}
	switch s.kind {
	default:
		return v.text()
	case yaml.SequenceNode:
		list := []any{}
		for _, item := range v.items() {
			if part := item.cut(s.each); part != nil {
				list = append(list, part)
			}
		}
		return list
	case yaml.MappingNode:
		mapping := map[string]any{}
		for key, field := range v.fields() {
			of := s.fields[key]
			if of == nil {
				of = s.each
			}
			if of == nil || strings.HasPrefix(key, "x-") && field.kind() != of.kind {
				continue // an extension, or else a name that looks like one
			}
			part := field.cut(of)
			if part == nil && of == textsShape && !field.exists() {
				part = []any{} // a requirement written as "name:"
			}
			if part != nil {
				mapping[key] = part
			}
		}
		return mapping
	}
}
