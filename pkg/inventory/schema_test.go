package inventory

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xeipuuv/gojsonschema"
)

// constants reads the constants of enums.go, by their type.
func constants(t *testing.T) map[string][]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "enums.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string][]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, isValue := n.(*ast.ValueSpec)
		if !isValue {
			return true
		}
		text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		name := spec.Type.(*ast.Ident).Name
		values[name] = append(values[name], text)
		return true
	})
	return values
}

// TestEnumsAndSchema says that the schema lists the constants of enums.go.
func TestEnumsAndSchema(t *testing.T) {
	t.Parallel()
	places := map[string][]string{
		"Criticality":     {"vendor", "criticality"},
		"Direction":       {"direction"},
		"Classification":  {"data", "classification"},
		"AuthType":        {"auth", "type"},
		"MTLS":            {"tls", "mtls"},
		"SignatureScheme": {"signature", "scheme"},
		"Control":         {"attestation", "control"},
		"Basis":           {"attestation", "basis"},
		"Consent":         {"probe", "consent", ""},
	}
	got := constants(t)
	var kinds []string
	for _, list := range linkLists {
		kinds = append(kinds, string(list.kind))
	}
	if diff := cmp.Diff(got["Kind"], kinds); diff != "" {
		t.Errorf("kinds (-constants +lists):\n%s", diff)
	}
	delete(got, "Kind")
	if diff := cmp.Diff(slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(places))); diff != "" {
		t.Fatalf("types (-constants +test):\n%s", diff)
	}
	for name, path := range places {
		n := schemaTree().definition(path[0])
		for _, key := range path[1:] {
			n = n.step(key)
		}
		var listed []string
		for _, v := range n.Enum {
			listed = append(listed, fmt.Sprint(v))
		}
		if diff := cmp.Diff(got[name], listed); diff != "" {
			t.Errorf("%s (-constants +schema):\n%s", name, diff)
		}
	}
	for authType := range authFields {
		if !slices.Contains(got["AuthType"], string(authType)) {
			t.Errorf("authFields knows %q, enums.go does not", authType)
		}
	}
	if len(authFields) != len(got["AuthType"]) {
		t.Errorf("authFields has %d of %d types", len(authFields), len(got["AuthType"]))
	}
	for _, key := range secretKeys {
		if !knownKeys()[key] {
			t.Errorf("secret key %q is not in the schema", key)
		}
	}
}

// TestSchemesAndSchema says that the URL patterns list the Schemes.
func TestSchemesAndSchema(t *testing.T) {
	t.Parallel()
	var raw struct {
		Definitions map[string]struct {
			Properties map[string]struct{ Pattern string }
		}
	}
	if err := json.Unmarshal(Schema(), &raw); err != nil {
		t.Fatal(err)
	}
	for _, list := range linkLists {
		pattern := raw.Definitions[list.definition].Properties["url"].Pattern
		inside := regexp.MustCompile(`^\^\((.*)\)://`).FindStringSubmatch(pattern)
		if inside == nil {
			t.Fatalf("%s: pattern %q", list.definition, pattern)
		}
		want, got := schemesOf(list.kind), strings.Split(inside[1], "|")
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-Schemes +schema):\n%s", list.kind, diff)
		}
	}
	for _, s := range Schemes {
		if twin, ok := LookupScheme(s.Twin); s.Twin != "" && (!ok || !twin.TLS || s.TLS) {
			t.Errorf("scheme %s: twin %q", s.Name, s.Twin)
		}
	}
}

// TestSchemaHelps says that every field has what editors show, and that no
// object lets unknown keys pass.
func TestSchemaHelps(t *testing.T) {
	t.Parallel()
	var raw any
	if err := json.Unmarshal(Schema(), &raw); err != nil {
		t.Fatal(err)
	}
	fields := 0
	var walk func(path string, v any)
	walk = func(path string, v any) {
		object, isObject := v.(map[string]any)
		if !isObject {
			return
		}
		if object["type"] == "object" && object["additionalProperties"] == nil {
			t.Errorf("%s: unknown keys pass", path)
		}
		for _, group := range []string{"properties", "definitions"} {
			members, _ := object[group].(map[string]any)
			for name, member := range members {
				fields++
				m := member.(map[string]any)
				if m["$ref"] == nil && (m["title"] == nil || m["description"] == nil) {
					t.Errorf("%s/%s: no title or description", path, name)
				}
				walk(path+"/"+name, member)
			}
		}
		walk(path+"/items", object["items"])
	}
	walk("", raw)
	if fields < 60 {
		t.Errorf("looked at %d fields", fields)
	}
	root := raw.(map[string]any)
	if root["$id"] != SchemaID || root["$schema"] != "http://json-schema.org/draft-07/schema#" {
		t.Errorf("$id %v, $schema %v", root["$id"], root["$schema"])
	}
	Schema()[0] = 'x'
	if Schema()[0] != '{' {
		t.Error("Schema hands out its own bytes")
	}
}

// TestExamplesAreValid holds each example of the schema against the schema.
func TestExamplesAreValid(t *testing.T) {
	t.Parallel()
	examples := 0
	for _, name := range slices.Sorted(maps.Keys(schemaTree().Definitions)) {
		for _, p := range schemaTree().definition(name).Properties {
			home := SchemaID + "#/definitions/" + name
			switch name {
			case defWaiverFile:
				home = WaiverSchemaID + "#"
			case defWaiver:
				home = WaiverSchemaID + "#/definitions/" + name
			}
			reference := fmt.Sprintf(`{"$ref": "%s/properties/%s"}`, home, p.Name)
			loader := gojsonschema.NewSchemaLoader()
			if err := loader.AddSchemas(gojsonschema.NewBytesLoader(schemaJSON), gojsonschema.NewBytesLoader(waiverSchemaJSON)); err != nil {
				t.Fatal(err)
			}
			schema, err := loader.Compile(gojsonschema.NewStringLoader(reference))
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range p.Node.resolve().Examples {
				examples++
				result, err := schema.Validate(gojsonschema.NewBytesLoader(e))
				if err != nil || !result.Valid() {
					t.Errorf("%s.%s: example %s: %v, %v", name, p.Name, e, err, result.Errors())
				}
			}
		}
	}
	if examples < 60 {
		t.Errorf("%d examples", examples)
	}
}

// fieldTable writes the fields of the schema as the documentation has them.
func fieldTable() string {
	var b strings.Builder
	root := schemaTree()
	table := func(heading string, n *schemaNode) {
		fmt.Fprintf(&b, "### %s\n\n%s\n\n| Key | Value | Meaning | Example |\n|---|---|---|---|\n", heading, n.Description)
		for _, p := range n.Properties {
			v := p.Node.resolve()
			key := "`" + p.Name + "`"
			if slices.Contains(n.Required, p.Name) {
				key = "**" + key + "**"
			}
			example := ""
			if len(v.Examples) > 0 {
				var compact bytes.Buffer
				if json.Compact(&compact, v.Examples[0]) == nil {
					example = "`" + strings.Trim(compact.String(), `"`) + "`"
				}
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", key, valueWords(v), strings.ReplaceAll(v.Description, "|", `\|`), example)
		}
		b.WriteString("\n")
	}
	table("The file", root)
	for _, name := range []string{"system", "vendor", "attestation", "endpoint", "broker", "webhook", "data", "auth", "tls", "signature", "probe"} {
		table(root.definition(name).Title, root.definition(name))
	}
	return b.String()
}

// valueWords says in a few words what a field takes.
func valueWords(n *schemaNode) string {
	switch {
	case len(n.Enum) > 0:
		words := make([]string, len(n.Enum))
		for i, v := range n.Enum {
			words[i] = "`" + fmt.Sprint(v) + "`"
		}
		return strings.Join(words, ", ")
	case n.Type == "array":
		item := n.Items.resolve()
		if item.Type == "object" {
			return "list of [" + lowerFirst(item.Title) + "](#" + strings.ToLower(item.Title) + ")"
		}
		if len(item.Enum) > 0 {
			return "list of " + valueWords(item)
		}
		return "list of text"
	case n.Type == "object" && n.Additional.Node != nil:
		return "mapping of text"
	case n.Type == "object":
		return "[" + lowerFirst(n.Title) + "](#" + strings.ReplaceAll(strings.ToLower(n.Title), " ", "-") + ")"
	case n.Type == "boolean":
		return "`true`, `false`"
	}
	return "text"
}

// TestDocumentation holds the generated parts of docs/inventory.md, and says
// that every code a problem can have is explained there.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	const path = "../../docs/inventory.md"
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	doc := string(raw)
	for name, want := range map[string]string{"fields": fieldTable(), "schemes": schemeTable(), "auth": authTable()} {
		begin, end := "<!-- "+name+": generated by go test ./pkg/inventory -run Documentation -update -->\n\n", "<!-- end of "+name+" -->"
		before, rest, ok := strings.Cut(doc, begin)
		got, after, closed := strings.Cut(rest, end)
		if !ok || !closed {
			t.Fatalf("%s has no section %q", path, name)
		}
		if diff := cmp.Diff(want, got); diff != "" && !*update {
			t.Errorf("%s, %s (-want +got):\n%s", path, name, diff)
		}
		doc = before + begin + want + end + after
	}
	if *update {
		if err := os.WriteFile(path, []byte(doc), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	codes := map[string]bool{"file-too-large": true, "too-many-aliases": true, "too-many-problems": true}
	for _, test := range problemCases() {
		for _, w := range test.want {
			_, code, _ := strings.Cut(w, " ")
			codes[strings.TrimSuffix(code, "?")] = true
		}
	}
	for _, c := range waiverCases() {
		if at := strings.LastIndexByte(c.want, '['); at >= 0 {
			codes[strings.TrimSuffix(c.want[at+1:], "]")] = true
		}
	}
	waivers, err := os.ReadFile("../../docs/waivers.md")
	if err != nil {
		t.Fatal(err)
	}
	doc += string(waivers)
	for _, code := range slices.Sorted(maps.Keys(codes)) {
		if !strings.Contains(doc, "`"+code+"`") {
			t.Errorf("%s does not explain %q", path, code)
		}
	}
	// The other way round: a code in the source that no test and no document knows.
	sources, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	literal := regexp.MustCompile(`(?:Code: |code: |wrong\{|report\([^"]*|warn\([^"]*|refuse\([^"]*|s\.at\([^"]*|s\.atStart\([^"]*|g\.problem\([^"]*)"([a-z0-9]+(?:-[a-z0-9]+)+)"`)
	for _, f := range sources {
		if strings.HasSuffix(f.Name(), "_test.go") || !strings.HasSuffix(f.Name(), ".go") {
			continue
		}
		text, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range literal.FindAllStringSubmatch(string(text), -1) {
			if !codes[m[1]] && m[1] != "unknown-key" {
				t.Errorf("%s: code %q has no test", f.Name(), m[1])
			}
		}
	}
}

// schemeTable writes the URL schemes as the documentation has them.
func schemeTable() string {
	var b strings.Builder
	b.WriteString("| Scheme | Protocol | Port | TLS | For |\n|---|---|---|---|---|\n")
	for _, s := range Schemes {
		secure := "no"
		if s.TLS {
			secure = "yes"
		}
		kinds := make([]string, len(s.Kinds))
		for i, k := range s.Kinds {
			kinds[i] = string(k) + "s"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %d | %s | %s |\n", s.Name, s.Service, s.Port, secure, strings.Join(kinds, ", "))
	}
	return b.String() + "\n"
}

// authTable writes which keys go with which type of authentication.
func authTable() string {
	var b strings.Builder
	b.WriteString("| Type | Keys |\n|---|---|\n")
	for _, v := range schemaTree().definition("auth").step("type").Enum {
		keys := "none"
		if allowed := authFields[AuthType(fmt.Sprint(v))]; len(allowed) > 0 {
			keys = "`" + strings.Join(allowed, "`, `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s |\n", v, keys)
	}
	return b.String() + "\n"
}
