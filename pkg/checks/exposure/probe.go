// Package exposure gathers what an HTTP server tells or opens to anybody beside
// the link itself: headers, the software behind it, fixed paths that should be
// closed, and other origins it trusts.
package exposure

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// Probe gathers the facts of namespace "http". Of a webhook it reads what was
// answered already, and asks for the declared URL alone: a receiver is seldom
// the owner of all its host.
func Probe() checks.Probe {
	return checks.New(checks.Spec{
		Name:    "http",
		Doc:     "Reads headers and the software they name, asks for 12 paths that should be closed, and whether other origins are trusted (CORS).",
		Level:   checks.Observe,
		Applies: func(l *inventory.Link) bool { return l.Target().HTTP() },
		Plan:    plan,
	}, observe)
}

// plan lists what is asked of a server that answers. The request it may take
// besides asks for the origin null.
func plan(scope checks.Scope) checks.Cost {
	cost := checks.Cost{Connections: 1, Asks: httpclient.Names(httpclient.Request{})}
	if scope.Link.Kind == inventory.KindWebhook {
		return cost
	}
	cost.Asks = append(cost.Asks, httpclient.Names(httpclient.Request{Random: 1})...)
	for _, p := range pathsOf(scope.Link) {
		cost.Asks = append(cost.Asks, p.request().Name())
	}
	origin := foreignOrigin()
	cost.Asks = append(cost.Asks, httpclient.Names(crossOrigin(origin), preflight(origin))...)
	cost.MoreAsks = 1
	graphQL := strings.HasSuffix(strings.TrimSuffix(scope.Link.URL.EscapedPath(), "/"), "/graphql") && scope.Link.URL.RawQuery == ""
	if own, ok := ownRequest(scope.Link, scope.Level); ok && !graphQL {
		cost.Asks = append(cost.Asks, own.Name())
	}
	if !scope.Link.TLS.ClientCert.IsZero() {
		cost.Connections++
	}
	return cost
}

// ownRequest is the GET with all that the inventory states to prove ourselves
// by, as far as its name goes; false when it states nothing, or there is no TLS
// to send it over.
func ownRequest(l *inventory.Link, level checks.Level) (httpclient.Request, bool) {
	if !l.Target().TLS() {
		return httpclient.Request{}, false
	}
	r := httpclient.Request{Certificate: !l.TLS.ClientCert.IsZero()}
	if httpclient.HasDeclared(l, level) {
		r.Credential = new(httpclient.Credential).WithToken(httpclient.DeclaredName, "", true)
	}
	return r, r.Certificate || r.Credential != nil
}

// survey is one visit of the probe.
type survey struct {
	visit *checks.Visit
	talk  *httpclient.Conversation
	facts *Facts

	open    answer // to a GET of the declared URL without credentials
	own     answer // to the same with the link's own
	control answer // to a GET of a random path
}

// answer is what became of a request. Exactly one of its fields is set.
type answer struct {
	*httpclient.Exchange
	err error
}

// success reports an answer with a status of 2xx.
func (a answer) success() bool { return a.err == nil && a.Status/100 == 2 }

func (s *survey) ask(ctx context.Context, r httpclient.Request) answer {
	e, err := s.talk.Ask(ctx, r)
	return answer{e, err}
}

func observe(ctx context.Context, v *checks.Visit) (*Facts, error) {
	s := &survey{visit: v, talk: httpclient.Talk(v), facts: &Facts{}}
	s.open = s.ask(ctx, httpclient.Request{})
	switch {
	case v.Link().Kind == inventory.KindWebhook:
		s.own.err = checks.Because(checks.ReasonNotAsked, "webhooks are not asked with a credential")
		s.closed("webhooks are asked for nothing but their own URL")
	case s.shut(ctx):
		s.own = s.askOwn(ctx)
		s.closed("TLS lets nobody in without a client certificate")
	default:
		s.control = s.ask(ctx, httpclient.Request{Random: 1})
		s.paths(ctx)
		s.cors(ctx)
		s.own = s.askOwn(ctx) // last: no cache could have answered another with it
	}
	if s.open.err != nil && len(s.talk.Seen()) == 0 {
		return nil, s.open.err
	}
	s.timing()
	s.software()
	s.hsts()
	s.caching()
	s.content()
	return s.facts, nil
}

// shut reports that TLS ended for want of a client certificate: nothing behind
// it is open to anybody.
func (s *survey) shut(ctx context.Context) bool {
	if _, alert := checks.AlertOf(s.open.err); !alert {
		return false
	}
	h, err := s.visit.Handshake(ctx)
	return err == nil && h.ClientCertRequested
}

// closed leaves out what is asked of a host besides the declared URL.
func (s *survey) closed(why string) {
	for _, fact := range append([]string{"exposed"}, corsFacts...) {
		s.visit.UnknownReason(fact, checks.ReasonNotAsked, why)
	}
}

// askOwn sends what the link sends, unless another probe has.
func (s *survey) askOwn(ctx context.Context) answer {
	link, level := s.visit.Link(), s.visit.Level()
	r, ok := ownRequest(link, level)
	if !ok && !link.Target().TLS() && httpclient.HasDeclared(link, level) {
		return answer{err: checks.Because(checks.ReasonNotTested, "the link's credential is not sent without TLS")}
	}
	if !ok {
		return answer{err: checks.Because(checks.ReasonNotAsked, "the inventory states no credential for this link that can be used at level %s", level)}
	}
	for _, e := range s.talk.Seen() {
		if sameOwn(e.Request, r, link.URL.EscapedPath()) {
			return answer{Exchange: e}
		}
	}
	if r.Credential != nil {
		var err error
		if r.Credential, err = s.talk.Declared(ctx); err != nil {
			return answer{err: err}
		}
	}
	return s.ask(ctx, r)
}

// sameOwn reports a request that proves the sender as own does, and reads what
// the link reads: the declared URL, or a GraphQL query at its path, for which
// servers that guard against forged requests want a header.
func sameOwn(r, own httpclient.Request, path string) bool {
	for name := range r.Header {
		if name != "Apollo-Require-Preflight" {
			return false
		}
	}
	return (r.Method == "" || r.Method == http.MethodGet) && r.Random == 0 && r.Note == "" &&
		(r.URI == "" || strings.HasPrefix(r.URI, path+"?")) &&
		r.Certificate == own.Certificate && credentialName(r) == credentialName(own)
}

func credentialName(r httpclient.Request) string {
	if r.Credential == nil {
		return ""
	}
	return r.Credential.Name()
}

func (s *survey) timing() {
	if s.open.err != nil {
		s.visit.Unknown("status", s.open.err)
		s.visit.Unknown("latency_ms", s.open.err)
		return
	}
	s.visit.Evidence("http", fmt.Sprintf("%s: %s", s.open.Request.Name(), s.open.Response))
	s.facts.Status = new(s.open.Status)
	if s.open.Sent.IsZero() || s.open.Wait <= 0 {
		s.visit.UnknownReason("latency_ms", checks.ReasonNotTested, "the answer came before the request was written, or was not timed")
		return
	}
	// Whole microseconds: more digits would be noise.
	s.facts.LatencyMS = new(math.Round(float64(s.open.Wait)/float64(time.Microsecond)) / 1000)
}

// shown is the answer that shows best what the link's answers look like: that
// to its own credential if it was a success, else that to none.
func (s *survey) shown() answer {
	if s.own.success() {
		return s.own
	}
	return s.open
}
