package ratelimit

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// burst sends one where it is allowed, and the headers leave the question open.
func (s *survey) burst(ctx context.Context) {
	s.passing = rejectedInPassing(s.all)
	size, err := s.mayBurst()
	if err != nil {
		s.noBurst = err
		s.facts.RequestsSent = new(0)
		return
	}
	t := &trial{agreed: s.agreed, size: size, quota: s.quota, baseline: baseline(s.own, target(*s.last))}
	t.run(ctx, s.talk, *s.last)
	s.trial = t
	s.facts.RequestsSent = new(t.sent)
	s.visit.Evidence("burst", t.String())
}

// mayBurst says how large a burst may be, or why there is none.
func (s *survey) mayBurst() (extent, error) {
	switch {
	case s.visit.Link().Kind != inventory.KindEndpoint:
		return extent{}, s.ownErr
	case !s.visit.Level().Allows(checks.Active):
		return extent{}, checks.Because(checks.ReasonNotAsked, "a burst is asked for with --level active")
	case s.passing != nil:
		return extent{}, checks.Because(checks.ReasonNotAsked, "a request was rejected without a burst")
	}
	for _, r := range s.all {
		if r.status == http.StatusServiceUnavailable {
			return extent{}, checks.Because(checks.ReasonThrottled, "HTTP 503 was answered before any burst")
		}
	}
	if err := s.unheard(); err != nil {
		return extent{}, err
	}
	if s.movement == fell && (s.agreed.IsZero() || s.facts.OverAgreed != nil && !*s.facts.OverAgreed) {
		return extent{}, checks.Because(checks.ReasonNotAsked, "the header tells of a limit that is counted")
	}
	size, err := burstSize(s.agreed)
	if err == nil {
		err = affordable(s.quota, size.requests)
	}
	return size, err
}

// baseline is how long the request takes at leisure: the shortest of the
// application's answers to it.
func baseline(own []reading, target string) time.Duration {
	var shortest time.Duration
	for _, r := range own {
		wait := r.exchange.Wait
		if r.target == target && r.served() && !r.cached && wait > 0 && (shortest == 0 || wait < shortest) {
			shortest = wait
		}
	}
	return shortest
}

// quick is how soon one request must follow another for a 503 to be a limit's.
const quick = 2 * time.Second

// rejectedInPassing finds a rejection for too many requests among answers that
// nobody hurried. A 503 is one only when it says so in its header, follows at
// once upon an answer that was none, and to a request that was accepted before.
func rejectedInPassing(all []reading) *reading {
	accepted := make(map[string]bool) // by target
	for i := range all {
		r := &all[i]
		switch r.status {
		case http.StatusTooManyRequests, statusEnhanceYourCalm, statusBandwidthExceeded:
			return r
		case http.StatusServiceUnavailable:
			if i > 0 && accepted[r.target] && tellsOfLimit(r) &&
				!all[i-1].exchange.Throttled() && r.sent.Sub(all[i-1].sent) <= quick {
				return r
			}
		default:
			accepted[r.target] = accepted[r.target] || r.served()
		}
	}
	return nil
}

// tellsOfLimit reports a header that a server in trouble has no reason to send.
func tellsOfLimit(r *reading) bool {
	_, waits := r.exchange.RetryAfter()
	return waits || familyOf(r.exchange.Header, r.quotas) != familyNone
}

// enforcement notes what became of requests beyond the limit.
func (s *survey) enforcement() {
	s.shaping()
	enforced, why := s.enforced()
	s.set("enforced", &s.facts.Enforced, enforced, why)
	force := enforced
	switch {
	case enforced == yes:
	case s.trial != nil && s.trial.ignoresItsCounter():
		force = no
	case s.movement == fell:
		force = yes
	}
	s.set("in_force", &s.facts.InForce, force, why)
	exceeded, why := s.exceeded()
	s.set("exceeds_agreed", &s.facts.Exceeded, exceeded, why)
	below, why := s.below()
	s.set("below_agreed", &s.facts.Below, below, why)
	switch {
	case s.trial == nil:
		s.visit.Unknown("rejected_at", s.noBurst)
	case s.trial.rejected == nil:
		s.visit.UnknownReason("rejected_at", checks.ReasonNotAsked, "no request of the burst was rejected")
	default:
		s.facts.RejectedAt = new(s.trial.sent)
	}
}

func (s *survey) set(name string, fact **bool, a answer, why error) {
	if a == neither {
		s.visit.Unknown(name, why)
		return
	}
	*fact = new(a == yes)
}

// shaping notes whether answers were held back.
func (s *survey) shaping() {
	const notShaped = "requests are not held back at a rate"
	switch t := s.trial; {
	case t == nil:
		s.visit.Unknown("shaped", s.noBurst)
		s.visit.Unknown("shaped_rate", s.noBurst)
	case !t.shape.known:
		s.visit.UnknownReason("shaped", checks.ReasonAmbiguous, "too few answers to tell")
		s.visit.UnknownReason("shaped_rate", checks.ReasonAmbiguous, "too few answers to tell")
	case t.shape.shaped:
		s.facts.Shaped, s.facts.ShapedRate = new(true), new(rounded(t.shape.rate))
	default:
		s.facts.Shaped = new(false)
		s.visit.UnknownReason("shaped_rate", checks.ReasonNotAsked, notShaped)
	}
}

// enforced tells whether requests were rejected or held back; why is set when
// neither is known.
func (s *survey) enforced() (a answer, why error) {
	t := s.trial
	switch {
	case s.passing != nil:
		return yes, nil
	case t == nil:
		return neither, s.noBurst
	case t.rejected != nil, t.calmDown, t.shape.shaped:
		return yes, nil
	case t.ignoresItsCounter():
		return no, nil
	case t.err != nil:
		return neither, t.err
	case t.size.conclude && exceeds(t.agreed, t.accepted, t.last) == yes:
		return no, nil
	default:
		return neither, t.inconclusive()
	}
}

// exceeded tells whether more than the agreed number came through.
func (s *survey) exceeded() (a answer, why error) {
	t := s.trial
	switch {
	case s.agreed.IsZero():
		return neither, checks.Because(checks.ReasonNotAsked, noneAgreed)
	case t == nil && s.passing != nil && exceeds(s.agreed, s.acceptedBefore(s.passing.sent), 0) == no:
		return no, nil
	case t == nil:
		return neither, s.noBurst
	case t.shape.shaped && t.shape.rate <= tolerance*float64(s.agreed.Count)/s.agreed.Window.Seconds():
		return no, nil
	}
	switch verdict := exceeds(s.agreed, t.accepted, t.last); {
	case verdict == yes, t.shape.shaped:
		return yes, nil
	case verdict == no && (t.rejected != nil || t.calmDown):
		return no, nil
	case t.err != nil:
		return neither, t.err
	default:
		return neither, t.inconclusive()
	}
}

// below tells whether less than half of the agreed number comes through.
func (s *survey) below() (a answer, why error) {
	t := s.trial
	switch {
	case s.agreed.IsZero():
		return neither, checks.Because(checks.ReasonNotAsked, noneAgreed)
	case s.ownErr != nil:
		return neither, s.ownErr
	}
	count := farBelow * float64(s.agreed.Count)
	if s.quota.window > 0 {
		for i := len(s.own) - 1; i >= 0; i-- {
			if len(s.own[i].quotas) > 0 {
				return verdict(below(s.own[i].quotas, s.agreed)), nil
			}
		}
	}
	switch {
	case t == nil:
		return neither, s.noBurst
	case t.shape.shaped:
		return verdict(t.shape.rate*s.agreed.Window.Seconds() < count), nil
	case float64(t.accepted) >= count:
		return no, nil
	case t.rejected != nil:
		return verdict(float64(t.accepted+s.acceptedBefore(t.start)) < count), nil
	case t.err != nil:
		return neither, t.err
	default:
		return neither, t.inconclusive()
	}
}

func verdict(b bool) answer {
	if b {
		return yes
	}
	return no
}

// acceptedBefore counts the requests of the same client that a limit with the
// agreed window has counted at a moment.
func (s *survey) acceptedBefore(moment time.Time) int {
	n := 0
	for _, r := range s.own {
		if since := moment.Sub(r.sent); since > 0 && since <= s.agreed.Window && !r.exchange.Throttled() {
			n++
		}
	}
	return n
}

// inconclusive says why a burst that came through tells nothing.
func (t *trial) inconclusive() error {
	all := fmt.Sprintf("%d requests in %s all came through", t.accepted, seconds(t.last))
	switch {
	case t.agreed.IsZero():
		return checks.Because(checks.ReasonNotAsked, "%s, and %s", all, noneAgreed)
	case !t.size.conclude:
		return checks.Because(checks.ReasonBudget, "%s; %g times the agreed %d is more than a burst may send", all, tolerance, t.agreed.Count)
	default:
		return checks.Because(checks.ReasonAmbiguous, "%s: too slow to go beyond %d in %s for certain", all, t.agreed.Count, t.agreed.Window)
	}
}
