package report

import (
	"cmp"
	"slices"

	"github.com/m2mscan/m2mscan/pkg/risk"
)

// htmlUndecided is one link (or vendor) that was not assessed in full.
type htmlUndecided struct {
	Target     string
	LinkAnchor string
	Reasons    []string
	Rules      []htmlOpenRule
	Total      int // rules that were not decided
}

// More is how many undecided rules the page leaves out.
func (u htmlUndecided) More() int { return u.Total - len(u.Rules) }

// htmlOpenRule is a rule that was not decided.
type htmlOpenRule struct {
	*risk.Finding
	Judged risk.Rule
}

// undecidedRows groups what could not be decided by link: most of the time one
// silent peer leaves a hundred rules open. The links with the most come first.
func (p *htmlPage) undecidedRows() {
	open := make(map[string][]*risk.Finding)
	var targets []string
	for _, f := range p.Report.worstFirst(func(f *risk.Finding) bool { return f.Verdict == risk.Inconclusive }) {
		if open[f.Target] == nil {
			targets = append(targets, f.Target)
		}
		open[f.Target] = append(open[f.Target], f)
	}
	for i := range p.Report.Targets { // lost in part, with no rule that depends on it
		t := &p.Report.Targets[i]
		if _, reasons := notAssessed(t); len(reasons) > 0 && open[t.ID] == nil {
			targets = append(targets, t.ID)
		}
	}
	slices.SortFunc(targets, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(open[b]), len(open[a])), cmp.Compare(a, b))
	})
	room := htmlRows
	for _, id := range targets[:min(htmlAside, len(targets))] {
		shown := min(len(open[id]), room)
		room -= shown
		for _, f := range open[id][:shown] {
			p.Filters.add(f, p.ruleOf(f).Category)
		}
	}
	room = htmlRows
	p.Undecided = htmlListOf(targets, htmlAside, func(id string) htmlUndecided {
		u := p.undecided(id, open[id], room)
		room -= len(u.Rules)
		return u
	})
}

// undecided describes one link of which the rules in open were not decided,
// with as many of them as there is room for.
func (p *htmlPage) undecided(id string, open []*risk.Finding, room int) htmlUndecided {
	u := htmlUndecided{Target: id, LinkAnchor: p.linked[id], Total: len(open)}
	if t := p.targets[id]; t != nil {
		missed := make(map[string]bool)
		for _, f := range open {
			for _, m := range f.Missing {
				missed[m.Fact] = true
			}
		}
		_, reasons := notAssessed(t)
		u.Reasons = append(reasons, unknownFacts(t, missed)...)
	}
	for _, f := range open[:min(len(open), room)] {
		u.Rules = append(u.Rules, htmlOpenRule{f, p.ruleOf(f)})
	}
	return u
}
