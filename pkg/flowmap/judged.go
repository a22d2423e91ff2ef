package flowmap

import (
	"cmp"
	"slices"

	"github.com/m2mscan/m2mscan/pkg/report"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

// judged is what a report says, by the ids of links and vendors.
type judged struct {
	links   map[string]*Risk
	vendors map[string]*Risk
}

func sourceOf(r *report.Report) *Source {
	if r == nil {
		return nil
	}
	return &Source{Started: r.Started, ToolVersion: r.Tool.Version, ScoreModel: r.Tool.ScoreModel, Complete: r.Complete}
}

// judgedBy reads a report; r may be nil.
func judgedBy(r *report.Report) *judged {
	j := &judged{links: map[string]*Risk{}, vendors: map[string]*Risk{}}
	if r == nil {
		return j
	}
	for i := range r.Targets {
		j.links[r.Targets[i].ID] = riskOf(r.Targets[i].Score)
	}
	for i := range r.Vendors {
		j.vendors[r.Vendors[i].ID] = riskOf(r.Vendors[i].Score)
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		if of := cmp.Or(j.links[f.Target], j.vendors[f.Target]); of != nil {
			of.count(f)
		}
	}
	return j
}

func riskOf(s risk.Score) *Risk {
	return &Risk{
		Grade: cmp.Or(s.Grade, risk.GradeUnknown), Coverage: s.Coverage, Band: cmp.Or(s.Band, risk.BandUnknown),
		Residual: s.Residual, Open: map[risk.Severity]int{},
	}
}

// count adds a finding. Among equals the first is the worst.
func (r *Risk) count(f *risk.Finding) {
	switch {
	case f.Verdict != risk.Fail:
	case f.Waived():
		r.Waived++
	default:
		r.Open[f.Severity]++
		if r.Worst == nil || severityRank(f.Severity) > severityRank(r.Worst.Severity) {
			r.Worst = f
		}
	}
}

// add adds the findings of a link to those of its vendor.
func (r *Risk) add(link *Risk) {
	for severity, n := range link.Open {
		r.Open[severity] += n
	}
	r.Waived += link.Waived
	if link.Worst != nil && (r.Worst == nil || severityRank(link.Worst.Severity) > severityRank(r.Worst.Severity)) {
		r.Worst = link.Worst
	}
}

func severityRank(s risk.Severity) int { return slices.Index(risk.Severities, s) }

// bands are in rising order.
var bands = []risk.Band{risk.BandUnknown, risk.BandLow, risk.BandMedium, risk.BandHigh, risk.BandCritical} //nolint:gochecknoglobals // a table

func bandRank(b risk.Band) int { return slices.Index(bands, b) }
