package risk

import (
	"strings"
	"testing"
)

func TestExamplesThatDoNotHold(t *testing.T) {
	t.Parallel()
	rule := func(id string, examples ...Example) Rule {
		r := ruleOf(id, "link.tls", "!tls.accepts.tls10", `"TLS 1.0 beside " + tls.version`)
		r.Examples = examples
		return r
	}
	facts := func(pairs ...any) map[string]any {
		m := map[string]any{"link.tls": true}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i].(string)] = pairs[i+1]
		}
		return m
	}
	pass := Example{Verdict: Pass, Facts: facts("tls.accepts.tls10", false)}
	fail := Example{Verdict: Fail, Facts: facts("tls.accepts.tls10", true, "tls.version", "TLS 1.3")}

	j := judgeOf(t,
		rule("holds", pass, fail, Example{Verdict: NotApplicable}, Example{Verdict: Inconclusive, Facts: facts()}),
		rule("wrong-verdict", pass, fail, Example{Name: "typo", Verdict: Pass, Facts: fail.Facts}),
		rule("unknown-fact", pass, fail, Example{Verdict: Fail, Facts: facts("tls.accept.tls10", true)}),
		rule("wrong-type", pass, fail, Example{Verdict: Fail, Facts: facts("tls.accepts.tls10", "yes")}),
		rule("number-for-string", pass, fail, Example{Verdict: Fail, Facts: facts("tls.version", 1.2)}),
		rule("message-without-facts", pass, fail, Example{Verdict: Fail, Facts: facts("tls.accepts.tls10", true)}),
		rule("never-fails", pass),
		rule("no-examples"),
	)
	var out strings.Builder
	for _, f := range j.TestExamples() {
		out.WriteString(f.String() + "\n")
	}
	golden(t, "example-failures.golden", out.String())
}

func TestExampleFactsTakeTheTypeOfTheFact(t *testing.T) {
	t.Parallel()
	r := ruleOf("r", "", `link.port == 443 && link.latency_ms == 2.0 && link.used_by == ["a"]`, `"no"`)
	r.Examples = []Example{
		{Verdict: Pass, Facts: map[string]any{"link.port": 443.0, "link.latency_ms": int64(2), "link.used_by": []any{"a"}}},
		{Verdict: Pass, Facts: map[string]any{"link.port": 443, "link.latency_ms": 2, "link.used_by": []string{"a"}}},
		{Verdict: Fail, Facts: map[string]any{"link.port": int64(80), "link.latency_ms": 2.5}},
	}
	for _, f := range judgeOf(t, r).TestExamples() {
		t.Error(f)
	}
	for _, v := range []any{443.5, 1e300, nil, []any{1}, map[string]any{}} {
		r.Examples[0].Facts = map[string]any{"link.port": v}
		if len(judgeOf(t, r).TestExamples()) != 1 {
			t.Errorf("the fact link.port may be %v", v)
		}
	}
}
