package report

import (
	"cmp"
	"slices"

	"github.com/m2mscan/m2mscan/pkg/risk"
)

// tally is how a rule was met over the links of a vendor.
type tally struct {
	title    string
	severity risk.Severity
	passed   int
	failed   int
}

func newTally(rule *risk.Rule) *tally {
	return &tally{title: outward(rule.Title), severity: rule.Severity}
}

func (t *tally) count(v risk.Verdict) {
	switch v {
	case risk.Pass:
		t.passed++
	case risk.Fail:
		t.failed++
	case risk.Inconclusive, risk.NotApplicable:
	}
}

// goodOf names the requirements that were met wherever they could be decided, the
// weightiest and most often met first.
func goodOf(tallies map[string]*tally) []string {
	const named = 8
	var good []*tally
	for _, t := range tallies {
		if t.failed == 0 && t.passed > 0 {
			good = append(good, t)
		}
	}
	slices.SortFunc(good, func(a, b *tally) int {
		return cmp.Or(cmp.Compare(severityRank(b.severity), severityRank(a.severity)), cmp.Compare(b.passed, a.passed), cmp.Compare(a.title, b.title))
	})
	var titles []string
	for _, t := range good[:min(named, len(good))] {
		titles = append(titles, t.title)
	}
	return titles
}
