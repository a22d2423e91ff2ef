// Package oauth reads what a link's host publishes about its use of OAuth 2.0:
// the metadata of the protected resource, of the authorization server, and the
// server's keys. Other hosts that it names are reported and never asked.
package oauth

import (
	"context"
	"fmt"
	"net/url"
	"slices"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// moreAsks is how many requests answers may call for: the metadata that a
// challenge names, two places for those of an issuer with a path, and the keys.
const moreAsks = 1 + 2 + 1

// Probe gathers the facts of namespace "oauth".
func Probe() checks.Probe {
	return checks.New(checks.Spec{
		Name:  "oauth",
		Doc:   "Reads the OAuth metadata and keys that the link's own host publishes; other hosts are reported and not asked.",
		Level: checks.Observe,
		Applies: func(l *inventory.Link) bool {
			tokens := l.Auth.Type == inventory.AuthOAuth2 || l.Auth.Type == inventory.AuthBearer
			return tokens && l.Kind == inventory.KindEndpoint && l.Target().HTTP()
		},
		Plan: func(s checks.Scope) checks.Cost {
			r := requestsFor(s.Link)
			cost := checks.Cost{
				Connections: 1, MoreAsks: moreAsks,
				Asks: httpclient.Names(r.declared, r.random, r.resource, r.server, r.openID),
			}
			if r.resource.Certificate {
				cost.Connections++
			}
			return cost
		},
	}, observe)
}

// requests are those that every link is sent. The first two are answered
// already where another probe has sent them.
type requests struct {
	declared, random         httpclient.Request
	resource, server, openID httpclient.Request
}

func requestsFor(l *inventory.Link) requests {
	return requests{
		random:   httpclient.Request{Random: 1},
		resource: metadataRequest(l, siteOf(l).resourceURI()),
		server:   metadataRequest(l, serverPath),
		openID:   metadataRequest(l, openIDPath),
	}
}

// metadataRequest asks with the client certificate where one is agreed on:
// such hosts say nothing without.
func metadataRequest(l *inventory.Link, uri string) httpclient.Request {
	certificate := l.TLS.MTLS == inventory.MTLSRequired && !l.TLS.ClientCert.IsZero()
	return httpclient.Request{URI: uri, Certificate: certificate}
}

// survey is one visit of the probe.
type survey struct {
	visit    *checks.Visit
	talk     *httpclient.Conversation
	site     site
	control  *httpclient.Response // at a random path; nil when there is none
	named    bool                 // a challenge names metadata
	resource published
	server   published
	keys     keySet
}

func observe(ctx context.Context, v *checks.Visit) (*Facts, error) {
	s := &survey{visit: v, talk: httpclient.Talk(v), site: siteOf(v.Link())}
	r := requestsFor(v.Link())
	_, unanswered := s.talk.Ask(ctx, r.declared)
	if control, err := s.talk.Ask(ctx, r.random); err == nil {
		s.control = control.Response
	}
	s.findResource(ctx, r)
	s.findServer(ctx, r)
	if len(s.talk.Seen()) == 0 && unanswered != nil {
		return nil, unanswered
	}
	s.fetchKeys(ctx)
	return s.facts(), nil
}

// ask sends a request for metadata and reads the answer.
func (s *survey) ask(ctx context.Context, k kind, r httpclient.Request) (document, error) {
	e, err := s.talk.Ask(ctx, r)
	if err != nil {
		return document{}, err
	}
	m, err := k.read(e.Response, s.control)
	if err != nil && !isAbsent(err) {
		err = fmt.Errorf("%s: %w", r.Name(), err)
	}
	if err != nil {
		return document{}, err
	}
	s.visit.Evidence("oauth", r.Name()+": "+e.String())
	return document{members: m, url: s.site.origin + r.URI}, nil
}

// findResource looks for the metadata of the protected resource: at its place,
// and where a challenge says they are (RFC 9728 section 5.1). What the
// resource itself says counts.
func (s *survey) findResource(ctx context.Context, r requests) {
	at, elsewhere := s.namedMetadata()
	var failures []error
	ask := func(r httpclient.Request) {
		if d, err := s.ask(ctx, resourceKind, r); err == nil {
			d.expected = s.site.origin + s.site.path
			s.resource.add(d)
		} else {
			failures = append(failures, err)
		}
	}
	ask(r.resource)
	if at != "" && at != r.resource.URI {
		before := s.resource.documents
		s.resource.documents = nil
		ask(metadataRequest(s.visit.Link(), at))
		if len(s.resource.documents) == 0 {
			s.resource.documents = before
		}
	}
	if elsewhere != "" {
		failures = append(failures, checks.Because(checks.ReasonNotAsked, "the resource names metadata on another host, which is not asked"))
		s.visit.Evidence("oauth", "the challenge names "+elsewhere)
	}
	s.resource.settle(failures...)
}

// namedMetadata is where a challenge of the declared URL says that metadata
// are: a path on the link's own host and port, or a URL elsewhere.
func (s *survey) namedMetadata() (uri, elsewhere string) {
	if s.site.secret { // it may well hold the secret
		return "", ""
	}
	for _, e := range s.talk.Seen() {
		if e.Request.URI != "" || e.Request.Random != 0 {
			continue
		}
		for _, c := range httpclient.Challenges(e.Header) {
			text := c.Params["resource_metadata"]
			u, ok := parseURL(text)
			if !ok {
				continue
			}
			s.named = true
			if s.site.has(u) {
				return u.RequestURI(), ""
			}
			return "", originOf(u)
		}
	}
	return "", ""
}

// findServer looks for the metadata of an authorization server on the link's
// own host, in both forms: of one with a path when the resource names it, else
// of the host.
func (s *survey) findServer(ctx context.Context, r requests) {
	var failures []error
	find := func(r httpclient.Request, expected string) bool {
		d, err := s.ask(ctx, serverKind, r)
		if err != nil {
			failures = append(failures, err)
			return false
		}
		d.expected = expected
		s.server.add(d)
		return true
	}
	text, issuer := s.ownIssuer()
	path := ""
	if issuer != nil {
		path = pathOf(issuer)
	}
	if path == "" {
		find(r.server, text)
		find(r.openID, text)
		s.server.settle(failures...)
		return
	}
	l := s.visit.Link()
	find(r.server, "")
	find(r.openID, "")
	ofHost := s.server.documents
	s.server.documents = nil
	if !find(metadataRequest(l, serverPath+path), text) && !find(metadataRequest(l, path+openIDPath), text) {
		s.server.documents = ofHost
	}
	s.server.settle(failures...)
}

// ownIssuer is the first authorization server on the link's own host that the
// resource names, as it is written.
func (s *survey) ownIssuer() (string, *url.URL) {
	list, _, err := s.resource.list("authorization_servers")
	if err != nil {
		return "", nil
	}
	for _, text := range list {
		if u, ok := parseURL(text); ok && s.site.has(u) {
			return text, u
		}
	}
	return "", nil
}

// foreign lists the authorization servers on other hosts, as they are written.
func (s *survey) foreign() ([]string, error) {
	named, _, err := s.resource.list("authorization_servers")
	if err != nil && (len(s.server.documents) == 0 || !isAbsent(err)) {
		return nil, err
	}
	for _, d := range s.server.documents {
		issuer, _, err := d.text("issuer")
		if err != nil {
			return nil, err
		}
		named = append(named, issuer)
	}
	named = slices.DeleteFunc(named, func(text string) bool {
		u, ok := parseURL(text)
		return ok && s.site.has(u)
	})
	for _, text := range named {
		if _, ok := parseURL(text); !ok {
			return nil, garbage("authorization_servers holds what is no URL")
		}
	}
	return named, nil
}
