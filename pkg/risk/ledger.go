package risk

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// ledger writes down how a score comes about. Of a graded score, the points
// of all entries add up to the posture exactly.
type ledger struct {
	entries []Entry
	sum     float64 // of all points so far, in tenths
}

// add writes an entry. Points are rounded to a tenth, and it is the rounded
// ones that are summed.
func (l *ledger) add(e Entry) {
	tenths := math.Round(e.Points * 10)
	if tenths == 0 {
		tenths = 0 // not minus zero, which JSON would print
	}
	e.Points = tenths / 10
	l.sum += tenths
	l.entries = append(l.entries, e)
}

// note writes an entry without points.
func (l *ledger) note(text string) { l.add(Entry{Note: text}) }

// posture writes the deductions of every category and returns what is left of
// 100, rounded, and whether anything was conclusive.
func (l *ledger) posture(list []tally) (posture int, conclusive bool) {
	var whole, kept float64
	for i := range list {
		if t := &list[i]; t.conclusive > 0 {
			weight := weighed(t.category, t.conclusive)
			whole += weight
			kept += weight * t.score()
		}
	}
	l.add(Entry{Points: 100, Note: "start"})
	for i := range list {
		l.category(&list[i], whole)
	}
	if whole == 0 {
		return 0, false
	}
	posture = int(math.Round(100*kept/whole + 1e-9))
	if rest := float64(posture)*10 - l.sum; rest != 0 {
		l.add(Entry{Points: rest / 10, Note: "rounded to whole points"})
	}
	return posture, true
}

// category writes one category: its weight and its share of the weight that
// is conclusive, then each failed rule. Where the worst failed severity allows
// less than the rules have left, the difference is an entry of its own.
func (l *ledger) category(t *tally, whole float64) {
	weight := weightOf(t.category)
	if t.applicable == 0 && len(t.failed) == 0 {
		if weight > 0 {
			l.add(Entry{Category: t.category, Note: fmt.Sprintf("weight %g: nothing applies", weight)})
		}
		return
	}
	share := 0.0 // points of 100 that the category holds
	if whole > 0 && t.conclusive > 0 {
		share = 100 * weighed(t.category, t.conclusive) / whole
	}
	l.add(Entry{Category: t.category, Note: t.heading(weight, share)})
	for _, f := range t.failed {
		points := 0.0
		if t.conclusive > 0 {
			points = -share * pointsOf(f.finding.Severity) / t.conclusive
		}
		l.add(Entry{Rule: f.rule.ID, Category: t.category, Points: points,
			Note: fmt.Sprintf("%s: %s", f.finding.Severity, f.rule.Title)})
	}
	if t.conclusive == 0 {
		return
	}
	if over := 1 - t.failedPoints/t.conclusive - limitOf(t.worst); over > 0 && share > 0 {
		l.add(Entry{Category: t.category, Points: -share * over,
			Note: fmt.Sprintf("a failed rule of severity %s leaves the category %g %% at most", t.worst, 100*limitOf(t.worst))})
	}
}

// heading says what a category weighs, and what in it is not known.
func (t *tally) heading(weight, share float64) string {
	parts := []string{fmt.Sprintf("weight %g", weight)}
	switch {
	case weight == 0:
		parts[0] = "no weight: listed, not scored"
	case share > 0:
		if here := weighed(t.category, t.conclusive); here < weight {
			parts[0] = fmt.Sprintf("weight %.3g of %g, for few rules have a say", here, weight)
		}
		parts = append(parts, fmt.Sprintf("%.1f of 100 points here", share))
	default:
		parts = append(parts, "nothing conclusive")
	}
	if t.open > 0 {
		parts = append(parts, fmt.Sprintf("%d inconclusive", t.open))
	}
	return strings.Join(parts, ", ")
}

// caps writes every failed rule that caps the grade, the lowest cap first. The
// first one carries the points that it costs.
func (l *ledger) caps(list []tally, posture int) int {
	var capped []Rule
	for i := range list {
		for _, f := range list[i].failed {
			if f.rule.Cap != "" {
				capped = append(capped, f.rule)
			}
		}
	}
	slices.SortStableFunc(capped, func(a, b Rule) int { return ceilingOf(a.Cap) - ceilingOf(b.Cap) })
	for _, r := range capped {
		ceiling := ceilingOf(r.Cap)
		lowered := min(posture, ceiling)
		l.add(Entry{Rule: r.ID, Category: r.Category, Cap: r.Cap, Points: float64(lowered - posture),
			Note: fmt.Sprintf("grade %s at best while this fails: %d points at most", r.Cap, ceiling)})
		posture = lowered
	}
	return posture
}
