package report

import (
	"cmp"
	"slices"

	"github.com/m2mscan/m2mscan/pkg/risk"
)

// open returns the failed findings that a reader should look at, worst first:
// not those that are waived nor, where only what is new counts, those that the
// baseline knows.
func (r *Report) open() []*risk.Finding { return r.worstFirst(r.Gate.Counts) }

// unwaived returns the findings of one verdict that nobody has accepted, known
// ones included, worst first.
func (r *Report) unwaived(verdict risk.Verdict) []*risk.Finding {
	return r.worstFirst(func(f *risk.Finding) bool { return f.Verdict == verdict && !f.Waived() })
}

// waived returns the failed findings that somebody has accepted, worst first.
func (r *Report) waived() []*risk.Finding {
	return r.worstFirst((*risk.Finding).Waived)
}

// known counts the failed findings that open leaves out for the baseline knows
// them.
func (r *Report) known() int {
	n := 0
	for i := range r.Findings {
		if f := &r.Findings[i]; r.Gate.NewOnly && f.Verdict == risk.Fail && !f.Waived() && f.Known() {
			n++
		}
	}
	return n
}

// worstFirst returns the findings to keep, the most severe first; among equals
// the link with the higher residual risk, then the order of the report.
func (r *Report) worstFirst(keep func(*risk.Finding) bool) []*risk.Finding {
	residual := make(map[string]int, len(r.Targets)+len(r.Vendors))
	for i := range r.Targets {
		residual[r.Targets[i].ID] = residualOf(r.Targets[i].Score)
	}
	for i := range r.Vendors {
		residual[r.Vendors[i].ID] = residualOf(r.Vendors[i].Score)
	}
	var found []*risk.Finding
	for i := range r.Findings {
		if keep(&r.Findings[i]) {
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
