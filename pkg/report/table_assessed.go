package report

import "github.com/m2mscan/m2mscan/pkg/risk"

// notAssessed says per link what could not be learned, and why. A fact that no
// rule missed is left to the JSON report.
func (t *tables) notAssessed() error {
	undecided := t.report.undecided()
	rows := func(yield func([]cell) bool) {
		for i := range t.report.Targets {
			link := &t.report.Targets[i]
			why := whyNotAssessed(link, undecided[link.ID])
			if len(why) > 0 && !yield([]cell{text(link.ID), why}) {
				return
			}
		}
	}
	t.heading("NOT ASSESSED")
	for range rows {
		return t.table([]column{{title: "LINK", flexible: true}, {title: "WHY", flexible: true}}, rows)
	}
	t.paragraph("Nothing: every rule that applies was decided.", plain, 0)
	return nil
}

// undecided maps links to their inconclusive findings.
func (r *Report) undecided() map[string][]*risk.Finding {
	found := make(map[string][]*risk.Finding)
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Verdict == risk.Inconclusive {
			found[f.Target] = append(found[f.Target], f)
		}
	}
	return found
}

func whyNotAssessed(link *Target, undecided []*risk.Finding) cell {
	missed := make(map[string]bool)
	for _, f := range undecided {
		for _, u := range f.Missing {
			missed[u.Fact] = true
		}
	}
	var why cell
	_, reasons := notAssessed(link)
	for _, line := range append(reasons, unknownFacts(link, missed)...) {
		why = append(why, part{text: line})
	}
	if n := len(undecided); n > 0 {
		why = append(why, part{text: count(n, "rule") + " undecided", style: faint})
	}
	return why
}
