package inventory

import (
	"fmt"
	"runtime"
	"strings"
	"sync"

	"github.com/xeipuuv/gojsonschema"
)

// part is a piece of a file that is validated on its own.
type part struct {
	definition string
	node       *node
	cut        map[string]string // lists that are parts of their own
}

// waiverParts cuts a waiver file into the root and the waivers.
func waiverParts(root *node) []part {
	all := []part{{definition: defWaiverFile, node: root, cut: map[string]string{"waivers": defWaiver}}}
	for _, waiver := range root.list("waivers") {
		all = append(all, part{definition: defWaiver, node: waiver})
	}
	return all
}

// inventoryParts cuts a file into the root, the vendors and the links.
func inventoryParts(root *node) []part {
	rootCut, vendorCut := map[string]string{"vendors": defVendor}, map[string]string{}
	for _, list := range linkLists {
		vendorCut[list.key] = list.definition
	}
	all := []part{{definition: defRoot, node: root, cut: rootCut}}
	for _, vendor := range root.list("vendors") {
		all = append(all, part{definition: defVendor, node: vendor, cut: vendorCut})
		for _, list := range linkLists {
			for _, link := range vendor.list(list.key) {
				all = append(all, part{definition: list.definition, node: link})
			}
		}
	}
	return all
}

// list returns the items under a key, none when it is no list.
func (n *node) list(key string) []*node {
	if v := n.get(key); v != nil {
		return v.items
	}
	return nil
}

// fault is one thing that the schema refuses.
type fault struct {
	problem Problem
	node    *node // whose value is wrong, so that later checks leave it alone; may be nil
}

// validate checks the parts of a file against the schema, on all processors.
func validate(s *source, all []part) []fault {
	compiled := validators()
	found := make([][]fault, len(all))
	workers := min(runtime.GOMAXPROCS(0), (len(all)+63)/64)
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for i := w; i < len(all); i += workers {
				found[i] = validatePart(s, compiled[all[i].definition], all[i])
			}
		})
	}
	group.Wait()
	var faults []fault
	for _, f := range found {
		faults = append(faults, f...)
	}
	return faults
}

// validatePart checks one part of a file against its definition.
func validatePart(s *source, schema *gojsonschema.Schema, p part) []fault {
	result, err := schema.Validate(gojsonschema.NewRawLoader(p.node.schemaValue(p.cut)))
	if err != nil {
		// A raw loader hands over what it was given and cannot fail.
		return []fault{{problem: Problem{Pos: s.pos(p.node.line, p.node.column), Width: 1, Code: "invalid", Message: err.Error()}}}
	}
	errs := result.Errors()
	if len(errs) == 0 {
		return nil
	}
	places := make([]place, len(errs))
	misspelt := map[*node][]string{} // keys that an unknown key of the mapping was meant to be
	for i, e := range errs {
		places[i] = locate(p, e.Context())
		if e.Type() == "additional_property_not_allowed" {
			key := fmt.Sprint(e.Details()["property"])
			misspelt[places[i].node] = append(misspelt[places[i].node], Nearest(key, places[i].schema.names()))
		}
	}
	var faults []fault
	for i, e := range errs {
		if f, ok := explain(s, places[i], e, misspelt[places[i].node]); ok {
			faults = append(faults, f)
		}
	}
	return faults
}

// place is where in a file, and in the schema, an error stands.
type place struct {
	key    string // the last key of the path; empty for an item of a list
	field  *field // of the last key
	node   *node
	schema *schemaNode
	part   part
}

// locate walks the path of a validation error.
func locate(p part, context *gojsonschema.JsonContext) place {
	at := place{node: p.node, schema: schemaTree().definition(p.definition), part: p}
	path := strings.Split(context.String("\x00"), "\x00")[1:] // the first is "(root)"
	for _, step := range path {
		at.schema = at.schema.step(step)
		if f := at.node.field(step); f != nil {
			at.key, at.field, at.node = step, f, f.value
			continue
		}
		at.key, at.field = "", nil
		i := 0
		if _, err := fmt.Sscan(step, &i); err == nil && i < len(at.node.items) {
			at.node = at.node.items[i]
		}
	}
	return at
}

// at makes a problem at a value. The caret of a mapping or a list stands
// under its first character.
func (s *source) at(n *node, code, message, hint string) Problem {
	return Problem{Pos: s.pos(n.line, n.column), Width: n.width, Code: code, Message: message, Hint: hint}
}

// pos makes a position in s.
func (s *source) pos(line, column int) Position {
	return Position{File: s.path, Line: line, Column: column}
}
