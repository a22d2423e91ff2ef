package risk

import (
	"fmt"
	"math"
)

// spread is how many points a vendor may stand apart from its worst link: a
// row of good links must not hide a bad one.
const spread = 15

// ScoreVendor scores a vendor over the scores of its links. Each link counts
// by its inherent risk. Links without a grade lower the coverage alone.
//
// Posture is the mean, but at most 15 points better than the worst link's;
// residual risk is the mean, but at most 15 points better than the worst's.
// Inherent risk is that of the link with the most of it; of a vendor without
// links, that of a link on loopback with public data.
func ScoreVendor(d DeclaredVendor, links []Score) Score {
	var m means
	m.inherent, _ = inherentOf(d.Criticality, "public", "loopback")
	for _, s := range links {
		m.add(s)
	}
	score := Score{Grade: GradeUnknown, Band: BandUnknown, Inherent: m.inherent, Coverage: percent(m.covered, 100*m.weight)}

	var l ledger
	if m.graded > 0 {
		mean := int(math.Round(m.posture / m.gradedWeight))
		posture := min(mean, m.worstPosture+spread)
		residual := max(m.residual/m.gradedWeight, m.worstResidual-spread)
		l.add(Entry{Points: float64(mean), Note: fmt.Sprintf("mean posture of %d graded of %d links, by inherent risk", m.graded, len(links))})
		if posture < mean {
			l.add(Entry{Points: float64(posture - mean), Note: fmt.Sprintf("at most %d points above the worst link, which has %d", spread, m.worstPosture)})
		}
		if score.Coverage >= minCoverage {
			score.grade(posture, residual)
		}
	}
	l.note(fmt.Sprintf("coverage %d %%", score.Coverage))
	if len(links) > 0 {
		l.note(fmt.Sprintf("inherent risk %d: the highest of its links", score.Inherent))
	} else {
		l.note(fmt.Sprintf("inherent risk %d: no links", score.Inherent))
	}
	switch {
	case score.Residual != nil:
		l.note(fmt.Sprintf("residual risk %d (%s): mean of its links, at most %d below the worst", *score.Residual, score.Band, spread))
	case m.graded == 0:
		l.note("no grade: no link has one")
	default:
		l.note(fmt.Sprintf("no grade: coverage is below %d %%", minCoverage))
	}
	score.Ledger = l.entries
	return score
}

// means gathers sums over links, weighted by inherent risk.
type means struct {
	weight, gradedWeight float64
	covered              float64
	posture, residual    float64
	graded               int
	worstPosture         int
	worstResidual        float64
	inherent             int
}

func (m *means) add(s Score) {
	w := float64(s.Inherent)
	m.weight += w
	m.covered += w * float64(s.Coverage)
	m.inherent = max(m.inherent, s.Inherent)
	if s.Posture == nil {
		return
	}
	if m.graded == 0 || *s.Posture < m.worstPosture {
		m.worstPosture = *s.Posture
	}
	residual := residualOf(s.Inherent, *s.Posture) // not the rounded one, so that the mean rises with each inherent risk
	m.worstResidual = max(m.worstResidual, residual)
	m.posture += w * float64(*s.Posture)
	m.residual += w * residual
	m.gradedWeight += w
	m.graded++
}
