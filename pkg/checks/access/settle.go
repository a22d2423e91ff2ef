package access

import (
	"context"
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// notAsked makes the reason of a fact that there is nothing to ask about.
func notAsked(format string, args ...any) error {
	return checks.Because(checks.ReasonNotAsked, format, args...)
}

func (s *survey) unknown(fact string, err error) { s.visit.Unknown(fact, err) }

// settle makes facts of the answers.
func (s *survey) settle(ctx context.Context) {
	bare := s.weigh(ctx, s.bare)
	s.put("without_token", &s.facts.WithoutToken, bare)
	if bare.is(accepted) {
		s.facts.Basis = &bare.basis
	} else if bare.err != nil {
		s.unknown("basis", bare.err)
	} else {
		s.unknown("basis", notAsked("a request without a credential is %s", bare.value))
	}
	s.settleGarbage(ctx, bare)
	s.settleOwn()
	s.settleTampered(ctx)
	s.settleChallenge()
	s.settleRedirect()
	s.settleTokenInURL()
	s.settleOverride()
}

// put keeps an outcome as a fact.
func (s *survey) put(name string, fact **string, o outcome) {
	if o.value != "" {
		*fact = &o.value
		return
	}
	s.unknown(name, o.err)
}

// settleGarbage is about the garbage credential, and what went the same way
// without one.
func (s *survey) settleGarbage(ctx context.Context, bare outcome) {
	none := bare
	switch {
	case !s.requests.certified:
		s.unknown("with_certificate_alone", notAsked("the inventory does not name both a token and a client certificate"))
	case s.unproven != nil:
		none = s.weigh(ctx, s.none)
		s.unknown("with_certificate_alone", s.unproven)
	default:
		none = s.weigh(ctx, s.none)
		s.put("with_certificate_alone", &s.facts.WithCertificateAlone, none)
	}
	if s.garbage == nil {
		err := notAsked("the inventory says that there is no credential")
		if s.requests.mutual {
			err = notAsked("the credential is a client certificate: see client_auth.any_certificate_accepted")
		}
		s.unknown("with_garbage_token", err)
		s.unknown("presence_only", err)
		return
	}
	garbage := s.weighBad(ctx, s.garbage)
	s.put("with_garbage_token", &s.facts.WithGarbageToken, garbage)
	switch {
	case none.is(accepted), garbage.value != "" && !garbage.is(accepted):
		s.facts.PresenceOnly = new(false)
	case garbage.err != nil:
		s.unknown("presence_only", garbage.err)
	case none.err != nil:
		s.unknown("presence_only", none.err)
	default:
		s.facts.PresenceOnly = new(true)
	}
}

func (s *survey) settleOwn() {
	switch {
	case s.own != nil:
		s.put("credential", &s.facts.Credential, s.weighOwn())
	case s.requests.public:
		s.unknown("credential", notAsked("the inventory says that there is no credential"))
	default:
		s.unknown("credential", notAsked("the inventory states no credential that is used at this level"))
	}
}

// settleTampered takes the worst of the tampered credentials. What was no good
// before says nothing once it is spoilt.
func (s *survey) settleTampered(ctx context.Context) {
	if s.noTampering == nil {
		if own := s.weighOwn(); own.err != nil {
			s.noTampering = own.err
		} else if !own.is(accepted) {
			s.noTampering = checks.Because(checks.ReasonNotTested, "our own credential is %s as well", own.value)
		}
	}
	if s.noTampering != nil {
		s.unknown("with_tampered_token", s.noTampering)
		s.unknown("tampered_accepted", s.noTampering)
		return
	}
	var (
		let   = []string{}
		worst = outcome{value: refused}
		open  error
	)
	for _, t := range s.tampered {
		o := s.weighBad(ctx, t.answer)
		switch {
		case o.is(accepted):
			let = append(let, t.name)
			worst = o
		case o.err != nil:
			open = o.err
		case !worst.is(accepted) && !o.is(refused):
			worst = o
		}
	}
	if open != nil && len(let) == 0 {
		worst = outcome{err: open}
	}
	s.put("with_tampered_token", &s.facts.WithTamperedToken, worst)
	if worst.err != nil {
		s.unknown("tampered_accepted", worst.err)
		return
	}
	s.facts.TamperedAccepted = let
}

// unless is why there is nothing to say about an answer that was not given.
func (s *survey) unless(given string) error {
	if s.none.is(kindSilent, kindBusy, kindFailed) {
		return s.none.err
	}
	return notAsked("the answer without a credential is not %s", given)
}

// settleChallenge is about the first 401.
func (s *survey) settleChallenge() {
	for _, a := range []*answer{s.bare, s.none} {
		if a.Exchange == nil || a.Status != 401 {
			continue
		}
		challenges := httpclient.Challenges(a.Header)
		s.facts.Challenge = new(len(challenges) > 0)
		if scheme, ok := agreedScheme(challenges, s.visit.Link()); ok {
			s.facts.Scheme = &scheme
		} else {
			s.unknown("scheme", notAsked("HTTP 401 without a challenge"))
		}
		return
	}
	err := s.unless("HTTP 401")
	s.unknown("challenge", err)
	s.unknown("scheme", err)
}

// agreedScheme picks the challenge that fits what the inventory says, or else
// the first.
func agreedScheme(challenges []httpclient.Challenge, l *inventory.Link) (string, bool) {
	if len(challenges) == 0 {
		return "", false
	}
	var agreed []string
	switch l.Auth.Type {
	case inventory.AuthBasic:
		agreed = []string{"basic"}
	case inventory.AuthBearer, inventory.AuthOAuth2:
		agreed = []string{"bearer", "dpop"}
	default: // any
	}
	for _, c := range challenges {
		if slices.Contains(agreed, c.Scheme) {
			return c.Scheme, true
		}
	}
	return challenges[0].Scheme, true
}

func (s *survey) settleRedirect() {
	for _, a := range []*answer{s.bare, s.none} {
		if a.is(kindMoved) {
			s.facts.RedirectToLogin = new(leadsToLogin(a.location))
			s.facts.RedirectHostDiffers = new(leadsElsewhere(s.at, a.location))
			return
		}
	}
	err := s.unless("a redirect")
	s.unknown("redirect_to_login", err)
	s.unknown("redirect_host_differs", err)
}

// settleTokenInURL compares refusals. A server that answers a garbage token in
// the query as it answers one in the header, and not as it answers none, has
// read it. The own token is never sent so: it would stay in logs.
func (s *survey) settleTokenInURL() {
	const fact = "token_in_url_accepted"
	auth := s.visit.Link().Auth
	none, header, query := s.none, s.garbage, s.inQuery
	if auth.Type == inventory.AuthAPIKey && auth.Query != "" {
		s.settleKeyInURL(fact)
		return
	}
	if query == nil {
		s.unknown(fact, notAsked("a token is tried in the query with --level active, where tokens or keys are agreed"))
		return
	}
	for _, a := range []*answer{none, header, query} {
		if a.Exchange == nil || a.is(kindBusy, kindFailed) {
			s.unknown(fact, a.err)
			return
		}
	}
	switch {
	case !none.refusal():
		s.unknown(fact, checks.Because(checks.ReasonNotTested, "%s without a token: there is no refusal to compare", none))
	case s.sameAnswer(none, header):
		s.unknown(fact, checks.Because(checks.ReasonAmbiguous, "a garbage token is answered as none is: whether one was read does not show"))
	case s.sameAnswer(query, header):
		s.facts.TokenInURLAccepted = new(true)
	case s.sameAnswer(query, none):
		s.facts.TokenInURLAccepted = new(false)
	default:
		s.unknown(fact, checks.Because(checks.ReasonAmbiguous, "%s to a garbage token in the query: neither as to none nor as in its header", query))
	}
}

// settleKeyInURL is for a key whose place is the query.
func (s *survey) settleKeyInURL(fact string) {
	switch {
	case s.own == nil:
		s.unknown(fact, notAsked("the inventory states no credential that is used at this level"))
	case !s.none.refusal():
		s.unknown(fact, checks.Because(checks.ReasonNotTested, "%s without a key: there is no refusal to compare", s.none))
	default:
		own := s.weighOwn()
		if own.err != nil {
			s.unknown(fact, own.err)
			return
		}
		s.facts.TokenInURLAccepted = new(own.is(accepted) || own.is(forbidden))
	}
}

// sameAnswer reports that two refusals have the same status, the same error in
// their challenge (RFC 6750 section 3.1) and the same text.
func (s *survey) sameAnswer(a, b *answer) bool {
	return a.Status == b.Status && challengeError(a) == challengeError(b) && s.compare(a, b).both() >= alike
}

func challengeError(a *answer) string {
	var codes []string
	for _, c := range httpclient.Challenges(a.Header) {
		codes = append(codes, c.Params["error"])
	}
	return strings.Join(codes, ",")
}
