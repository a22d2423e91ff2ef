// Package ratelimit finds out whether a server limits how many requests it
// takes, what it says of that, and whether it is what was agreed.
package ratelimit

import (
	"context"
	"slices"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// Probe gathers the facts of namespace "rate_limit". It reads every answer that
// the link's probes were given so far. Where one tells of a limit it sends one
// request more: the declared URL again, to see the remainder fall. At level
// active it sends a burst where no header answers the question. Of a webhook it only reads.
func Probe() checks.Probe {
	return checks.New(checks.Spec{
		Name:    "rate_limit",
		Doc:     "Reads what the server says of its rate limit, sees whether the remainder falls, and at level active sends a capped burst.",
		Level:   checks.Observe,
		Applies: func(l *inventory.Link) bool { return l.Target().HTTP() },
		Plan:    plan,
	}, observe)
}

// again marks the repetition of a request.
const again = "again for the rate limit"

// requests are those of the one whose limit matters, in order: the link's own
// credential where there is one and it may be sent, for limits differ from
// client to client.
func requests(l *inventory.Link, level checks.Level, own *httpclient.Credential) []httpclient.Request {
	if l.Kind != inventory.KindEndpoint {
		return nil
	}
	first := httpclient.Declared(l)
	first.Certificate = certified(l)
	if identified(l, level) {
		first.Credential = own
	}
	second := first
	second.Note = again
	return []httpclient.Request{first, second}
}

// certified reports whether the link's own client certificate is presented.
func certified(l *inventory.Link) bool { return l.Target().TLS() && !l.TLS.ClientCert.IsZero() }

// identified reports whether the link's own credential is sent. That takes TLS.
func identified(l *inventory.Link, level checks.Level) bool {
	return l.Target().TLS() && httpclient.HasDeclared(l, level)
}

func plan(s checks.Scope) checks.Cost {
	named := httpclient.NewCredential(httpclient.DeclaredName, true, nil)
	asks := requests(s.Link, s.Level, named)
	if asks == nil {
		return checks.Cost{}
	}
	cost := checks.Cost{Connections: 1, Asks: httpclient.Names(asks[:1]...), MoreAsks: 1}
	if s.Level.Allows(checks.Active) {
		cost.Asks, cost.MoreAsks = httpclient.Names(asks...), 0
		cost.Burst = burstCost(s.Link.RateLimit)
		cost.Connections += 1 + parallel
	}
	return cost
}

// survey is one visit of the probe.
type survey struct {
	visit  *checks.Visit
	talk   *httpclient.Conversation
	agreed inventory.Rate
	facts  *Facts

	last     *httpclient.Request // the one to repeat; nil when none was answered
	all      []reading
	own      []reading // answers to the client that the limit is for
	ownErr   error     // why there are none, or none that count
	quota    quota     // that binds most; limit zero when none is stated
	movement movement
	passing  *reading // a rejection that was seen without a burst
	noBurst  error    // why no burst was sent
	trial    *trial   // nil when none was
}

func observe(ctx context.Context, v *checks.Visit) (*Facts, error) {
	s := &survey{visit: v, talk: httpclient.Talk(v), agreed: v.Link().RateLimit, facts: &Facts{}}
	err := s.ask(ctx)
	s.harvest()
	if len(s.all) == 0 {
		if err == nil {
			err = checks.Because(checks.ReasonNotAsked, "no request was sent to this %s", v.Link().Kind)
		}
		return nil, err
	}
	if s.ownErr == nil {
		s.ownErr = err
	}
	s.advertisement()
	s.remainder()
	s.compare()
	s.burst(ctx)
	s.enforcement()
	s.rejection()
	return s.facts, nil
}

// ask sends the request whose limit matters, and again where a limit is told. A
// server that asks for less is not asked again.
func (s *survey) ask(ctx context.Context) error {
	link, level := s.visit.Link(), s.visit.Level()
	var own *httpclient.Credential
	if identified(link, level) {
		var err error
		if own, err = s.talk.Declared(ctx); err != nil {
			return err
		}
	}
	for _, r := range requests(link, level, own) {
		e, err := s.talk.Ask(ctx, r)
		if err != nil {
			return err
		}
		s.last = &r
		if e.Throttled() || !level.Allows(checks.Active) && !s.stated() {
			return nil // there is no remainder to see fall, and no burst for which a server must be warm
		}
	}
	return nil
}

// stated reports whether any answer so far tells of a limit.
func (s *survey) stated() bool {
	return slices.ContainsFunc(s.talk.Seen(), func(e *httpclient.Exchange) bool { return len(read(e).quotas) > 0 })
}

// harvest reads all answers so far, and sorts out those that the limit is for.
func (s *survey) harvest() {
	declared := httpclient.HasDeclared(s.visit.Link(), s.visit.Level())
	withCertificate := certified(s.visit.Link())
	for _, e := range s.talk.Seen() {
		r := read(e)
		s.all = append(s.all, r)
		credential := e.Request.Credential
		if declared == (credential != nil) && (!declared || credential.Name() == httpclient.DeclaredName) &&
			e.Request.Certificate == withCertificate {
			s.own = append(s.own, r)
		}
	}
	switch {
	case declared && !s.visit.Target().TLS():
		s.ownErr = checks.Because(checks.ReasonNotTested, "the limit is for the declared credential, which is not sent without TLS")
	case s.visit.Link().Kind != inventory.KindEndpoint:
		s.ownErr = checks.Because(checks.ReasonNotAsked, "a %s is not asked for its limit", s.visit.Link().Kind)
	}
}

// speaking are the answers whose headers count: those to the client that the
// limit is for, or any when it was given none.
func (s *survey) speaking() []reading {
	if len(s.own) > 0 {
		return s.own
	}
	return s.all
}

// unheard says why no answer of the application to the repeated request is
// there to judge by, or nil when there is one.
func (s *survey) unheard() error {
	if s.ownErr != nil {
		return s.ownErr
	}
	for _, r := range slices.Backward(s.own) {
		if s.last == nil || r.target != target(*s.last) {
			continue
		}
		switch {
		case r.cached:
			return checks.Because(checks.ReasonNotTested, "a cache answers in place of the server")
		case r.exchange.Throttled():
			return checks.Because(checks.ReasonThrottled, "HTTP %d", r.status)
		case !r.served():
			return checks.Because(checks.ReasonNotTested, "HTTP %d may not count toward the limit of those who are let in", r.status)
		}
		return nil
	}
	return checks.Because(checks.ReasonNotTested, "nothing was answered to the declared URL")
}
