package risk

import (
	"fmt"
	"math"
	"slices"
)

// tally is what the findings of one category amount to.
type tally struct {
	category     Category
	applicable   float64 // points of rules that passed, failed or are inconclusive
	conclusive   float64 // points of rules that passed or failed
	failedPoints float64
	failed       []ruled
	open         int // inconclusive findings
	worst        Severity
}

// ruled is a failed finding with its rule.
type ruled struct {
	finding *Finding
	rule    Rule
}

// score is the category's, 0 to 1. It has one only when something is
// conclusive.
func (t *tally) score() float64 {
	return min(1-t.failedPoints/t.conclusive, limitOf(t.worst))
}

// tallies adds up findings by category, in the order of Categories. Findings
// of a rule that is not known count nowhere.
func tallies(findings []Finding, rules func(id string) (Rule, bool)) []tally {
	list := make([]tally, len(Categories))
	for i, c := range Categories {
		list[i].category = c
	}
	for i := range findings {
		f := &findings[i]
		rule, known := rules(f.Rule)
		place := slices.Index(Categories, rule.Category)
		if !known || place < 0 {
			continue
		}
		list[place].add(f, rule)
	}
	return list
}

func (t *tally) add(f *Finding, rule Rule) {
	points := pointsOf(f.Severity)
	switch f.Verdict {
	case Pass:
		t.applicable += points
		t.conclusive += points
	case Fail:
		t.applicable += points
		t.conclusive += points
		t.failedPoints += points
		t.failed = append(t.failed, ruled{f, rule})
		if f.Severity.rank() > t.worst.rank() {
			t.worst = f.Severity
		}
	case Inconclusive:
		t.applicable += points
		t.open++
	case NotApplicable:
	}
}

// coverageOf is the percent of the applicable weight that was conclusive,
// rounded down: 60 means 60 and not 59.6.
func coverageOf(list []tally) int {
	var applicable, covered float64
	for i := range list {
		t := &list[i]
		if t.applicable == 0 {
			continue
		}
		weight := weighed(t.category, t.applicable)
		applicable += weight
		covered += weight * t.conclusive / t.applicable
	}
	return percent(covered, applicable)
}

// percent is part of whole in percent, rounded down; 0 of nothing. The tiny
// addend keeps a sum of floats that means 60 from being 59.
func percent(part, whole float64) int {
	if whole == 0 {
		return 0
	}
	return int(math.Floor(100*part/whole + 1e-9))
}

// ScoreLink scores one link from its findings. The network is the fact
// link.network, or empty when it is not known. Findings must be those of one
// link, with every verdict; rules gives the rule of an id, as [Judge.Rule]
// does. docs/scoring.md describes the model.
func ScoreLink(d Declared, network string, findings []Finding, rules func(id string) (Rule, bool)) Score {
	list := tallies(findings, rules)
	inherent, row := inherentOf(d.Vendor.Criticality, d.Link.Classification, network)
	score := Score{Grade: GradeUnknown, Band: BandUnknown, Coverage: coverageOf(list), Inherent: inherent}

	var l ledger
	posture, known := l.posture(list)
	posture = l.caps(list, posture)
	l.note(fmt.Sprintf("coverage %d %%", score.Coverage))
	l.note(fmt.Sprintf("inherent risk %d: %s", inherent, row))
	if known && score.Coverage >= minCoverage {
		score.grade(posture, residualOf(inherent, posture))
		l.note(fmt.Sprintf("residual risk %d (%s): %d × (100 − %d) / 100", *score.Residual, score.Band, inherent, posture))
	} else {
		l.note(fmt.Sprintf("no grade: coverage is below %d %%", minCoverage))
	}
	score.Ledger = l.entries
	return score
}

// grade states the posture and what follows from it.
func (s *Score) grade(posture int, residual float64) {
	r := int(math.Round(residual))
	s.Posture, s.Residual = new(posture), new(r)
	s.Grade, s.Band = gradeOf(posture), bandOf(r)
}
