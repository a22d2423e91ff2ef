package risk

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// idOf finds the id of a rule that may be broken elsewhere.
func idOf(n *yaml.Node) string {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "id" && n.Content[i+1].Kind == yaml.ScalarNode {
			return n.Content[i+1].Value
		}
	}
	return ""
}

// ruleReader reads one rule. It remembers where each field stands.
type ruleReader struct {
	pack *pack
	id   string
	rule Rule
	at   map[string]*yaml.Node // by path, such as "examples[0].verdict"
	// broken are the fields of the rule about which something has been said,
	// and those that a mistyped key most likely meant.
	broken map[string]bool
}

// topOf is the field of a rule that a path leads into.
func topOf(field string) string {
	if i := strings.IndexAny(field, ".["); i >= 0 {
		return field[:i]
	}
	return field
}

func (r *ruleReader) problem(n *yaml.Node, field, message, hint string) {
	r.broken[topOf(field)] = true
	r.pack.problem(n, r.id, field, message, hint)
}

// nearestNode is the node of a field or, when it is missing, what should hold it.
func (r *ruleReader) nearestNode(field string) *yaml.Node {
	for {
		if n, ok := r.at[field]; ok {
			return n
		}
		field = field[:max(0, strings.LastIndexAny(field, ".["))]
	}
}

func (r *ruleReader) read(n *yaml.Node) {
	c := &r.rule
	r.mapping(n, "", map[string]func(*yaml.Node, string){
		"id":          text(r, &c.ID),
		"title":       text(r, &c.Title),
		"description": text(r, &c.Description),
		"severity":    text(r, &c.Severity),
		"category":    text(r, &c.Category),
		"scope":       text(r, &c.Scope),
		"cap":         text(r, &c.Cap),
		"claim":       text(r, &c.Claim),
		"cites":       func(n *yaml.Node, field string) { c.Cites = r.texts(n, field) },
		"cwe":         text(r, &c.CWE),
		"owasp":       text(r, &c.OWASP),
		"when":        text(r, &c.When),
		"assert":      text(r, &c.Assert),
		"message":     text(r, &c.Message),
		"remedy":      text(r, &c.Remedy),
		"examples":    r.examples,
		"disabled":    r.disabled,
	})
}

// mapping hands each value to the reader of its key.
func (r *ruleReader) mapping(n *yaml.Node, field string, keys map[string]func(*yaml.Node, string)) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		full := join(field, key.Value)
		read, known := keys[key.Value]
		switch {
		case !known:
			allowed := sortedKeys(keys)
			r.broken[topOf(join(field, inventory.Nearest(key.Value, allowed)))] = true
			r.problem(key, field, fmt.Sprintf("unknown key %q", key.Value), didYouMean(key.Value, allowed))
		case r.at[full] != nil:
			r.problem(key, field, fmt.Sprintf("the key %q stands twice", key.Value), "")
		case value.Kind == yaml.AliasNode:
			r.problem(value, full, "YAML aliases are not allowed in rules", "write the value out")
		default:
			r.at[full] = value
			read(value, full)
		}
	}
}

func join(field, key string) string {
	if field == "" {
		return key
	}
	return field + "." + key
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}

// text reads a string, or a number or word that YAML would take for something
// else.
func text[S ~string](r *ruleReader, to *S) func(*yaml.Node, string) {
	return func(n *yaml.Node, field string) {
		if n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null" {
			r.problem(n, field, "must be a string", "")
			return
		}
		*to = S(n.Value)
	}
}

func (r *ruleReader) texts(n *yaml.Node, field string) []string {
	if n.Kind != yaml.SequenceNode {
		r.problem(n, field, "must be a list of strings", "")
		return nil
	}
	list := make([]string, len(n.Content))
	for i, item := range n.Content {
		text(r, &list[i])(item, fmt.Sprintf("%s[%d]", field, i))
	}
	return list
}

func (r *ruleReader) disabled(n *yaml.Node, field string) {
	if n.ShortTag() != "!!bool" || n.Decode(&r.rule.Disabled) != nil {
		r.problem(n, field, "must be true or false", "")
	}
}

func (r *ruleReader) examples(n *yaml.Node, field string) {
	if n.Kind != yaml.SequenceNode {
		r.problem(n, field, "must be a list of examples", "")
		return
	}
	r.rule.Examples = make([]Example, len(n.Content))
	for i, item := range n.Content {
		e := &r.rule.Examples[i]
		e.Facts = map[string]any{}
		full := fmt.Sprintf("%s[%d]", field, i)
		r.at[full] = item
		if item.Kind != yaml.MappingNode {
			r.problem(item, full, "an example is a mapping", "write {verdict: pass, facts: {...}}")
			continue
		}
		r.mapping(item, full, map[string]func(*yaml.Node, string){
			"name":    text(r, &e.Name),
			"verdict": text(r, &e.Verdict),
			"facts":   func(n *yaml.Node, field string) { r.facts(n, field, e.Facts) },
		})
	}
}

// facts reads the facts of an example. Their names and types are held against
// the probes' when the example is run.
func (r *ruleReader) facts(n *yaml.Node, field string, facts map[string]any) {
	if n.Kind != yaml.MappingNode {
		r.problem(n, field, "must be a mapping of facts by full name", "write {tls.aead: true}")
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if _, twice := facts[key.Value]; twice {
			r.problem(key, field, fmt.Sprintf("the fact %q stands twice", key.Value), "")
			continue
		}
		v, ok := factOf(value)
		if !ok {
			r.problem(value, join(field, key.Value), "a fact is true, false, a number, a string or a list of strings",
				"leave a fact out to make it unknown, and write nested facts with dots: tls.accepts.tls10")
			continue
		}
		facts[key.Value] = v
	}
}

// factOf is a fact's value: bool, int64, float64, string or []string.
func factOf(n *yaml.Node) (any, bool) {
	switch n.Kind {
	case yaml.SequenceNode:
		list := make([]string, len(n.Content))
		for i, item := range n.Content {
			if item.Kind != yaml.ScalarNode || item.ShortTag() == "!!null" {
				return nil, false
			}
			list[i] = item.Value
		}
		return list, true
	case yaml.ScalarNode:
		return scalarOf(n)
	default:
		return nil, false
	}
}

func scalarOf(n *yaml.Node) (any, bool) {
	switch n.ShortTag() {
	case "!!str", "!!timestamp": // days are strings among the facts
		return n.Value, true
	case "!!bool", "!!int", "!!float":
		var v any
		if err := n.Decode(&v); err != nil {
			return nil, false
		}
		switch v := v.(type) {
		case int:
			return int64(v), true
		case bool, int64, float64:
			return v, true
		}
	}
	return nil, false
}
