package inventory

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/xeipuuv/gojsonschema"
)

//go:embed schema.json
var schemaJSON []byte

// SchemaID is the $id of the inventory's JSON Schema.
const SchemaID = "https://m2mscan.github.io/schema/inventory-1.json"

// Schema returns the JSON Schema (draft-07) of an inventory file.
func Schema() []byte { return bytes.Clone(schemaJSON) }

//go:embed waivers.schema.json
var waiverSchemaJSON []byte

// WaiverSchemaID is the $id of the JSON Schema of waiver files.
const WaiverSchemaID = "https://m2mscan.github.io/schema/waivers-1.json"

// WaiverSchema returns the JSON Schema (draft-07) of a waiver file.
func WaiverSchema() []byte { return bytes.Clone(waiverSchemaJSON) }

// The definitions of the schema that are validated on their own, so that
// links are validated in parallel and an error names its link.
const (
	defRoot   = ""
	defVendor = "vendor"

	// Those of waiver files, which have a schema of their own.
	defWaiverFile = "waiver file"
	defWaiver     = "waiver"
)

// linkLists are the lists of a vendor that hold links: the key, the
// definition in the schema and the kind.
var linkLists = []struct { //nolint:gochecknoglobals // a constant table
	key, definition string
	kind            Kind
}{
	{"endpoints", "endpoint", KindEndpoint},
	{"brokers", "broker", KindBroker},
	{"webhooks", "webhook", KindWebhook},
}

// validators are the compiled definitions. They are compiled when the first
// inventory is loaded, because a command that needs none must not wait.
var validators = sync.OnceValue(func() map[string]*gojsonschema.Schema { //nolint:gochecknoglobals // compiled once, never written again
	compiled := map[string]*gojsonschema.Schema{}
	for definition, reference := range map[string]string{
		defRoot: SchemaID, defVendor: SchemaID + "#/definitions/vendor", "endpoint": SchemaID + "#/definitions/endpoint",
		"broker": SchemaID + "#/definitions/broker", "webhook": SchemaID + "#/definitions/webhook",
		defWaiverFile: WaiverSchemaID, defWaiver: WaiverSchemaID + "#/definitions/waiver",
	} {
		loader := gojsonschema.NewSchemaLoader()
		if err := loader.AddSchemas(gojsonschema.NewBytesLoader(schemaJSON), gojsonschema.NewBytesLoader(waiverSchemaJSON)); err != nil {
			panic("schema.json: " + err.Error()) // the embedded file is broken: a test would have failed
		}
		schema, err := loader.Compile(gojsonschema.NewStringLoader(fmt.Sprintf(`{"$ref": %q}`, reference)))
		if err != nil {
			panic("schema.json: " + err.Error())
		}
		compiled[definition] = schema
	}
	return compiled
})

// schemaNode is one place of the schema, read for its words: names to
// suggest, titles, examples.
type schemaNode struct {
	Ref         string                 `json:"$ref"`
	Title       string                 `json:"title"`
	Description string                 `json:"description"`
	Type        string                 `json:"type"`
	Enum        []any                  `json:"enum"`
	Examples    []json.RawMessage      `json:"examples"`
	Required    []string               `json:"required"`
	Properties  schemaProperties       `json:"properties"`
	Items       *schemaNode            `json:"items"`
	Additional  schemaOrBool           `json:"additionalProperties"`
	Definitions map[string]*schemaNode `json:"definitions"`
}

// schemaProperties are the properties of an object in the order of the file.
type schemaProperties []schemaProperty

type schemaProperty struct {
	Name string
	Node *schemaNode
}

// UnmarshalJSON keeps the order that a map would lose.
func (ps *schemaProperties) UnmarshalJSON(text []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	if _, err := decoder.Token(); err != nil {
		return fmt.Errorf("read properties: %w", err)
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return fmt.Errorf("read property: %w", err)
		}
		p := schemaProperty{Name: fmt.Sprint(name), Node: new(schemaNode)}
		if err := decoder.Decode(p.Node); err != nil {
			return fmt.Errorf("read property %s: %w", p.Name, err)
		}
		*ps = append(*ps, p)
	}
	return nil
}

// schemaOrBool is the schema of keys that have no own one; nil for true and
// false.
type schemaOrBool struct{ Node *schemaNode }

// UnmarshalJSON reads a schema and skips true and false.
func (s *schemaOrBool) UnmarshalJSON(text []byte) error {
	if text[0] != '{' {
		return nil
	}
	s.Node = new(schemaNode)
	return json.Unmarshal(text, s.Node) //nolint:wrapcheck // called by encoding/json
}

// schemaTree is schema.json read for its words, with that of waiver files among
// its definitions.
var schemaTree = sync.OnceValue(func() *schemaNode { //nolint:gochecknoglobals // read once, never written again
	root := new(schemaNode)
	if err := json.Unmarshal(schemaJSON, root); err != nil {
		panic("schema.json: " + err.Error()) // the embedded file is broken: a test would have failed
	}
	waivers := new(schemaNode)
	if err := json.Unmarshal(waiverSchemaJSON, waivers); err != nil {
		panic("waivers.schema.json: " + err.Error())
	}
	root.Definitions[defWaiverFile], root.Definitions[defWaiver] = waivers, waivers.Definitions[defWaiver]
	return root
})

// definition returns a definition of the schema, or the root for defRoot.
func (n *schemaNode) definition(name string) *schemaNode {
	if name == defRoot {
		return n
	}
	return n.Definitions[name]
}

// names returns the keys of an object.
func (n *schemaNode) names() []string {
	if n == nil {
		return nil
	}
	names := make([]string, len(n.Properties))
	for i, p := range n.Properties {
		names[i] = p.Name
	}
	return names
}

// step goes from a place of the schema to the value under a key, or to an
// item of a list; nil where the schema says nothing.
func (n *schemaNode) step(key string) *schemaNode {
	if n == nil {
		return nil
	}
	next := cmp.Or(n.Items, n.Additional.Node)
	if i := slices.IndexFunc(n.Properties, func(p schemaProperty) bool { return p.Name == key }); i >= 0 {
		next = n.Properties[i].Node
	}
	return next.resolve()
}

// resolve follows a $ref.
func (n *schemaNode) resolve() *schemaNode {
	if n == nil || n.Ref == "" {
		return n
	}
	return schemaTree().definition(strings.TrimPrefix(n.Ref, "#/definitions/"))
}

// homes names the definitions that know a key, for a key that stands in the
// wrong place.
func homes(key string) []string {
	root := schemaTree()
	var found []string
	for _, name := range slices.Sorted(maps.Keys(root.Definitions)) {
		if slices.Contains(root.Definitions[name].names(), key) {
			found = append(found, strings.ToLower(root.Definitions[name].Title))
		}
	}
	if slices.Contains(root.names(), key) {
		found = append(found, "the top of the file")
	}
	return found
}

// knownKeys are the keys of all objects of the schema.
var knownKeys = sync.OnceValue(func() map[string]bool { //nolint:gochecknoglobals // read once, never written again
	known := map[string]bool{}
	var collect func(n *schemaNode)
	collect = func(n *schemaNode) {
		for _, p := range n.Properties {
			known[p.Name] = true
			collect(p.Node)
		}
	}
	collect(schemaTree())
	for _, n := range schemaTree().Definitions {
		collect(n)
	}
	return known
})

// sortedKnownKeys are the same as a list, for suggestions.
var sortedKnownKeys = sync.OnceValue(func() []string { //nolint:gochecknoglobals // read once, never written again
	return slices.Sorted(maps.Keys(knownKeys()))
})
