package risk

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

const goodPolicy = `# What our house demands.
name: house
title: House rules for TLS
version: "3"
date: 2026-01-31
source: https://policies.example/tls
rules:
  - id: house-tls10-refused
    title: TLS 1.0 is refused
    severity: high
    category: governance
    cites: [house rule 8]
    assert: "!tls.accepts.tls10"
    message: '"TLS 1.0 is accepted"'
    remedy: Switch it off.
    examples:
      - {verdict: pass, facts: {tls.accepts.tls10: false}}
      - {verdict: fail, facts: {tls.accepts.tls10: true}}
`

func TestLoadPolicies(t *testing.T) {
	t.Parallel()
	got, err := LoadPolicies(fstest.MapFS{"house.yaml": {Data: []byte(goodPolicy)}, "README.md": {Data: []byte("not read")}})
	if err != nil {
		t.Fatal(err)
	}
	want := []PolicyPack{{
		Name: "house", Title: "House rules for TLS", Version: "3", Date: "2026-01-31", Source: "https://policies.example/tls",
		Rules: []Rule{{
			ID: "house-tls10-refused", Title: "TLS 1.0 is refused", Severity: SeverityHigh, Category: CategoryGovernance,
			Scope: ScopeLink, Cites: []string{"house rule 8"}, Assert: "!tls.accepts.tls10",
			Message: `"TLS 1.0 is accepted"`, Remedy: "Switch it off.",
			Examples: []Example{
				{Verdict: Pass, Facts: map[string]any{"tls.accepts.tls10": false}},
				{Verdict: Fail, Facts: map[string]any{"tls.accepts.tls10": true}},
			},
		}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Every mistake in a policy is told with its place; no pack comes back.
func TestLoadPoliciesErrors(t *testing.T) {
	t.Parallel()
	replace := func(old, with string) string {
		if !strings.Contains(goodPolicy, old) {
			t.Fatalf("the good policy does not hold %q", old)
		}
		return strings.Replace(goodPolicy, old, with, 1)
	}
	head, _, _ := strings.Cut(goodPolicy, "rules:")
	for _, c := range []struct {
		name, file, text string
		want             []string // "line:column field: message" of each problem
	}{
		{"empty", "house.yaml", "# nothing\n", []string{"1:1 : a policy is a mapping"}},
		{"a list", "house.yaml", "- id: house-x\n", []string{"1:1 : a policy is a mapping"}},
		{"another name", "home.yaml", goodPolicy, []string{
			`8:9 id: does not begin with "home-", as every rule of this policy does`, `2:7 name: "house" is not the name of the file`}},
		{"a name that is no name", "House.yaml", replace("name: house", "name: House"), []string{
			`8:9 id: does not begin with "House-", as every rule of this policy does`, `2:7 name: "House" is not a name`}},
		{"no name", "house.yaml", replace("name: house\n", ""), []string{"2:1 name: name is missing"}},
		{"a mistyped key", "house.yaml", replace("version:", "verson:"), []string{`4:1 : unknown key "verson"`}},
		{"no day", "house.yaml", replace("2026-01-31", "2026-02-31"), []string{`5:7 date: "2026-02-31" is not a day`}},
		{"no source", "house.yaml", replace("https://policies.example/tls", "http://policies.example/tls"), []string{
			`6:9 source: "http://policies.example/tls" is not an https URL`}},
		{"a list for a title", "house.yaml", replace("House rules for TLS", "[a, b]"), []string{"3:8 title: must be a string"}},
		{"no rules", "house.yaml", head, []string{"2:1 rules: a policy needs rules"}},
		{"empty rules", "house.yaml", head + "rules: []\n", []string{"7:8 rules: a policy needs rules"}},
		{"rules that are no list", "house.yaml", head + "rules: {id: house-x}\n", []string{
			"7:8 : a pack is a list of rules"}},
		{"a broken rule", "house.yaml", replace("severity: high", "severity: highest"), []string{`10:15 severity: unknown severity "highest"`}},
		{"two documents", "house.yaml", goodPolicy + "---\nname: house\n", []string{
			"1:1 : a pack is one YAML document, and this file holds several"}},
		{"no YAML", "house.yaml", "name: [\n", []string{"1:1 : not valid YAML: did not find expected node content"}},
	} {
		packs, err := LoadPolicies(fstest.MapFS{c.file: {Data: []byte(c.text)}})
		problems, ok := errors.AsType[RuleProblems](err)
		if !ok || packs != nil {
			t.Errorf("%s: got %v and the error %v, want problems alone", c.name, packs, err)
			continue
		}
		var got []string
		for _, p := range problems {
			if p.File != c.file {
				t.Errorf("%s: a problem in %q", c.name, p.File)
			}
			got = append(got, fmt.Sprintf("%d:%d %s: %s", p.Line, p.Column, p.Field, p.Message))
		}
		if diff := cmp.Diff(got, c.want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", c.name, diff)
		}
	}
	if _, err := LoadPolicies(fstest.MapFS{"README.md": {}}); err == nil {
		t.Error("a folder without policies is no error")
	}
}
