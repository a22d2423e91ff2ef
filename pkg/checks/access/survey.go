package access

import (
	"context"
	"net/url"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// survey is one visit of the probe.
type survey struct {
	visit    *checks.Visit
	talk     *httpclient.Conversation
	requests requests
	at       *url.URL // the declared URL
	repeats  int      // how many more times a server that is busy is asked again
	facts    *Facts

	// The answers; nil where nothing was asked.
	bare, none, garbage, inQuery, own, other *answer
	randoms                                  []*answer
	tampered                                 []spoilt
	noTampering                              error // why there are none

	unproven error // why the client certificate is not presented
	bodies   map[*answer]*features
}

// spoilt is the answer to a tampered credential.
type spoilt struct {
	name string
	*answer
}

func newSurvey(v *checks.Visit) *survey {
	l := v.Link()
	at, err := l.RequestURL()
	if err != nil {
		at = l.URL
	}
	return &survey{
		visit: v, talk: httpclient.Talk(v), requests: requestsFor(l, v.Level()), at: at,
		repeats: 1, facts: &Facts{}, bodies: make(map[*answer]*features),
	}
}

// ask sends all requests, the link's own credential last: a cache on the way
// must not be given an answer that it could replay. The error says why nothing
// can be learned.
func (s *survey) ask(ctx context.Context) error {
	r := s.requests
	s.bare = s.send(ctx, r.bare)
	s.none = s.bare
	presents := r.certified || r.mutual && r.asksOwn
	if presents {
		s.unproven = s.prove(ctx)
	}
	if r.certified {
		s.none = s.send(ctx, r.none)
	}
	if s.none.is(kindSilent) && (r.certified || !presents) {
		return s.none.err
	}
	if s.none.is(kindAlert) {
		s.endsBefore()
	} else {
		s.askMore(ctx)
	}
	s.tamper(ctx)
	if r.asksOwn {
		s.own = s.askOwn(ctx)
	}
	if r.asksOverride {
		s.other = s.askOverride(ctx)
	}
	return nil
}

// askMore sends what comes between the first request and the last.
func (s *survey) askMore(ctx context.Context) {
	r := s.requests
	for _, random := range r.randoms {
		s.randoms = append(s.randoms, s.send(ctx, random))
	}
	if r.asksGarbage {
		credential := garbage(s.visit.Link(), s.challengeScheme(), s.ownToken(ctx), s.visit.Now())
		s.garbage = s.send(ctx, with(r.garbage, credential))
	}
	if r.asksInQuery {
		s.inQuery = s.send(ctx, with(r.inQuery, garbageInQuery(s.visit.Link())))
	}
}

// endsBefore stands for requests that would end as the first did: TLS does not
// look at the credential in them.
func (s *survey) endsBefore() {
	if s.requests.asksGarbage {
		s.garbage = s.none
	}
	if s.requests.asksInQuery {
		s.inQuery = s.none
	}
}

// send asks once; of all requests one is sent once more, the first whose server
// is busy or fails.
func (s *survey) send(ctx context.Context, r httpclient.Request) *answer {
	a := s.exchange(ctx, r)
	if a.is(kindBusy, kindFailed) && s.repeats > 0 {
		s.repeats--
		r.Note = "retry"
		if again := s.exchange(ctx, r); again.Exchange != nil {
			return again
		}
	}
	return a
}

func (s *survey) exchange(ctx context.Context, r httpclient.Request) *answer {
	e, err := s.talk.Ask(ctx, r)
	a := newAnswer(e, err, s.at)
	if _, isAlert := checks.AlertOf(err); err == nil || isAlert {
		s.note(r, a.String())
	}
	return a
}

// note keeps what a request led to. No colon follows the word credential: what
// stands behind one would be taken for it, and masked.
func (s *survey) note(r httpclient.Request, what string) {
	s.visit.Evidence("http", r.Name()+" -> "+what)
}

// prove reports why the client certificate is not presented: it says who we
// are, and goes only to a peer that is who the inventory says.
func (s *survey) prove(ctx context.Context) error {
	h, err := s.visit.Handshake(ctx)
	if err != nil {
		return err
	}
	// The handshake of a server that insists on a certificate did not complete.
	if err := s.visit.Verify(&checks.Handshake{Chain: h.Chain}); err != nil {
		return checks.Because(checks.ReasonNotTested, "the client certificate is not presented to an unproven peer: %w", err)
	}
	return nil
}

// challengeScheme is the scheme that the server asks for, empty when it does not
// say.
func (s *survey) challengeScheme() string {
	if s.none.Exchange == nil {
		return ""
	}
	scheme, _ := agreedScheme(httpclient.Challenges(s.none.Header), s.visit.Link())
	return scheme
}

// ownToken is the link's own token, empty where there is none to be had.
func (s *survey) ownToken(ctx context.Context) string {
	if !s.requests.asksOwn {
		return ""
	}
	own, err := s.talk.Declared(ctx)
	if err != nil {
		return ""
	}
	return own.Token()
}

// tamper sends tampered credentials where a refusal would mean something.
func (s *survey) tamper(ctx context.Context) {
	switch l := s.visit.Link(); {
	case !s.visit.Level().Allows(checks.Active):
		s.noTampering = checks.Because(checks.ReasonNotAsked, "tampered credentials are sent with --level active")
		return
	case !s.requests.asksOwn || s.requests.mutual:
		s.noTampering = checks.Because(checks.ReasonNotAsked, "the inventory states no token or key for this link")
		return
	case l.Auth.Type == inventory.AuthBasic:
		s.noTampering = checks.Because(checks.ReasonNotAsked, "a password carries no signature")
		return
	case s.none.is(kindAlert):
		s.noTampering = checks.Because(checks.ReasonNotTested, "TLS ends before the credential is looked at")
		return
	}
	own, err := s.talk.Declared(ctx)
	if err != nil {
		s.noTampering = err
		return
	}
	list := tamperings(s.visit.Link(), own)
	switch {
	case len(list) == 0:
		s.noTampering = checks.Because(checks.ReasonNotAsked, "the token is opaque: it carries no signature to be seen")
		return
	case !s.none.refusal() || !s.garbage.refusal():
		s.noTampering = checks.Because(checks.ReasonNotTested, "a garbage credential, or none, is not refused either")
		return
	}
	for _, t := range list {
		s.visit.Conceal(t.credential.Token())
		s.tampered = append(s.tampered, spoilt{t.name, s.send(ctx, with(s.requests.none, t.credential))})
	}
}

// askOwn sends the link's own credential.
func (s *survey) askOwn(ctx context.Context) *answer {
	r := s.requests.own
	if s.requests.mutual {
		if s.unproven != nil {
			return newAnswer(nil, s.unproven, s.at)
		}
		return s.send(ctx, r)
	}
	own, err := s.talk.Declared(ctx)
	if err != nil {
		return newAnswer(nil, err, s.at)
	}
	return s.send(ctx, with(r, own))
}

// askOverride repeats the last request with a method override, where it was
// answered.
func (s *survey) askOverride(ctx context.Context) *answer {
	base, r := s.overrideBase(), s.requests.other
	if base.Exchange == nil {
		return newAnswer(nil, base.err, s.at)
	}
	return s.exchange(ctx, with(r, base.Request.Credential))
}

// overrideBase is the answer that a method override may change.
func (s *survey) overrideBase() *answer {
	if s.own != nil {
		return s.own
	}
	return s.none
}

// features finds those of an answer, once.
func (s *survey) features(a *answer) *features {
	f := s.bodies[a]
	if f == nil {
		f = describeBody(a.Response, reflections(s.at.Path))
		s.bodies[a] = f
	}
	return f
}

func (s *survey) compare(a, b *answer) likeness { return compare(s.features(a), s.features(b)) }
