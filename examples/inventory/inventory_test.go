// Package inventory_test holds the example inventories to what they promise.
package inventory_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// written is the day the examples were written.
var written = time.Date(2026, time.November, 21, 12, 0, 0, 0, time.UTC)

func TestExamplesLoad(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, path := range paths {
		inv, problems, err := inventory.Load([]string{path}, inventory.Options{Now: written})
		if err != nil {
			t.Error(err)
			continue
		}
		if len(problems) > 0 {
			t.Errorf("%s: %v", path, problems)
			continue
		}
		if len(inv.Links()) == 0 {
			t.Errorf("%s: no links", path)
		}
		for _, link := range inv.Links() {
			if secrets := link.LiteralSecrets(); len(secrets) > 0 {
				t.Errorf("%s: %s shows literal secrets: %q", path, link.FullID(), secrets)
			}
		}
	}
}

// full.yaml shows every field of the schema, and names every value of its
// enumerations.
func TestFullExampleIsFull(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var document any
	if err := yaml.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	collectKeys(document, used)

	var schema any
	if err := json.Unmarshal(inventory.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	fields, values := map[string]bool{}, map[string]bool{}
	collectSchema(schema, fields, values)
	if len(fields) == 0 || len(values) == 0 {
		t.Fatalf("the schema has %d fields and %d values", len(fields), len(values))
	}
	for field := range fields {
		if !used[field] {
			t.Errorf("full.yaml does not use the field %s", field)
		}
	}
	for value := range values {
		if !strings.Contains(string(text), value) {
			t.Errorf("full.yaml does not name the value %s", value)
		}
	}
}

// collectKeys adds the keys of all mappings in a YAML value.
func collectKeys(v any, keys map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			keys[key] = true
			collectKeys(value, keys)
		}
	case []any:
		for _, value := range v {
			collectKeys(value, keys)
		}
	}
}

// collectSchema adds the properties and the values of enumerations in a JSON
// Schema.
func collectSchema(v any, fields, values map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		if properties, ok := v["properties"].(map[string]any); ok {
			for name := range properties {
				fields[name] = true
			}
		}
		if enum, ok := v["enum"].([]any); ok {
			for _, value := range enum {
				values[fmt.Sprint(value)] = true
			}
		}
		for _, value := range v {
			collectSchema(value, fields, values)
		}
	case []any:
		for _, value := range v {
			collectSchema(value, fields, values)
		}
	}
}
