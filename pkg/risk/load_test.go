package risk

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/rules"
)

const goodRule = `
- id: tls10-refused
  title: TLS 1.0 is refused
  severity: high
  category: tls
  cap: D
  cites: ["RFC 8996 section 4"]
  cwe: CWE-327
  owasp: API8:2023
  when: link.tls
  assert: "!tls.accepts.tls10"
  message: '"TLS 1.0 is accepted"'
  remedy: Switch it off.
  examples:
    - {verdict: pass, facts: {link.tls: true, tls.accepts.tls10: false}}
    - {verdict: fail, facts: {link.tls: true, tls.accepts.tls10: true, link.port: 443, link.latency_ms: 1.5, link.used_by: [a, 2], vendor.review_by: 2026-01-01}}
    - {name: plain, verdict: not_applicable, facts: {}}
`

func TestLoadRules(t *testing.T) {
	t.Parallel()
	got, err := LoadRules(fstest.MapFS{
		"b.yaml":       {Data: []byte("- {id: other, disabled: true}")},
		"a.yaml":       {Data: []byte(goodRule)},
		"empty.yaml":   {Data: []byte("# nothing yet\n")},
		"README.md":    {Data: []byte("- not: read")},
		".hidden.yaml": {Data: []byte("- not: read")},
		"sub/c.yaml":   {Data: []byte("- not: read")},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []Rule{{
		ID: "tls10-refused", Title: "TLS 1.0 is refused", Severity: SeverityHigh, Category: CategoryTLS, Scope: ScopeLink,
		Cap: GradeD, Cites: []string{"RFC 8996 section 4"}, CWE: "CWE-327", OWASP: "API8:2023",
		When: "link.tls", Assert: "!tls.accepts.tls10", Message: `"TLS 1.0 is accepted"`, Remedy: "Switch it off.",
		Examples: []Example{
			{Verdict: Pass, Facts: map[string]any{"link.tls": true, "tls.accepts.tls10": false}},
			{Verdict: Fail, Facts: map[string]any{"link.tls": true, "tls.accepts.tls10": true, "link.port": int64(443),
				"link.latency_ms": 1.5, "link.used_by": []string{"a", "2"}, "vendor.review_by": "2026-01-01"}},
			{Name: "plain", Verdict: NotApplicable, Facts: map[string]any{}},
		},
	}, {ID: "other", Scope: ScopeLink, Disabled: true}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if err := Validate(got); err != nil {
		t.Errorf("what was loaded is not valid: %v", err)
	}
}

func TestLoadRulesNeedsAFile(t *testing.T) {
	t.Parallel()
	if _, err := LoadRules(fstest.MapFS{"README.md": {}}); err == nil {
		t.Error("a folder without a pack was read")
	}
}

// with replaces one line of goodRule, found by how it begins.
func with(prefix, replacement string) string {
	lines := strings.Split(goodRule, "\n")
	for i, l := range lines {
		if strings.HasPrefix(strings.TrimLeft(l, " -"), prefix) {
			lines[i] = replacement
			return strings.Join(lines, "\n")
		}
	}
	panic("no line begins with " + prefix)
}

func TestLoadErrors(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	for _, c := range []struct{ name, text string }{
		{"unknown key", with("severity", "  severty: high")},
		{"unknown key in an example", with("{name: plain", "    - {nam: plain, verdict: not_applicable, facts: {}}")},
		{"bad severity", with("severity", "  severity: hihg")},
		{"bad severity without a near one", with("severity", "  severity: blocker")},
		{"bad category", with("category", "  category: 'certificates'")},
		{"bad scope", with("cap", "  scope: links")},
		{"bad cap", with("cap", "  cap: B")},
		{"bad cwe", with("cwe", "  cwe: 327")},
		{"bad owasp", with("owasp", "  owasp: API11:2023")},
		{"bad id", with("id", "- id: TLS_10")},
		{"no id", with("id", "- scope: link")},
		{"missing fields", "- id: bare\n"},
		{"empty citation", with("cites", `  cites: [""]`)},
		{"citation is no list", with("cites", `  cites: RFC 8996`)},
		{"title is a list", with("title", "  title: [a, b]")},
		{"message is null", with("message", "  message:")},
		{"disabled is a word", with("cap", "  disabled: maybe")},
		{"no example that does not apply", with("{name: plain", "    - {name: plain, verdict: inconclusive, facts: {}}")},
		{"bad verdict", with("{name: plain", "    - {verdict: not-applicable, facts: {}}")},
		{"no verdict", with("{name: plain", "    - {facts: {}}")},
		{"nested fact", with("{name: plain", "    - {verdict: not_applicable, facts: {tls: {aead: true}}}")},
		{"fact twice", with("{name: plain", "    - {verdict: not_applicable, facts: {link.tls: false, link.tls: true}}")},
		{"facts are a list", with("{name: plain", "    - {verdict: not_applicable, facts: [link.tls]}")},
		{"example is a word", with("{name: plain", "    - not_applicable")},
		{"key twice", with("cap", "  title: Again")},
		{"id twice", goodRule + goodRule},
		{"alias", with("cap", "  description: &x a") + "\n- {id: y, disabled: true, title: *x}"},
		{"mapping at the top", "rules: []"},
		{"rule is a word", "- tls10-refused"},
		{"several documents", "---\n- {id: a, disabled: true}\n---\n- {id: b, disabled: true}\n"},
		{"not YAML", "- id: a\n  title: \"open\n"},
		{"tab", "- id: a\n\ttitle: x\n"},
		{"two rules with two problems each", with("severity", "  severity: hihg\n  colour: red") + with("id", "- id: BAD\n  colour: red")},
	} {
		_, err := LoadRules(packOf(c.text))
		if err == nil {
			t.Errorf("%s: no error", c.name)
			continue
		}
		if _, ok := errors.AsType[RuleProblems](err); !ok {
			t.Errorf("%s: the error is a %T", c.name, err)
		}
		out.WriteString("== " + c.name + "\n" + err.Error() + "\n\n")
	}
	golden(t, "load-errors.golden", out.String())
}

func TestOverlay(t *testing.T) {
	t.Parallel()
	base := []Rule{{ID: "aa", Assert: "1"}, {ID: "bb", Assert: "2"}, {ID: "cc", Assert: "3"}}
	user := []Rule{{ID: "bb", Assert: "user"}, {ID: "aa", Disabled: true}, {ID: "dd", Assert: "new"}, {ID: "ee", Assert: "draft", Disabled: true}}
	got, err := Overlay(base, user)
	if err != nil {
		t.Fatal(err)
	}
	want := []Rule{{ID: "bb", Assert: "user"}, {ID: "cc", Assert: "3"}, {ID: "dd", Assert: "new"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if base[1].Assert != "2" || len(base) != 3 {
		t.Errorf("the base was changed: %v", base)
	}

	_, err = Overlay([]Rule{{ID: "tls10-refused"}}, []Rule{{ID: "tls10-refusd", Disabled: true}})
	want2 := "rule tls10-refusd, disabled: there is no such rule to switch off\n  hint: did you mean \"tls10-refused\"?"
	if err == nil || err.Error() != want2 {
		t.Errorf("got %v", err)
	}
}

func TestDigest(t *testing.T) {
	t.Parallel()
	digest := func(list ...Rule) string {
		t.Helper()
		d, err := Digest(list)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	a, b := ruleOf("a", "", "link.tls", `"a"`), ruleOf("b", "", "link.tls", `"b"`)
	want := digest(a, b)
	withExamples, withoutScope, changed, off := a, a, a, b
	withExamples.Examples = []Example{{Verdict: Pass}}
	withoutScope.Scope = ""
	changed.Severity = SeverityLow
	off.Disabled = true
	if digest(b, a) != want || digest(withExamples, b) != want || digest(withoutScope, b) != want {
		t.Error("order, examples or a default change the digest")
	}
	if digest(changed, b) == want || digest(a) == want {
		t.Error("another rule set has the same digest")
	}
	if digest(a, off) != digest(a) {
		t.Error("a disabled rule counts")
	}
	if j := judgeOf(t, a, b, Rule{ID: "c", Disabled: true}); j.Digest() != want || len(j.Rules()) != 2 {
		t.Error("the judge's digest is not that of its rules")
	}
}

func TestJudgeFindsRules(t *testing.T) {
	t.Parallel()
	j := judgeOf(t, ruleOf("a", "", "link.tls", `"a"`))
	if r, ok := j.Rule("a"); !ok || r.ID != "a" {
		t.Error("a rule is not found")
	}
	if _, ok := j.Rule("b"); ok {
		t.Error("a rule is found that is not there")
	}
	if _, err := NewJudge([]Rule{ruleOf("a", "", "link.tls", `"a"`), ruleOf("a", "", "link.tls", `"a"`)}, factProbes()); err == nil {
		t.Error("an id may stand twice")
	}
}

// FuzzLoadRules feeds packs to everything that reads them. Nothing may panic,
// and a pack that loads must be valid and have a digest.
func FuzzLoadRules(f *testing.F) {
	f.Add(goodRule)
	f.Add("- {id: a, disabled: true}")
	f.Add("- &a [*a]")
	f.Add("- {<<: {id: a}, facts: !!binary AAAA, ? [x] : y}")
	f.Add("---\n...\n---\n- !!float 1")
	f.Add(with("assert", "  assert: 'certificate.names.all(a, a != \"\").foo[0]'"))
	if text, err := rules.FS.ReadFile("tls.yaml"); err == nil {
		f.Add(string(text))
	}
	all := factProbes()
	f.Fuzz(func(t *testing.T, text string) {
		list, err := LoadRules(packOf(text))
		if err != nil {
			if strings.TrimSpace(err.Error()) == "" {
				t.Error("an error says nothing")
			}
			return
		}
		if err := Validate(list); err != nil {
			t.Errorf("what was loaded is not valid: %v", err)
		}
		judge, err := NewJudge(list, all)
		if err != nil {
			return
		}
		judge.TestExamples()
	})
}
