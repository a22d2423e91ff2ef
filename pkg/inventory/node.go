package inventory

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

const (
	maxDepth   = 64        // levels of nesting; the model needs eight
	maxAliased = 1_000_000 // values that aliases and merges may add to one file
)

// shape is the JSON type of a value.
type shape uint8

const (
	shapeNull shape = iota
	shapeBoolean
	shapeNumber
	shapeText
	shapeList
	shapeMapping
)

// String names the shape for people.
func (s shape) String() string {
	return [...]string{"nothing", "true or false", "a number", "text", "a list", "a mapping"}[s]
}

// node is one value of an inventory file after aliases and merges: a graph
// without cycles, whose aliased parts are shared, never copied.
type node struct {
	shape        shape
	text         string // of a scalar
	line, column int
	width        int            // of a plain scalar, in characters; 0 when the file must tell
	fields       []field        // of a mapping, without duplicates
	index        map[string]int // of fields, when they are many
	items        []*node        // of a list
	size         int            // values in it, aliased parts counted each time
	reported     bool           // broken, and said so: no second problem for it
}

// field is one key of a mapping and its value.
type field struct {
	key    *node
	value  *node
	merged bool // came through <<
}

// get returns the value of a key, or nil.
func (n *node) get(key string) *node {
	if f := n.field(key); f != nil {
		return f.value
	}
	return nil
}

// field returns the key of a mapping with its value, or nil.
func (n *node) field(key string) *field {
	if n == nil {
		return nil
	}
	if n.index != nil {
		if i, ok := n.index[key]; ok {
			return &n.fields[i]
		}
		return nil
	}
	for i := range n.fields {
		if n.fields[i].key.text == key {
			return &n.fields[i]
		}
	}
	return nil
}

// schemaValue returns n as gojsonschema takes it. Lists under a key of cut
// are left empty: they are validated on their own.
func (n *node) schemaValue(cut map[string]string) any {
	switch n.shape {
	default: // null
		return nil
	case shapeBoolean:
		return n.text == "true"
	case shapeNumber:
		// The validator computes with exact fractions, so 1e999999999 would
		// eat the memory. The schema only knows small integers.
		if f, err := strconv.ParseFloat(n.text, 64); err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			return json.Number(strconv.FormatInt(int64(f), 10))
		}
		return json.Number("0.5")
	case shapeText:
		return n.text
	case shapeList:
		list := make([]any, len(n.items))
		for i, item := range n.items {
			list[i] = item.schemaValue(nil)
		}
		return list
	case shapeMapping:
		mapping := make(map[string]any, len(n.fields))
		for _, f := range n.fields {
			if _, isCut := cut[f.key.text]; isCut && f.value.shape == shapeList {
				mapping[f.key.text] = []any{}
				continue
			}
			mapping[f.key.text] = f.value.schemaValue(nil)
		}
		return mapping
	}
}

// grower turns the parser's nodes into ours.
type grower struct {
	source   *source
	report   func(Problem)
	anchored map[*yaml.Node]*node // what an anchor became; nil while it is being grown
	aliased  int
	slab     []node // nodes not yet given out: one allocation for many
}

// newNode returns an empty node at the place of y.
func (g *grower) newNode(y *yaml.Node) *node {
	if len(g.slab) == 0 {
		g.slab = make([]node, 512)
	}
	n := &g.slab[0]
	g.slab = g.slab[1:]
	n.line, n.column, n.size = y.Line, y.Column, 1
	return n
}

// problem reports a problem at a parser's node.
func (g *grower) problem(y *yaml.Node, width int, code, message, hint string) {
	g.report(Problem{Pos: g.source.pos(y.Line, y.Column), Width: width, Code: code, Message: message, Hint: hint})
}

// grow turns y into a node. After a problem it returns null in its place.
func (g *grower) grow(y *yaml.Node, depth int) *node {
	n := g.newNode(y)
	if depth > maxDepth {
		g.problem(y, 1, "too-deep", (&depthError{}).Error(), "")
		n.reported = true
		return n
	}
	if y.Anchor != "" {
		g.anchored[y] = nil
		defer func() { g.anchored[y] = n }()
	}
	switch y.Kind {
	default: // a document does not stand within one
	case yaml.AliasNode:
		return g.alias(y, depth)
	case yaml.ScalarNode:
		g.scalar(n, y)
	case yaml.SequenceNode:
		g.plainTag(n, y, "!!seq")
		n.shape = shapeList
		n.items = make([]*node, 0, len(y.Content))
		for _, child := range y.Content {
			item := g.grow(child, depth+1)
			n.items = append(n.items, item)
			n.size += item.size
		}
	case yaml.MappingNode:
		g.plainTag(n, y, "!!map")
		n.shape = shapeMapping
		g.mapping(n, y, depth)
	}
	return n
}

// alias returns the node that an alias stands for.
func (g *grower) alias(y *yaml.Node, depth int) *node {
	target, done := g.anchored[y.Alias]
	if !done {
		target = g.grow(y.Alias, depth)
	}
	if target == nil {
		g.problem(y, 0, "alias-loop", "this alias stands inside its own anchor", "")
		return g.brokenNode(y)
	}
	before := g.aliased
	if g.aliased += target.size; g.aliased > maxAliased {
		if before <= maxAliased {
			g.problem(y, 0, "too-many-aliases",
				fmt.Sprintf("aliases and merges add more than %d values", maxAliased), "")
		}
		return g.brokenNode(y)
	}
	return target
}

// brokenNode returns a null about which a problem was reported.
func (g *grower) brokenNode(y *yaml.Node) *node {
	n := g.newNode(y)
	n.reported = true
	return n
}

// plainTag refuses explicit tags other than the natural ones.
func (g *grower) plainTag(n *node, y *yaml.Node, natural string) {
	if y.Style&yaml.TaggedStyle != 0 && y.ShortTag() != natural {
		n.reported = true
		g.problem(y, 0, "unsupported-tag", "tags such as !!binary or !name are not supported", "remove the tag")
	}
}

// scalar fills n from a YAML scalar, by the types of YAML 1.2 section 10.3.
func (g *grower) scalar(n *node, y *yaml.Node) {
	g.plainTag(n, y, "!!str")
	n.text = y.Value
	n.width = plainWidth(y)
	switch y.ShortTag() {
	case "!!null":
		n.shape = shapeNull
	case "!!bool":
		n.shape = shapeBoolean
		var b bool
		if y.Decode(&b) == nil {
			n.text = strconv.FormatBool(b)
		}
	case "!!int", "!!float":
		n.shape = shapeNumber
	default: // text, dates, the merge key as a value
		n.shape = shapeText
	}
}

// mapping fills n from a YAML mapping: own keys first, then what << brings in.
func (g *grower) mapping(n *node, y *yaml.Node, depth int) {
	n.fields = make([]field, 0, len(y.Content)/2)
	var merges []*yaml.Node
	for i := 0; i+1 < len(y.Content); i += 2 {
		k, v := y.Content[i], y.Content[i+1]
		switch {
		case k.Kind == yaml.ScalarNode && k.ShortTag() == "!!merge":
			merges = append(merges, v)
			continue
		case k.Kind != yaml.ScalarNode:
			g.problem(k, 1, "bad-key", "a key must be plain text", "")
			continue
		}
		key := g.newNode(k)
		key.shape, key.text, key.width = shapeText, k.Value, plainWidth(k)
		if first := n.field(key.text); first != nil {
			g.problem(k, key.width, "duplicate-key", fmt.Sprintf("key %s is already given on line %d", quote(k.Value), first.key.line),
				"remove one of the two")
			g.grow(v, depth+1) // for its own problems
			continue
		}
		n.add(field{key: key, value: g.grow(v, depth+1)})
	}
	for _, m := range merges {
		g.merge(n, m, depth)
	}
}

// merge adds the keys that the value of a << key brings in. Keys of the
// mapping itself win, then earlier merges (YAML merge key, 2005).
func (g *grower) merge(n *node, y *yaml.Node, depth int) {
	from := g.grow(y, depth+1)
	sources := []*node{from}
	if from.shape == shapeList {
		sources = from.items
	}
	for _, source := range sources {
		if source.shape != shapeMapping {
			if source.reported {
				continue
			}
			g.problem(y, 0, "bad-merge", "<< takes a mapping or a list of mappings", "write \"<<: *name\"")
			continue
		}
		for _, f := range source.fields {
			if n.field(f.key.text) == nil {
				n.add(field{key: f.key, value: f.value, merged: true})
			}
		}
	}
}

// manyFields is when a mapping's keys are found through a map.
const manyFields = 16

// add adds a field to a growing mapping.
func (n *node) add(f field) {
	n.fields = append(n.fields, f)
	n.size += f.value.size
	switch {
	case n.index != nil:
		n.index[f.key.text] = len(n.fields) - 1
	case len(n.fields) > manyFields:
		n.index = make(map[string]int, 2*len(n.fields))
		for i, f := range n.fields {
			n.index[f.key.text] = i
		}
	}
}

// plainWidth returns how many characters a plain scalar takes, 0 for one
// whose text differs from its value.
func plainWidth(y *yaml.Node) int {
	if y.Style != 0 || y.Anchor != "" {
		return 0
	}
	return utf8.RuneCountInString(y.Value)
}
