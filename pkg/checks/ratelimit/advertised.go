package ratelimit

import (
	"fmt"
	"slices"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// nothingAdvertised is why there is nothing to say of a limit.
const nothingAdvertised = "the server states no limit on requests"

// advertisement notes what the headers say.
func (s *survey) advertisement() {
	// The newest answer that states a limit counts: limits may change.
	for _, r := range slices.Backward(s.speaking()) {
		if q, ok := tightest(r.quotas); ok {
			s.quota = q
			s.visit.Evidence("rate_limit", q.String())
			break
		}
	}
	s.family()
	if s.quota.limit == 0 {
		s.nothingStated()
		return
	}
	s.facts.Advertised = new(true)
	s.facts.Limit = new(s.quota.limit)
	if s.quota.window == 0 {
		s.visit.UnknownReason("window_seconds", checks.ReasonAmbiguous, "the header does not say in which time the limit holds")
		return
	}
	s.facts.WindowSeconds = new(int(s.quota.window / time.Second))
}

// family notes the newest form of header in any answer that counts.
func (s *survey) family() {
	best := familyNone
	for _, r := range s.speaking() {
		f := familyOf(r.exchange.Header, r.quotas)
		if slices.Index(families, f) < slices.Index(families, best) {
			best = f
		}
	}
	if err := s.unheard(); best == familyNone && err != nil {
		s.visit.Unknown("policy_family", err)
		return
	}
	s.facts.PolicyFamily = new(string(best))
}

// nothingStated tells a server that states no limit from one that was not seen
// to answer: a gateway may refuse before it counts.
func (s *survey) nothingStated() {
	if err := s.unheard(); err != nil {
		for _, fact := range [...]string{"advertised", "limit", "window_seconds"} {
			s.visit.Unknown(fact, err)
		}
		return
	}
	s.facts.Advertised = new(false)
	s.visit.UnknownReason("limit", checks.ReasonNotAsked, nothingAdvertised)
	s.visit.UnknownReason("window_seconds", checks.ReasonNotAsked, nothingAdvertised)
}

// remainder notes whether the remainder falls.
func (s *survey) remainder() {
	if s.facts.Advertised != nil && !*s.facts.Advertised {
		s.visit.UnknownReason("remaining_falls", checks.ReasonNotAsked, nothingAdvertised)
		return
	}
	s.movement = falls(s.speaking())
	switch s.movement {
	case fell:
		s.facts.RemainingFalls = new(true)
	case stood:
		s.facts.RemainingFalls = new(false)
		s.visit.Evidence("rate_limit", fmt.Sprintf("%d remaining, and as many after one more request", s.quota.remaining))
	default:
		if err := s.unheard(); err != nil {
			s.visit.Unknown("remaining_falls", err)
			return
		}
		s.visit.UnknownReason("remaining_falls", checks.ReasonAmbiguous,
			"no two answers tell: a remainder is missing, or may have been filled up between them")
	}
}

// compare holds the advertised limit against the agreed one.
func (s *survey) compare() {
	facts := [...]string{"advertised_ratio", "advertised_over_agreed"}
	unknown := func(reason checks.Reason, detail string) {
		for _, fact := range facts {
			s.visit.UnknownReason(fact, reason, detail)
		}
	}
	switch {
	case s.agreed.IsZero():
		unknown(checks.ReasonNotAsked, noneAgreed)
	case s.ownErr != nil:
		for _, fact := range facts {
			s.visit.Unknown(fact, s.ownErr)
		}
	case s.facts.Advertised == nil:
		err := s.unheard()
		for _, fact := range facts {
			s.visit.Unknown(fact, err)
		}
	case s.quota.limit == 0:
		unknown(checks.ReasonNotAsked, nothingAdvertised)
	case s.quota.window == 0:
		s.compareBounds()
	default:
		r := ratio(s.quota, s.agreed)
		s.facts.AgreedRatio = new(r)
		s.facts.OverAgreed = new(r > 1)
	}
}

// noneAgreed is why there is nothing to compare with.
const noneAgreed = "no rate_limit is stated for this link"

// compareBounds compares a limit whose window is not stated. How far off its
// resets are tells how long the window is at least, and at most.
func (s *survey) compareBounds() {
	const detail = "the window of the advertised limit is not known"
	s.visit.UnknownReason("advertised_ratio", checks.ReasonAmbiguous, detail)
	least, most := windowBounds(s.speaking(), s.quota)
	fastest, slowest := s.quota, s.quota
	fastest.window, slowest.window = least, most
	switch {
	case least > 0 && ratio(fastest, s.agreed) <= 1:
		s.facts.OverAgreed = new(false)
	case most > 0 && ratio(slowest, s.agreed) > 1:
		s.facts.OverAgreed = new(true)
	default:
		s.visit.UnknownReason("advertised_over_agreed", checks.ReasonAmbiguous, detail)
	}
}
