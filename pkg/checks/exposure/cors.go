package exposure

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
)

// corsFacts are the facts about other origins.
var corsFacts = []string{"cors_reflects_origin", "cors_wildcard", "cors_credentials", "cors_null_origin", "cors_on_error"}

// nullOrigin is what a page has for an origin that may be anybody's: a frame in
// a sandbox, a file (RFC 6454 section 7.3).
const nullOrigin = "null"

// foreignOrigin is one that nobody has: the top-level domain is reserved (RFC
// 6761 section 6.4).
func foreignOrigin() string { return "https://" + strings.ToLower(rand.Text()) + ".invalid" }

// crossOrigin is the GET that a page of another origin sends.
func crossOrigin(origin string) httpclient.Request {
	return httpclient.Request{Header: http.Header{"Origin": {origin}}}
}

// preflight is what a browser asks before it sends a GET with a credential in
// a header (Fetch standard, "CORS-preflight request").
func preflight(origin string) httpclient.Request {
	return httpclient.Request{Method: http.MethodOptions, Header: http.Header{
		"Origin":                         {origin},
		"Access-Control-Request-Method":  {http.MethodGet},
		"Access-Control-Request-Headers": {"authorization"},
	}}
}

// consent is what an answer says to a page of another origin.
type consent struct {
	answer
	origin      string // Access-Control-Allow-Origin
	credentials bool
}

func (a answer) consent() consent {
	c := consent{answer: a}
	if a.err == nil {
		// Browsers refuse more than one value, and any spelling but this.
		c.origin = strings.Join(a.Header.Values("Access-Control-Allow-Origin"), ", ")
		c.credentials = strings.Join(a.Header.Values("Access-Control-Allow-Credentials"), ", ") == "true"
	}
	return c
}

// open says why the answer leaves the question open; nil means that it does
// not. An API that serves other origins answers the preflight with a success,
// for it carries no credential; so a refusal is an answer as well.
func (c consent) open() error {
	switch {
	case c.err != nil:
		return c.err
	case c.Throttled():
		return checks.Because(checks.ReasonThrottled, "%s: HTTP %d", c.Request.Name(), c.Status)
	case c.Status >= 500 && c.Status != http.StatusNotImplemented:
		return ambiguous(c.answer, "which says nothing of other origins")
	}
	return nil
}

// cors asks whether pages of other origins may read what the link answers. A
// browser heeds the headers of a success; those of an error let a page read
// the error.
func (s *survey) cors(ctx context.Context) {
	origin := foreignOrigin()
	asked := []httpclient.Request{crossOrigin(origin), preflight(origin)}
	consents := make([]consent, 0, len(asked)+1)
	for _, r := range asked {
		consents = append(consents, s.ask(ctx, r).consent())
	}
	reflects := s.anyConsent(consents, "cors_reflects_origin", func(c consent) bool { return c.success() && c.origin == origin })
	s.facts.CORSReflectsOrigin = reflects
	s.facts.CORSWildcard = s.anyConsent(consents, "cors_wildcard", func(c consent) bool { return c.success() && c.origin == "*" })
	s.facts.CORSOnError = s.anyConsent(consents, "cors_on_error", func(c consent) bool {
		return c.err == nil && !c.success() && c.origin == origin && c.credentials
	})
	null := consents
	switch {
	case reflects != nil && *reflects:
		null = append(consents, s.askNull(ctx, consents, origin).consent())
		s.facts.CORSNullOrigin = s.anyConsent(null, "cors_null_origin", isNull)
	case reflects != nil && !anyOf(consents, isNull):
		s.visit.UnknownReason("cors_null_origin", checks.ReasonNotAsked, "asked only where an unknown origin is allowed")
	default:
		s.facts.CORSNullOrigin = s.anyConsent(consents, "cors_null_origin", isNull)
	}
	s.facts.CORSCredentials = s.anyConsent(null, "cors_credentials", func(c consent) bool {
		return c.success() && c.credentials && (c.origin == origin || c.origin == "*" || c.origin == nullOrigin)
	})
	for _, c := range null {
		s.noteConsent(c, origin)
	}
}

func isNull(c consent) bool { return c.success() && c.origin == nullOrigin }

// askNull repeats, with the origin null, the request whose answer allowed the
// foreign one.
func (s *survey) askNull(ctx context.Context, consents []consent, origin string) answer {
	for _, c := range consents {
		if c.success() && c.origin == origin {
			r := c.Request
			r.Header, r.Note = r.Header.Clone(), "null"
			r.Header.Set("Origin", nullOrigin)
			return s.ask(ctx, r)
		}
	}
	return answer{err: checks.Because(checks.ReasonBug, "no answer allows the foreign origin")}
}

func anyOf(consents []consent, is func(consent) bool) bool {
	for _, c := range consents {
		if is(c) {
			return true
		}
	}
	return false
}

// anyConsent is true once an answer shows it, and false when none is left open.
func (s *survey) anyConsent(consents []consent, fact string, is func(consent) bool) *bool {
	if anyOf(consents, is) {
		return new(true)
	}
	for _, c := range consents {
		if err := c.open(); err != nil {
			s.visit.Unknown(fact, err)
			return nil
		}
	}
	return new(false)
}

// noteConsent keeps who was let in, without the random name.
func (s *survey) noteConsent(c consent, origin string) {
	if c.err != nil || c.origin == "" {
		return
	}
	allowed := c.origin
	if allowed == origin {
		allowed = "the origin that asked"
	}
	text := fmt.Sprintf("%s: HTTP %d, allows %s", c.Request.Name(), c.Status, allowed)
	if c.credentials {
		text += ", with credentials"
	}
	s.visit.Evidence("cors", text)
}
