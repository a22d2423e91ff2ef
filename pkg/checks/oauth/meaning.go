package oauth

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// facts reads what the documents say. Whatever is not learned has its reason.
func (s *survey) facts() *Facts {
	v := s.visit
	return &Facts{
		Advertised:      learn(v, "advertised", s.advertised),
		Issuer:          learn(v, "issuer", s.issuer),
		IssuerMatches:   learn(v, "issuer_matches", s.issuerMatches),
		ResourceMatches: learn(v, "resource_matches", s.resourceMatches),
		ResourceCovers:  learn(v, "resource_covers", s.resourceCovers),
		ForeignServers:  learnList(v, "foreign_servers", s.foreign),
		SignedMetadata:  learn(v, "signed_metadata", s.signedMetadata),
		EndpointsTLS:    learn(v, "endpoints_tls", s.endpointsTLS),

		TokenEndpointMatchesDeclared: learn(v, "token_endpoint_matches_declared", s.tokenEndpointMatches),
		TokenEndpointAuth:            learnList(v, "token_endpoint_auth", s.clientAuth),
		StrongestClientAuth:          learn(v, "strongest_client_auth", func() (string, error) { return s.clientAuthRank(0) }),
		WeakestClientAuth:            learn(v, "weakest_client_auth", func() (string, error) { return s.clientAuthRank(-1) }),
		CertificateBoundTokens:       learn(v, "certificate_bound_tokens", s.certificateBound),
		DPoP:                         learn(v, "dpop", s.dpop),

		Grants:            learnList(v, "grants", s.grants),
		ClientCredentials: learn(v, "client_credentials", s.offers("client_credentials")),
		Implicit:          learn(v, "implicit", s.implicit),
		PasswordGrant:     learn(v, "password_grant", s.offers("password")),
		PKCES256:          learn(v, "pkce_s256", s.pkce),
		ScopesUnknown:     learnList(v, "scopes_unknown", s.scopesUnknown),

		BearerMethods:       learnList(v, "bearer_methods", s.bearerMethods),
		TokenInQueryAllowed: learn(v, "token_in_query_allowed", s.tokenInQuery),
		SigningAlgorithms:   learnList(v, "signing_algorithms", s.signingAlgorithms),
		NoneAlgorithm:       learn(v, "none_algorithm", s.noneAlgorithm),

		JWKS: s.keys.facts(v),
	}
}

// learn gives the value of a fact, or files why it is not known.
func learn[T any](v *checks.Visit, fact string, read func() (T, error)) *T {
	value, err := read()
	if err != nil {
		v.Unknown(fact, err)
		return nil
	}
	return &value
}

func learnList(v *checks.Visit, fact string, read func() ([]string, error)) []string {
	list, err := read()
	if err == nil {
		list, err = shown(list)
	}
	if err != nil {
		v.Unknown(fact, err)
		return nil
	}
	return append([]string{}, list...)
}

// unstated is the error of a fact that the metadata say nothing about.
func unstated(what string) error {
	return checks.Because(checks.ReasonNotAsked, "the metadata do not state %s", what)
}

func isAbsent(err error) bool { return errors.Is(err, errAbsent) }

func (s *survey) advertised() (bool, error) {
	if s.named || len(s.resource.documents)+len(s.server.documents) > 0 {
		return true, nil
	}
	for _, err := range []error{s.resource.err, s.server.err} {
		if !isAbsent(err) {
			return false, err
		}
	}
	return false, nil
}

func (s *survey) issuer() (string, error) {
	text, _, err := s.server.text("issuer")
	if err == nil && !showable(text, urlMax) {
		err = garbage("the issuer is no URL")
	}
	return text, err
}

// issuerMatches compares as RFC 8414 section 3.3 wants it: the issuer that the
// resource named, or else one whose metadata are at this place.
func (s *survey) issuerMatches() (bool, error) {
	for _, d := range s.server.documents {
		text, _, err := d.text("issuer")
		if err != nil {
			return false, err
		}
		u, ok := parseURL(text)
		if !ok || u.RawQuery != "" || (serverURL(u) != d.url && openIDURL(u) != d.url) || (d.expected != "" && text != d.expected) {
			s.visit.Evidence("oauth", d.url+" is of issuer "+text)
			return false, nil
		}
	}
	return true, s.server.err
}

func (s *survey) resourceMatches() (bool, error) {
	text, _, err := s.resource.text("resource")
	if err != nil {
		return false, err
	}
	expected := s.resource.documents[0].expected
	matches := text == expected || s.site.path == "" && text == expected+"/"
	if !matches {
		s.visit.Evidence("oauth", "the metadata are of resource "+text)
	}
	return matches, nil
}

func (s *survey) resourceCovers() (bool, error) {
	text, _, err := s.resource.text("resource")
	if err != nil {
		return false, err
	}
	u, ok := parseURL(text)
	if s.site.secret && ok && s.site.has(u) && pathOf(u) != "" {
		return false, checks.Because(checks.ReasonNotTested, "the declared path holds a secret")
	}
	return ok && s.site.has(u) && covers(u, s.site.path), nil
}

func (s *survey) signedMetadata() (bool, error) {
	for _, p := range s.parties() {
		text, _, err := p.text("signed_metadata")
		if text != "" || err != nil {
			return text != "", err
		}
	}
	return false, s.missing()
}

// parties are those that something is published about.
func (s *survey) parties() []*published {
	all := []*published{&s.resource, &s.server}
	return slices.DeleteFunc(all, func(p *published) bool { return len(p.documents) == 0 })
}

// missing says why a thing that no party states is not known: the server's
// metadata might have stated it. It is nil when they are there.
func (s *survey) missing() error {
	switch {
	case len(s.server.documents) > 0:
		return nil
	case isAbsent(s.server.err) && len(s.resource.documents) > 0:
		return checks.Because(checks.ReasonNotAsked, "the host publishes no metadata of an authorization server, and others are not asked")
	case isAbsent(s.server.err):
		return s.resource.err
	default:
		return s.server.err
	}
}

// endpointsTLS looks at every member that holds the URL of an endpoint, the
// aliases for client certificates (RFC 8705 section 5) included.
func (s *survey) endpointsTLS() (bool, error) {
	parties := s.parties()
	if len(parties) == 0 {
		return false, s.missing()
	}
	secure := true
	for _, p := range parties {
		servers, _, err := p.list("authorization_servers")
		if err != nil {
			return false, err
		}
		secure = s.secure("authorization_servers", servers...) && secure
		for _, d := range p.documents {
			all, err := s.documentTLS(d.members)
			if err != nil {
				return false, err
			}
			secure = secure && all
		}
	}
	return secure, nil
}

func (s *survey) documentTLS(m members) (bool, error) {
	secure := true
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if !strings.HasSuffix(name, "_endpoint") && name != "jwks_uri" && name != "issuer" {
			continue
		}
		text, ok, err := m.text(name)
		if err != nil {
			return false, err
		}
		if ok {
			secure = s.secure(name, text) && secure
		}
	}
	aliases, err := m.aliases()
	if err != nil || aliases == nil {
		return secure, err
	}
	all, err := s.documentTLS(aliases)
	return secure && all, err
}

func (s *survey) secure(name string, urls ...string) bool {
	for _, text := range urls {
		if u, ok := parseURL(text); !ok || u.Scheme != "https" {
			s.visit.Evidence("oauth", name+" is "+text)
			return false
		}
	}
	return true
}

// aliases are the endpoints for clients with a certificate; nil when there are
// none.
func (m members) aliases() (members, error) {
	var raw json.RawMessage
	if ok, err := m.read("mtls_endpoint_aliases", &raw, "an object"); !ok {
		return nil, err
	}
	aliases, err := parseMembers(raw)
	delete(aliases, "mtls_endpoint_aliases")
	return aliases, err
}

func (s *survey) tokenEndpointMatches() (bool, error) {
	declared := s.visit.Link().Auth.TokenURL
	if declared == "" {
		return false, checks.Because(checks.ReasonNotAsked, "the inventory states no token URL")
	}
	text, ok, err := s.server.text("token_endpoint")
	if err != nil {
		return false, err
	}
	if !ok {
		return false, unstated("a token endpoint")
	}
	matches := sameURL(text, declared)
	for _, d := range s.server.documents {
		aliases, err := d.aliases()
		if err != nil {
			return false, err
		}
		alias, _, err := aliases.text("token_endpoint")
		if err != nil {
			return false, err
		}
		matches = matches || sameURL(alias, declared)
	}
	if !matches {
		s.visit.Evidence("oauth", "token_endpoint is "+text)
	}
	return matches, nil
}

// scopesUnknown compares with what both parties list.
func (s *survey) scopesUnknown() ([]string, error) {
	declared := s.visit.Link().Auth.Scopes
	if len(declared) == 0 {
		return nil, checks.Because(checks.ReasonNotAsked, "the inventory states no scopes")
	}
	known, err := s.stated("scopes", "scopes_supported")
	if err != nil {
		return nil, err
	}
	unknown := slices.Clone(declared)
	return slices.DeleteFunc(unknown, func(scope string) bool { return slices.Contains(known, scope) }), nil
}

// stated is what the parties list in all under the names.
func (s *survey) stated(what string, names ...string) ([]string, error) {
	var all []string
	found := false
	for _, p := range s.parties() {
		for _, name := range names {
			list, listed, err := p.list(name)
			if err != nil {
				return nil, err
			}
			all, found = append(all, list...), found || listed
		}
	}
	if found {
		return all, nil
	}
	if err := s.missing(); err != nil {
		return nil, err
	}
	return nil, unstated(what)
}
