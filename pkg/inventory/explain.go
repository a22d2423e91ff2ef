package inventory

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/xeipuuv/gojsonschema"
)

// explain turns a validation error into a problem in words. It returns false
// for an error that follows from another one.
func explain(s *source, at place, e gojsonschema.ResultError, misspelt []string) (fault, bool) {
	if at.node.reported {
		return fault{node: at.node}, false
	}
	switch e.Type() {
	case "additional_property_not_allowed":
		f := at.node.field(fmt.Sprint(e.Details()["property"]))
		if f == nil {
			return fault{}, false
		}
		return fault{problem: unknownKey(s, at, f.key)}, true
	case "required":
		key := fmt.Sprint(e.Details()["property"])
		if slices.Contains(misspelt, key) {
			return fault{}, false // the misspelt key is the mistake
		}
		return fault{problem: missingKey(s, at, key)}, true
	case "invalid_type":
		return fault{problem: wrongType(s, at), node: at.node}, true
	case "enum":
		return fault{problem: badValue(s, at), node: at.node}, true
	case "unique":
		j, ok := e.Details()["j"].(int)
		if !ok || j >= len(at.node.items) {
			return fault{}, false
		}
		item := at.node.items[j]
		return fault{problem: s.at(item, "duplicate-value", fmt.Sprintf("%s is already in this list", quote(item.text)), "remove one of the two")}, true
	case "invalid_property_name":
		f := at.node.field(fmt.Sprint(e.Details()["property"]))
		if f == nil {
			return fault{}, false
		}
		return fault{problem: s.at(f.key, "bad-label", fmt.Sprintf("%s is not a label's name", quote(f.key.text)),
			"letters, digits, '.', '_', '/' and '-', at most 63, with a letter or digit at both ends")}, true
	case "string_gte":
		return fault{problem: s.at(at.node, "empty-value", subject(at)+" is empty", "give it a value, or remove the key"), node: at.node}, true
	case "pattern", "format", "string_lte":
		if at.node.shape == shapeMapping { // of a propertyNames, said above
			return fault{}, false
		}
		return fault{problem: badText(s, at), node: at.node}, true
	}
	return fault{problem: s.at(at.node, "invalid", e.Description(), ""), node: at.node}, true
}

// subject names the value at a place for a message.
func subject(at place) string {
	if at.key != "" {
		return quote(at.key)
	}
	if at.schema != nil && at.schema.Title != "" {
		return "this " + lowerFirst(at.schema.Title)
	}
	return "this value"
}

// lowerFirst lowers a title within a sentence, and leaves "TLS" alone.
func lowerFirst(title string) string {
	if len(title) > 1 && strings.ToUpper(title[:2]) == title[:2] {
		return title
	}
	return strings.ToLower(title[:1]) + title[1:]
}

// unknownKey says what an unknown key may have meant, or where it belongs.
func unknownKey(s *source, at place, key *node) Problem {
	hint := didYouMean(Nearest(key.text, at.schema.names()))
	if hint == "" {
		if belongs := homes(key.text); len(belongs) > 0 {
			hint = quote(key.text) + " is a key of " + strings.Join(belongs, ", ")
		} else {
			hint = "known keys: " + strings.Join(at.schema.names(), ", ")
		}
	}
	return s.at(key, "unknown-key", fmt.Sprintf("unknown key %s in %s", quote(key.text), owner(at)), hint)
}

// missingKey says which key an object lacks.
func missingKey(s *source, at place, key string) Problem {
	hint := ""
	if want := at.schema.step(key); want != nil && len(want.Examples) > 0 {
		hint = "such as " + key + ": " + example(want)
	}
	if at.part.definition == defRoot && at.node == at.part.node && key == "version" {
		hint = "start with version: 1"
	}
	return s.atStart(at.node, "missing-key", owner(at)+" lacks the key "+quote(key), hint)
}

// atStart makes a problem at a mapping as a whole: at its id when it has
// one, else at its first key or bracket.
func (s *source) atStart(n *node, code, message, hint string) Problem {
	if id := n.get("id"); id != nil && id.shape == shapeText {
		return s.at(id, code, message, hint)
	}
	p := s.at(n, code, message, hint)
	if len(n.fields) > 0 && !n.fields[0].merged && n.fields[0].key.line == n.line && n.fields[0].key.column == n.column {
		p.Width = n.fields[0].key.width
	}
	return p
}

// owner names the object at a place: "endpoint "charges-api"".
func owner(at place) string {
	if at.node == at.part.node && at.part.definition == defRoot {
		return "the inventory"
	}
	name := "this object"
	if at.key != "" {
		name = quote(at.key)
	} else if at.schema != nil && at.schema.Title != "" {
		name = lowerFirst(at.schema.Title)
	}
	if id := at.node.get("id"); id != nil && id.shape == shapeText && id.text != "" {
		name += " " + quote(id.text)
	}
	return name
}

// wrongType says what a value should have been.
func wrongType(s *source, at place) Problem {
	want, example := "another type", ""
	if at.schema != nil {
		want = map[string]string{"string": "text", "array": "a list", "object": "a mapping",
			"integer": "a whole number", "boolean": "true or false"}[at.schema.Type]
		example = exampleHint(at.schema)
	}
	if at.node == at.part.node && at.part.definition == defRoot {
		return s.at(at.node, "wrong-type", "an inventory is a mapping, not "+at.node.shape.String(), `start with "version: 1"`)
	}
	if at.node.shape == shapeNull {
		where := at.node
		if at.field != nil && !at.field.merged {
			where = at.field.key
		}
		return s.at(where, "empty-value", subject(at)+" has no value", "give it a value, or remove the key")
	}
	hint := example
	switch {
	case want == "text" && (at.node.shape == shapeNumber || at.node.shape == shapeBoolean):
		hint = "write it in quotes"
		if !isSecretKey(at.key) {
			hint += ": " + quote(at.node.text)
		}
	case want == "a list" && at.node.shape == shapeText && at.schema.Items.resolve() != nil && at.schema.Items.resolve().Type == "string":
		hint = "write it in brackets, as a list of one"
	}
	return s.at(at.node, "wrong-type", fmt.Sprintf("%s must be %s, not %s", subject(at), want, at.node.shape), hint)
}

// badValue says which values an enumeration has.
func badValue(s *source, at place) Problem {
	allowed := make([]string, len(at.schema.Enum))
	for i, v := range at.schema.Enum {
		allowed[i] = fmt.Sprint(v)
	}
	hint := didYouMean(Nearest(at.node.text, allowed))
	if hint == "" {
		hint = "one of " + strings.Join(allowed, ", ")
		if len(allowed) == 1 {
			hint = "write " + allowed[0]
		}
	}
	return s.at(at.node, "bad-value", fmt.Sprintf("%s is not a value of %s", quote(at.node.text), subject(at)), hint)
}

// badText explains a text that the schema's pattern or format refuses, in
// the words of the Go code that knows the format.
func badText(s *source, at place) Problem {
	var w *wrong
	switch at.key {
	case "id":
		w = checkID(at.node.text)
	case "url":
		w = checkURL(at.node.text, kindOf(at.part.definition))
	case "token_url":
		w = checkTokenURL(at.node.text)
	case "rate_limit":
		w = checkRate(at.node.text)
	case "review_by", "collected", "expires":
		w = checkDate(at.node.text)
	}
	if w == nil {
		w = &wrong{code: "bad-value", message: subject(at) + " is malformed", hint: exampleHint(at.schema)}
		if at.schema != nil && at.schema.Title == "Label" {
			w = &wrong{code: "bad-label", message: "the value of label " + quote(at.key) + " is malformed",
				hint: "one line of at most 256 characters"}
		}
	}
	return s.at(at.node, w.code, w.message, w.hint)
}

// exampleHint shows the first example of a place of the schema.
func exampleHint(n *schemaNode) string {
	if n == nil || len(n.Examples) == 0 {
		return ""
	}
	return "such as " + example(n)
}

// example writes the first example of a place of the schema as YAML and JSON
// both have it.
func example(n *schemaNode) string {
	var v any
	if json.Unmarshal(n.Examples[0], &v) == nil {
		if text, isText := v.(string); isText && !strings.ContainsAny(text, `{}[]:#,"$`) {
			return text
		}
	}
	return string(n.Examples[0])
}

// kindOf returns the kind of link that a definition describes.
func kindOf(definition string) Kind {
	for _, list := range linkLists {
		if list.definition == definition {
			return list.kind
		}
	}
	return ""
}
