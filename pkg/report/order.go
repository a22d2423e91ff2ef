package report

import (
	"cmp"
	"slices"

	"github.com/m2mscan/m2mscan/pkg/risk"
)

// worstFirst returns the findings of one verdict, the most severe first;
// among equals the link with the higher residual risk, then the order of the
// report.
func (r *Report) worstFirst(verdict risk.Verdict) []*risk.Finding {
	residual := make(map[string]int, len(r.Targets)+len(r.Vendors))
	for i := range r.Targets {
		residual[r.Targets[i].ID] = residualOf(r.Targets[i].Score)
	}
	for i := range r.Vendors {
		residual[r.Vendors[i].ID] = residualOf(r.Vendors[i].Score)
	}
	var found []*risk.Finding
	for i := range r.Findings {
		if r.Findings[i].Verdict == verdict {
			found = append(found, &r.Findings[i])
		}
	}
	slices.SortStableFunc(found, func(a, b *risk.Finding) int {
		return cmp.Or(
			cmp.Compare(severityRank(b.Severity), severityRank(a.Severity)),
			cmp.Compare(residual[b.Target], residual[a.Target]),
		)
	})
	return found
}

func severityRank(s risk.Severity) int { return slices.Index(risk.Severities, s) }

// residualOf sorts an unknown residual below every known one.
func residualOf(s risk.Score) int {
	if s.Residual == nil {
		return -1
	}
	return *s.Residual
}

// rulesByID maps the ids of the report's rules to their places in Rules.
func (r *Report) rulesByID() map[string]int {
	byID := make(map[string]int, len(r.Rules))
	for i := range r.Rules {
		byID[r.Rules[i].ID] = i
	}
	return byID
}
