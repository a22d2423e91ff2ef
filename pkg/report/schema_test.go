package report

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

type schemaNode struct {
	Ref        string                `json:"$ref"`
	Properties map[string]schemaNode `json:"properties"`
	Required   []string              `json:"required"`
	Additional json.RawMessage       `json:"additionalProperties"`
	Items      *schemaNode           `json:"items"`
	Defs       map[string]schemaNode `json:"definitions"`
}

// TestSchemaMatchesTypes walks the Go types and the schema side by side: the
// same fields, required unless JSON may leave them out, and nothing else.
func TestSchemaMatchesTypes(t *testing.T) {
	t.Parallel()
	var root schemaNode
	if err := json.Unmarshal(Schema(), &root); err != nil {
		t.Fatal(err)
	}
	compareSchema(t, "report", reflect.TypeFor[Report](), &root, root.Defs)
}

func compareSchema(t *testing.T, at string, typ reflect.Type, node *schemaNode, defs map[string]schemaNode) {
	t.Helper()
	if name, ok := strings.CutPrefix(node.Ref, "#/definitions/"); ok {
		def, found := defs[name]
		if !found {
			t.Errorf("%s: no definition %s", at, name)
			return
		}
		node = &def
	}
	switch {
	case typ.Kind() == reflect.Slice && node.Items != nil:
		compareSchema(t, at+"[]", typ.Elem(), node.Items, defs)
		return
	case typ.Kind() != reflect.Struct || typ == reflect.TypeFor[time.Time]():
		return
	}
	if string(node.Additional) != "false" {
		t.Errorf("%s: additionalProperties is not false", at)
	}
	fields := make(map[string]bool)
	for field := range typ.Fields() {
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "-" || at == "report.rules[]" && (name == "examples" || name == "disabled") {
			continue // a report holds neither
		}
		fields[name] = true
		property, ok := node.Properties[name]
		if !ok {
			t.Errorf("%s.%s: not in the schema", at, name)
			continue
		}
		if required, must := slices.Contains(node.Required, name), !strings.Contains(options, "omit"); required != must {
			t.Errorf("%s.%s: required is %t, want %t", at, name, required, must)
		}
		compareSchema(t, at+"."+name, field.Type, &property, defs)
	}
	for name := range node.Properties {
		if !fields[name] {
			t.Errorf("%s.%s: in the schema, not in the Go type", at, name)
		}
	}
}

// TestSchemaIsStrict shows that the schema catches what went wrong elsewhere.
func TestSchemaIsStrict(t *testing.T) {
	t.Parallel()
	good := string(render(t, "json", sample(), Options{}))
	if problems := schemaProblems(t, Schema(), []byte(good)); len(problems) > 0 {
		t.Fatalf("the sample is not valid: %v", problems)
	}
	for name, change := range map[string][2]string{
		"null list":        {`"missing": []`, `"missing": null`},
		"unknown key":      {`"vantage":`, `"viewpoint":`},
		"bad verdict":      {`"verdict": "fail"`, `"verdict": "not_applicable"`},
		"bad severity":     {`"severity": "high"`, `"severity": "severe"`},
		"line zero":        {`"line": 19`, `"line": 0`},
		"empty uri":        {`"uri": "ops/inventory.yaml"`, `"uri": ""`},
		"bad fingerprint":  {`"fingerprint": "`, `"fingerprint": "x`},
		"other major":      {`"schema_version": "1.1"`, `"schema_version": "2.0"`},
		"coverage too big": {`"coverage": 100`, `"coverage": 101`},
	} {
		bad := strings.Replace(good, change[0], change[1], 1)
		if bad == good {
			t.Errorf("%s: the sample does not hold %s", name, change[0])
		} else if len(schemaProblems(t, Schema(), []byte(bad))) == 0 {
			t.Errorf("%s: the schema does not catch it", name)
		}
	}
}
