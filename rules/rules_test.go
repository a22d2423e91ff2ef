package rules_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/probes"
	"github.com/m2mscan/m2mscan/pkg/inventory"
	"github.com/m2mscan/m2mscan/pkg/risk"
	"github.com/m2mscan/m2mscan/rules"
)

var update = flag.Bool("update", false, "write golden files and docs/rules.md anew")

// load reads the built-in rules and those of every policy, and compiles them.
func load(t *testing.T) ([]risk.Rule, *risk.Judge) {
	t.Helper()
	list := baseline(t)
	for _, p := range policies(t) {
		list = append(list, p.Rules...)
	}
	judge, err := risk.NewJudge(list, probes.All())
	if err != nil {
		t.Fatal(err)
	}
	return list, judge
}

// baseline reads the rules that every link is judged by.
func baseline(t *testing.T) []risk.Rule {
	t.Helper()
	list, err := risk.LoadRules(rules.FS)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func policies(t *testing.T) []risk.PolicyPack {
	t.Helper()
	files, err := fs.Sub(rules.Policies, "policies")
	if err != nil {
		t.Fatal(err)
	}
	packs, err := risk.LoadPolicies(files)
	if err != nil {
		t.Fatal(err)
	}
	return packs
}

// A policy says whether a link is as a publication wants it. How good the link
// is, the baseline has said already: what a policy finds must not count again.
func TestPoliciesDoNotScore(t *testing.T) {
	t.Parallel()
	packs := policies(t)
	if len(packs) < 5 {
		t.Errorf("%d policies were loaded", len(packs))
	}
	for _, p := range packs {
		for _, r := range p.Rules {
			if r.Category != risk.CategoryGovernance || r.Cap != "" {
				t.Errorf("rule %s is of category %s with the cap %q; want governance without one", r.ID, r.Category, r.Cap)
			}
		}
		if !slices.IsSortedFunc(p.Rules, func(a, b risk.Rule) int { return strings.Compare(a.ID, b.ID) }) {
			t.Errorf("the rules of %s are not sorted by id", p.Name)
		}
	}
}

func TestExamples(t *testing.T) {
	t.Parallel()
	list, judge := load(t)
	if len(list) < 30 {
		t.Errorf("%d rules were loaded", len(list))
	}
	for _, failure := range judge.TestExamples() {
		t.Errorf("%+v", failure)
	}
}

// A rule over observed facts must have an example in which they are unknown:
// it is the verdict that authors forget.
func TestObservedRulesHaveInconclusiveExample(t *testing.T) {
	t.Parallel()
	list, _ := load(t)
	declared := declaredNames()
	for _, r := range list {
		observed := slices.ContainsFunc(r.Examples, func(e risk.Example) bool {
			for name := range e.Facts {
				if !declared[name] {
					return true
				}
			}
			return false
		})
		inconclusive := slices.ContainsFunc(r.Examples, func(e risk.Example) bool { return e.Verdict == risk.Inconclusive })
		if observed != inconclusive {
			t.Errorf("rule %s: reads observed facts: %t; has an inconclusive example: %t", r.ID, observed, inconclusive)
		}
	}
}

// Within a file rules are sorted by id, so that two branches that add rules
// seldom touch the same line.
func TestSortedWithinFile(t *testing.T) {
	t.Parallel()
	names, err := fs.Glob(rules.FS, "*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := fs.ReadFile(rules.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		list, err := risk.LoadRules(fstest.MapFS{name: {Data: text}})
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			t.Errorf("%s holds no rule", name)
		}
		byID := func(a, b risk.Rule) int { return strings.Compare(a.ID, b.ID) }
		if !slices.IsSortedFunc(list, byID) {
			t.Errorf("%s: rules are not sorted by id", name)
		}
	}
}

func TestReferences(t *testing.T) {
	t.Parallel()
	list, _ := load(t)
	for _, r := range list {
		if _, known := weaknesses[r.CWE]; r.CWE != "" && !known {
			t.Errorf("rule %s: %s is not in the list of weaknesses; add it with its name, as CWE has it", r.ID, r.CWE)
		}
		for _, cite := range r.Cites {
			known := slices.ContainsFunc(sources, func(s string) bool { return strings.HasPrefix(cite, s+" ") })
			if !known || strings.HasSuffix(cite, ".") {
				t.Errorf("rule %s: citation %q: want a known source, then the place in it, without a full stop", r.ID, cite)
			}
		}
	}
}

func TestStyle(t *testing.T) {
	t.Parallel()
	list, _ := load(t)
	for _, r := range list {
		for _, c := range []struct {
			ok     bool
			demand string
		}{
			{!strings.HasSuffix(r.Title, "."), "a title has no full stop"},
			{len(r.Title) <= 72, "a title has at most 72 characters"},
			{strings.ToUpper(r.Title[:1]) == r.Title[:1], "a title begins with a capital"},
			{strings.HasSuffix(r.Description, "."), "a description ends with a full stop"},
			{len(r.Description) <= 600, "a description has at most 600 characters"},
			{len(r.Markdown()) <= 4000, "the Markdown of a rule has at most 4000 bytes"},
			{strings.Count(r.Remedy, "```")%2 == 0, "a code block in a remedy is closed"},
			{r.Severity != risk.SeverityCritical || r.Cap == risk.GradeF, "a critical rule caps the grade at F"},
			{r.Category != risk.CategoryGovernance || r.Cap == "" || r.Claim != "", "a governance rule has no cap, but for a claim that is not kept"},
			{r.Scope != risk.ScopeVendor || r.Category == risk.CategoryGovernance, "a vendor rule is of governance"},
			{!strings.ContainsAny(r.Title+r.Description+r.Remedy, "—–“”‘’…"), "plain ASCII punctuation"},
		} {
			if !c.ok {
				t.Errorf("rule %s: %s", r.ID, c.demand)
			}
		}
	}
}

// TestMessages keeps what people read when a rule fails under review: the
// message of every failing example stands in testdata/messages.golden.
func TestMessages(t *testing.T) {
	t.Parallel()
	list, judge := load(t)
	var got bytes.Buffer
	for _, r := range list {
		for _, e := range r.Examples {
			if e.Verdict != risk.Fail {
				continue
			}
			f := judgeExample(t, judge, r, e)
			if f.Verdict != risk.Fail || len(f.Facts) == 0 {
				t.Fatalf("rule %s judged as %s over %v", r.ID, f.Verdict, f.Facts)
			}
			if f.Message == "" || f.Message == r.Title || strings.HasSuffix(f.Message, ".") || strings.Contains(f.Message, "\n") {
				t.Errorf("rule %s: message %q: want one line of its own, without a full stop", r.ID, f.Message)
			}
			fmt.Fprintf(&got, "%s: %s\n", r.ID, f.Message)
		}
	}
	compareFile(t, "testdata/messages.golden", got.Bytes())
}

// The pack in examples/rules is what users copy: it must override, switch off
// and add, and its own examples must hold.
func TestUserPack(t *testing.T) {
	t.Parallel()
	base := baseline(t)
	user, err := risk.LoadRules(os.DirFS("../examples/rules"))
	if err != nil {
		t.Fatal(err)
	}
	list, err := risk.Overlay(base, user)
	if err != nil {
		t.Fatal(err)
	}
	judge, err := risk.NewJudge(list, probes.All())
	if err != nil {
		t.Fatal(err)
	}
	for _, failure := range judge.TestExamples() {
		t.Errorf("%+v", failure)
	}
	var added, replaced, disabled int
	for _, u := range user {
		isID := func(r risk.Rule) bool { return r.ID == u.ID }
		switch {
		case u.Disabled && slices.ContainsFunc(base, isID) && !slices.ContainsFunc(list, isID):
			disabled++
		case u.Disabled:
			t.Errorf("%s was not switched off", u.ID)
		case slices.ContainsFunc(base, isID):
			replaced++
		default:
			added++
		}
	}
	if added == 0 || replaced == 0 || disabled == 0 {
		t.Errorf("the pack adds %d, replaces %d and switches off %d rules; want some of each", added, replaced, disabled)
	}
	if want := len(base) + added - disabled; len(list) != want {
		t.Errorf("%d rules after the overlay, want %d", len(list), want)
	}
}

// judgeExample judges a rule on the facts of an example and returns its finding.
func judgeExample(t *testing.T, judge *risk.Judge, r risk.Rule, e risk.Example) risk.Finding {
	t.Helper()
	declared, observed := splitFacts(t, e.Facts)
	var findings []risk.Finding
	if r.Scope == risk.ScopeVendor {
		findings = judge.Vendor(declared.Vendor, inventory.Position{})
	} else {
		findings = judge.Link(declared, observed, inventory.Position{})
	}
	i := slices.IndexFunc(findings, func(f risk.Finding) bool { return f.Rule == r.ID })
	if i < 0 {
		t.Fatalf("rule %s was not judged", r.ID)
	}
	return findings[i]
}

// splitFacts parts the facts of an example into what was declared and what
// was observed. Declared facts take the way of a saved report: through JSON.
func splitFacts(t *testing.T, facts map[string]any) (risk.Declared, risk.Facts) {
	t.Helper()
	declaredNames := declaredNames()
	tree := map[string]any{}
	observed := risk.Facts{Values: map[string]any{}}
	for _, p := range probes.All() {
		observed.Namespaces = append(observed.Namespaces, p.Name)
	}
	for name, value := range facts {
		if !declaredNames[name] {
			observed.Values[name] = factValue(value)
			continue
		}
		at := tree
		path := strings.Split(name, ".")
		for _, key := range path[:len(path)-1] {
			if at[key] == nil {
				at[key] = map[string]any{}
			}
			at = at[key].(map[string]any)
		}
		at[path[len(path)-1]] = value
	}
	text, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	var declared risk.Declared
	if err := json.Unmarshal(text, &declared); err != nil {
		t.Fatal(err)
	}
	return declared, observed
}

// factValue turns what YAML gives into the types that facts have.
func factValue(value any) any {
	switch v := value.(type) {
	case int:
		return int64(v)
	case []any:
		list := make([]string, len(v))
		for i, item := range v {
			list[i] = fmt.Sprint(item)
		}
		return list
	default:
		return v
	}
}

func declaredNames() map[string]bool {
	names := map[string]bool{}
	for _, l := range checks.LeavesOf("", risk.Declared{}) {
		names[l.Name] = true
	}
	return names
}

// compareFile holds got against a file, or writes the file with -update.
func compareFile(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), string(want)); diff != "" {
		t.Errorf("%s is out of date; run go test ./rules -update (-got +want):\n%s", name, diff)
	}
}
