package risk

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

func TestDecide(t *testing.T) {
	t.Parallel()
	failed := func(target, rule string, s Severity) Finding {
		return Finding{Target: target, Rule: rule, Severity: s, Verdict: Fail}
	}
	seen := checks.Observation{Probe: "link", Outcome: checks.Observed}
	probe := func(o checks.Outcome, r checks.Reason) []checks.Observation {
		return []checks.Observation{seen, {Probe: "tls", Outcome: o, Reason: r}}
	}
	bad := LinkOutcome{ID: "acme/api", Grade: GradeF, Observations: []checks.Observation{seen},
		Findings: []Finding{failed("acme/api", "tls10-refused", SeverityHigh), failed("acme/api", "owner-named", SeverityLow),
			{Target: "acme/api", Rule: "trusted", Severity: SeverityCritical, Verdict: Inconclusive}}}
	good := LinkOutcome{ID: "acme/q", Grade: GradeA, Observations: []checks.Observation{seen}}
	vendor := LinkOutcome{ID: "acme", Findings: []Finding{failed("acme", "contact-named", SeverityMedium)}}
	down := LinkOutcome{ID: "acme/down", Grade: GradeUnknown, Observations: []checks.Observation{{Probe: "link", Outcome: checks.Unreachable, Reason: checks.ReasonRefused}}}
	stalled := LinkOutcome{ID: "acme/stall", Grade: GradeUnknown, Observations: probe(checks.Inconclusive, checks.ReasonStalled)}
	cut := LinkOutcome{ID: "acme/cut", Grade: GradeUnknown, Observations: probe(checks.Inconclusive, checks.ReasonCancelled)}
	plain := LinkOutcome{ID: "acme/plain", Grade: GradeF, Observations: probe(checks.Inconclusive, checks.ReasonPlaintext)}
	quiet := LinkOutcome{ID: "acme/quiet", Grade: GradeA, Observations: probe(checks.Inconclusive, checks.ReasonNotTested)}
	thin := LinkOutcome{ID: "acme/thin", Grade: GradeUnknown, Observations: []checks.Observation{seen}}
	var many []LinkOutcome
	for i := range 7 {
		id := fmt.Sprintf("acme/l%d", i)
		many = append(many, LinkOutcome{ID: id, Grade: GradeF, Findings: []Finding{failed(id, "r", SeverityHigh)}})
	}

	for _, c := range []struct {
		name   string
		policy Policy
		links  []LinkOutcome
		want   Decision
	}{
		{"no links", Policy{FailOn: SeverityLow, MinGrade: GradeA}, nil, Decision{}},
		{"no policy", Policy{}, []LinkOutcome{bad, good, vendor}, Decision{}},
		{"severity reached", Policy{FailOn: SeverityHigh}, []LinkOutcome{bad, good, vendor},
			Decision{Breached: true, Reasons: []string{"1 finding of severity high or above: acme/api tls10-refused"}}},
		{"a vendor's finding counts", Policy{FailOn: SeverityMedium}, []LinkOutcome{vendor, bad},
			Decision{Breached: true, Reasons: []string{"2 findings of severity medium or above: acme contact-named, acme/api tls10-refused"}}},
		{"an inconclusive finding does not breach", Policy{FailOn: SeverityCritical}, []LinkOutcome{bad}, Decision{}},
		{"one rule", Policy{FailOnRules: []string{"owner-named", "trusted"}}, []LinkOutcome{bad},
			Decision{Breached: true, Reasons: []string{"1 finding of a rule that must not fail: acme/api owner-named"}}},
		{"grade", Policy{MinGrade: GradeB}, []LinkOutcome{bad, good, vendor},
			Decision{Breached: true, Reasons: []string{"1 link graded worse than B: acme/api (F)"}}},
		{"the grade asked for is enough", Policy{MinGrade: GradeF}, []LinkOutcome{bad}, Decision{}},
		{"many", Policy{FailOn: SeverityHigh}, many, Decision{Breached: true, Reasons: []string{
			"7 findings of severity high or above: acme/l0 r, acme/l1 r, acme/l2 r, acme/l3 r, acme/l4 r and 2 more"}}},
		{"unreachable", Policy{}, []LinkOutcome{good, down},
			Decision{Incomplete: true, Reasons: []string{"1 link is unreachable: acme/down (refused)"}}},
		{"inconclusive", Policy{}, []LinkOutcome{stalled, stalled},
			Decision{Incomplete: true, Reasons: []string{"2 links are inconclusive: acme/stall (stalled), acme/stall (stalled)"}}},
		{"both are permitted", Policy{MinGrade: GradeA, AllowUnreachable: true}, []LinkOutcome{good, down, stalled, thin}, Decision{}},
		{"an interrupt is not", Policy{AllowUnreachable: true}, []LinkOutcome{cut, down},
			Decision{Incomplete: true, Reasons: []string{"the scan was interrupted before 1 link was done: acme/cut"}}},
		{"an interrupt is said once", Policy{MinGrade: GradeA}, []LinkOutcome{cut, cut},
			Decision{Incomplete: true, Reasons: []string{"the scan was interrupted before 2 links were done: acme/cut, acme/cut",
				"2 links with too little known for a grade: acme/cut, acme/cut"}}},
		{"plain text and tests left out are answers", Policy{}, []LinkOutcome{plain, quiet}, Decision{}},
		{"no grade where one is asked for", Policy{MinGrade: GradeC}, []LinkOutcome{thin, down},
			Decision{Incomplete: true, Reasons: []string{"1 link is unreachable: acme/down (refused)", "1 link with too little known for a grade: acme/thin"}}},
		{"no grade where none is asked for", Policy{}, []LinkOutcome{thin}, Decision{}},
		{"breaches come first", Policy{FailOn: SeverityHigh, FailOnRules: []string{"tls10-refused"}, MinGrade: GradeA}, []LinkOutcome{down, bad},
			Decision{Breached: true, Incomplete: true, Reasons: []string{
				"1 finding of severity high or above: acme/api tls10-refused",
				"1 finding of a rule that must not fail: acme/api tls10-refused",
				"1 link graded worse than A: acme/api (F)",
				"1 link is unreachable: acme/down (refused)"}}},
	} {
		if c.want.Reasons == nil {
			c.want.Reasons = []string{}
		}
		if diff := cmp.Diff(c.want, c.policy.Decide(c.links)); diff != "" {
			t.Errorf("%s:\n%s", c.name, diff)
		}
	}
}

func TestPolicyValidate(t *testing.T) {
	t.Parallel()
	rules := []Rule{{ID: "tls10-refused"}, {ID: "owner-named"}}
	for _, c := range []struct {
		policy Policy
		want   string
	}{
		{Policy{}, ""},
		{Policy{FailOn: SeverityInfo, MinGrade: GradeD, FailOnRules: []string{"owner-named"}}, ""},
		{Policy{FailOn: "hgih"}, `unknown severity "hgih": did you mean "high"?`},
		{Policy{FailOn: "blocker"}, `unknown severity "blocker": want one of info, low, medium, high, critical`},
		{Policy{MinGrade: "?"}, `unknown grade "?": want one of A, B, C, D, F`},
		{Policy{FailOnRules: []string{"tls10-refusd"}}, `unknown rule "tls10-refusd": did you mean "tls10-refused"?`},
	} {
		got := ""
		if err := c.policy.Validate(rules); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%+v: %q, want %q", c.policy, got, c.want)
		}
	}
}
