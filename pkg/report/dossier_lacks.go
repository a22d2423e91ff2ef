package report

import (
	"cmp"
	"maps"
	"slices"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

// DossierGap is one reason why something could not be assessed.
type DossierGap struct {
	Why       string
	Help      string // what the vendor can do about it
	Links     []string
	Undecided []string // the requirements that were not decided for it, by title
}

// lack notes that something could not be learned of a link. Reasons that are
// answers, or our own choice, are no lack.
func (e *excerpt) lack(reason checks.Reason, target string) *DossierGap {
	words, told := wordsOfReasons[reason]
	if !told {
		return nil
	}
	gap := e.gaps[reason]
	if gap == nil {
		gap = &DossierGap{Why: words.why, Help: words.help}
		e.gaps[reason] = gap
	}
	if link := e.linkName(target); !slices.Contains(gap.Links, link) {
		gap.Links = append(gap.Links, link)
	}
	return gap
}

// undecided notes why a requirement could not be decided: for the first reason
// of those that count.
func (e *excerpt) undecided(f *risk.Finding) {
	for _, u := range f.Missing {
		if gap := e.lack(u.Reason, f.Target); gap != nil {
			if title := outward(e.rule(f.Rule).Title); !slices.Contains(gap.Undecided, title) {
				gap.Undecided = append(gap.Undecided, title)
			}
			return
		}
	}
}

// gapsInOrder lists what could not be assessed, the most links first.
func (e *excerpt) gapsInOrder() {
	order := make(map[string]int, len(e.Links))
	for i, link := range e.Links {
		order[link.Name] = i
	}
	for _, reason := range slices.Sorted(maps.Keys(e.gaps)) {
		gap := e.gaps[reason]
		slices.SortFunc(gap.Links, func(a, b string) int { return cmp.Compare(order[a], order[b]) })
		e.Gaps = append(e.Gaps, *gap)
	}
	slices.SortStableFunc(e.Gaps, func(a, b DossierGap) int {
		return cmp.Or(cmp.Compare(len(b.Links), len(a.Links)), cmp.Compare(len(b.Undecided), len(a.Undecided)))
	})
}
