package report

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

// TestCompareProperties compares random reports: each failed finding has one
// state and one only, and none is fixed on a link that nobody saw.
func TestCompareProperties(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(2026, 11))
	counts := map[FindingState]int{}
	for range 400 {
		old, now := randomReport(random), randomReport(random)
		d := compare(t, old, now, CompareOptions{})
		stated := map[string]FindingState{}
		for i := range d.Findings {
			c := &d.Findings[i]
			counts[c.State]++
			if stated[c.Fingerprint] != "" {
				t.Fatalf("%s on %s is %s and %s", c.Rule, c.Target, stated[c.Fingerprint], c.State)
			}
			stated[c.Fingerprint] = c.State
			if c.State == StateFixed {
				checkFixed(t, now, old, c)
			}
		}
		holds := func(side string, r *Report, allowed ...FindingState) int {
			failed := 0
			for i := range r.Findings {
				if f := &r.Findings[i]; f.Verdict == risk.Fail {
					failed++
					if state := stated[f.Fingerprint]; state != "" && !slices.Contains(allowed, state) {
						t.Fatalf("%s on %s failed in the %s report, and is %s", f.Rule, f.Target, side, state)
					}
				}
			}
			return failed
		}
		c := d.Counts
		// What regressed may have failed before, with a lower severity.
		if got, want := c.New+c.Regressed+c.Changed+c.Unchanged, holds("new", now, StateNew, StateRegressed, StateChanged); got != want {
			t.Fatalf("%d findings of the new report have a state, and %d fail", got, want)
		}
		milder := 0
		for i := range d.Findings {
			if c := &d.Findings[i]; c.State == StateRegressed && c.Old != nil && c.Old.Verdict == risk.Fail {
				milder++
			}
		}
		if got, want := c.Fixed+c.NoLongerAssessed+c.Changed+c.Unchanged+milder, holds("old", old, StateFixed, StateNoLongerAssessed, StateChanged, StateRegressed); got != want {
			t.Fatalf("%d findings of the old report have a state, and %d failed", got, want)
		}
		counts[StateUnchanged] += c.Unchanged
		heldAlike(t, old, now, d)
	}
	for _, s := range FindingStates() {
		if counts[s] == 0 {
			t.Errorf("no random report had a finding that is %s", s)
		}
	}
}

// checkFixed holds a fixed finding to what the new report shows: its rule was
// judged, and its link seen, unless the inventory alone decides.
func checkFixed(t *testing.T, now, old *Report, c *FindingChange) {
	t.Helper()
	was := assess("", old).findings[c.Fingerprint]
	is := assess("", now).findings[c.Fingerprint]
	if _, judged := now.rulesByID()[c.Rule]; !judged {
		t.Fatalf("%s on %s is fixed, and the rule was not judged", c.Rule, c.Target)
	}
	if is != nil && is.Verdict != risk.Pass {
		t.Fatalf("%s on %s is fixed, and its verdict is %s", c.Rule, c.Target, is.Verdict)
	}
	i := slices.IndexFunc(now.Targets, func(t Target) bool { return t.ID == c.Target })
	switch {
	case i < 0 && c.Target != c.Vendor:
		t.Fatalf("%s on %s is fixed, and the link is gone", c.Rule, c.Target)
	case i >= 0 && !now.Targets[i].has(checks.Observed) && (is == nil || !byInventory(is) || !byInventory(was)):
		t.Fatalf("%s on %s is fixed, and nobody saw the link", c.Rule, c.Target)
	}
}

// randomReport is the sample with random verdicts, links and rules.
func randomReport(random *rand.Rand) *Report {
	r := bare()
	for _, rule := range sampleRules() {
		targets := []string{"acme-pay", "globex", "initech"}
		if rule.Scope != risk.ScopeVendor {
			targets = []string{"acme-pay/charges-api", seen, "globex/telemetry", unseen, partly}
		}
		for _, target := range targets {
			verdict := []risk.Verdict{risk.Fail, risk.Fail, risk.Pass, risk.Inconclusive, risk.NotApplicable}[random.IntN(5)]
			if verdict == risk.NotApplicable {
				continue
			}
			f := with(verdict, rule.ID, target, fmt.Sprint("m", random.IntN(2)), risk.Severities[random.IntN(2)])
			if random.IntN(3) == 0 {
				f = withInventory(verdict, rule.ID, target)
			}
			r.Findings = append(r.Findings, f)
		}
	}
	for _, t := range slices.Clone(r.Targets) {
		switch random.IntN(6) {
		case 0:
			r.drop(t.ID)
			r.Findings = slices.DeleteFunc(r.Findings, func(f risk.Finding) bool { return f.Target == t.ID })
		case 1:
			for _, o := range t.Observations {
				r.lose(t.ID, o.Probe, checks.Unreachable, checks.ReasonTimeout)
			}
		case 2:
			r.lose(t.ID, "tls", checks.Inconclusive, checks.ReasonNotTested)
		}
	}
	if gone := sampleRules()[random.IntN(5)].ID; random.IntN(3) == 0 {
		r.dropRule(gone)
		r.Findings = slices.DeleteFunc(r.Findings, func(f risk.Finding) bool { return f.Rule == gone })
	}
	return r
}
