package rules_test

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
	"text/template"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/probes"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

// namespace is one table of facts in docs/rules.md.
type namespace struct {
	Name   string
	Kind   string // declared or observed
	Doc    string
	Leaves []checks.Leaf
}

// section is one category in the index of docs/rules.md.
type section struct {
	Category risk.Category
	Rules    []risk.Rule
}

// TestDocs holds docs/rules.md against the rules and facts it describes.
func TestDocs(t *testing.T) {
	t.Parallel()
	list := baseline(t)
	page, err := template.New("rules.md.tmpl").Funcs(template.FuncMap{"join": code}).ParseFiles("testdata/rules.md.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	err = page.Execute(&got, map[string]any{
		"Example":    entry(t, "../examples/rules/acme.yaml", "acme-broker-not-public"),
		"Rules":      sorted(list),
		"Index":      index(list),
		"Namespaces": namespaces(),
		"Severities": names(risk.Severities),
		"Claims":     names(risk.ClaimNames()),
		"Categories": names(risk.Categories),
	})
	if err != nil {
		t.Fatal(err)
	}
	compareFile(t, "../docs/rules.md", got.Bytes())
}

// TestPolicyDocs holds docs/policies.md against the policies it describes.
func TestPolicyDocs(t *testing.T) {
	t.Parallel()
	page, err := template.New("policies.md.tmpl").Funcs(template.FuncMap{
		"anchor": func(name string) string { return strings.ReplaceAll(name, ".", "") }, // as GitHub makes them
		"full":   needsFull,
	}).ParseFiles("testdata/policies.md.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := page.Execute(&got, map[string]any{"Policies": policies(t)}); err != nil {
		t.Fatal(err)
	}
	compareFile(t, "../docs/policies.md", got.Bytes())
}

// needsFull reports whether a rule reads a fact that only --tls full learns,
// as the fact's own description says.
func needsFull(r risk.Rule) bool {
	for _, n := range namespaces() {
		for _, l := range n.Leaves {
			if strings.Contains(l.Doc, "with --tls full only") && strings.Contains(r.Assert, l.Name) {
				return true
			}
		}
	}
	return false
}

// entry cuts one rule out of a pack, as it stands there.
func entry(t *testing.T, file, id string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(text), "- id: "+id+"\n")
	if !found {
		t.Fatalf("%s has no rule %s", file, id)
	}
	body, _, _ := strings.Cut(after, "\n\n")
	return "- id: " + id + "\n" + strings.TrimRight(body, "\n") + "\n"
}

// TestFactsAreDocumented demands a doc tag of every fact.
func TestFactsAreDocumented(t *testing.T) {
	t.Parallel()
	for _, n := range namespaces() {
		for _, l := range n.Leaves {
			if l.Doc == "" || strings.ContainsAny(l.Doc, "|\n") {
				t.Errorf("fact %s has the doc %q: want one line without a |", l.Name, l.Doc)
			}
		}
	}
}

// namespaces lists the declared facts, then those of each probe.
func namespaces() []namespace {
	list := []namespace{
		{Name: "vendor", Kind: "declared", Doc: "What the inventory says of the vendor.", Leaves: checks.LeavesOf("vendor", risk.DeclaredVendor{})},
		{Name: "link", Kind: "declared", Doc: "What the inventory says of the link.", Leaves: checks.LeavesOf("link", risk.DeclaredLink{})},
	}
	for _, p := range probes.All() {
		list = append(list, namespace{Name: p.Name, Kind: "observed", Doc: p.Doc, Leaves: p.Leaves()})
	}
	return list
}

// index groups the rules by category, each group worst first.
func index(list []risk.Rule) []section {
	var sections []section
	for _, c := range risk.Categories {
		var group []risk.Rule
		for _, r := range sorted(list) {
			if r.Category == c {
				group = append(group, r)
			}
		}
		slices.SortStableFunc(group, func(a, b risk.Rule) int {
			return slices.Index(risk.Severities, b.Severity) - slices.Index(risk.Severities, a.Severity)
		})
		if len(group) > 0 {
			sections = append(sections, section{Category: c, Rules: group})
		}
	}
	return sections
}

func sorted(list []risk.Rule) []risk.Rule {
	return slices.SortedFunc(slices.Values(list), func(a, b risk.Rule) int { return strings.Compare(a.ID, b.ID) })
}

func names[S ~string](values []S) []string {
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = string(v)
	}
	return list
}

// code joins words for a sentence, each as code.
func code(words []string) string { return "`" + strings.Join(words, "`, `") + "`" }
