package risk

// The numbers of model 1. docs/scoring.md gives the reasons.
const (
	minCoverage = 60 // percent; with less there is no grade

	capC = 79 // best posture under a cap of C
	capD = 64
	capF = 20 // and not 49: data goes in the clear or to anybody

	// fullPoints is how many points of rules give a category its full weight.
	fullPoints = 10
)

// weightOf is a category's part of the posture score.
func weightOf(c Category) float64 {
	switch c {
	case CategoryAuthentication, CategoryTLS:
		return 25
	case CategoryCertificate, CategoryMTLS:
		return 15
	case CategoryRateLimit, CategoryErrors:
		return 10
	default: // governance says how the link is looked after, not how it stands
		return 0
	}
}

// weighed is the weight of a category in which rules of so many points have a
// say. One small rule must not decide over a tenth of the score.
func weighed(c Category, points float64) float64 {
	return weightOf(c) * min(1, points/fullPoints)
}

// pointsOf is how much a rule counts within its category.
func pointsOf(s Severity) float64 {
	switch s {
	case SeverityCritical:
		return 10
	case SeverityHigh:
		return 7
	case SeverityMedium:
		return 4
	case SeverityLow:
		return 1
	default:
		return 0
	}
}

// limitOf is the best a category may score, 0 to 1, when a rule of the
// severity fails in it: many small passes do not make up for one large hole.
func limitOf(s Severity) float64 {
	switch s {
	case SeverityCritical:
		return 0
	case SeverityHigh:
		return 0.4
	case SeverityMedium:
		return 0.7
	case SeverityLow:
		return 0.9
	default:
		return 1
	}
}

// ceilingOf is the best posture under a cap, or 100 without one.
func ceilingOf(g Grade) int {
	switch g {
	case GradeC:
		return capC
	case GradeD:
		return capD
	case GradeF:
		return capF
	default:
		return 100
	}
}

func gradeOf(posture int) Grade {
	switch {
	case posture >= 90:
		return GradeA
	case posture >= 80:
		return GradeB
	case posture >= 65:
		return GradeC
	case posture >= 50:
		return GradeD
	default:
		return GradeF
	}
}

func bandOf(residual int) Band {
	switch {
	case residual < 20:
		return BandLow
	case residual < 40:
		return BandMedium
	case residual < 70:
		return BandHigh
	default:
		return BandCritical
	}
}

// residualOf is what is left of the inherent risk, 0 to 100, not yet rounded.
func residualOf(inherent, posture int) float64 {
	return float64(inherent) * float64(100-posture) / 100
}
