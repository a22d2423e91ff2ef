package oauth

import (
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
)

// The strengths of client authentication, best first: proof that the client
// has a private key, which never leaves it; a secret that both sides keep; none.
var strengths = []string{"private_key", "secret", "none"}

// clientAuthStrength grades the methods of the IANA registry "OAuth Token
// Endpoint Authentication Methods".
var clientAuthStrength = map[string]string{
	"private_key_jwt":             "private_key",
	"tls_client_auth":             "private_key",
	"self_signed_tls_client_auth": "private_key",
	"attest_jwt_client_auth":      "private_key",
	"client_secret_basic":         "secret",
	"client_secret_post":          "secret",
	"client_secret_jwt":           "secret",
	"none":                        "none",
}

// clientAuth lists how clients may authenticate at the token endpoint.
func (s *survey) clientAuth() ([]string, error) {
	methods, listed, err := s.server.list("token_endpoint_auth_methods_supported")
	if err != nil || listed {
		return methods, err
	}
	if _, ok, err := s.server.text("token_endpoint"); !ok {
		if err == nil {
			err = unstated("a token endpoint")
		}
		return nil, err
	}
	return []string{"client_secret_basic"}, nil
}

// clientAuthRank is the best strength on offer at 0, and the worst at -1. A
// method that is not known here may be better or worse than any but the ends.
func (s *survey) clientAuthRank(end int) (string, error) {
	methods, err := s.clientAuth()
	if err != nil {
		return "", err
	}
	var offered []int
	strange := ""
	for _, method := range methods {
		if strength, known := clientAuthStrength[method]; known {
			offered = append(offered, slices.Index(strengths, strength))
		} else {
			strange = method
		}
	}
	slices.Sort(offered)
	best, limit := 0, 0
	if end != 0 {
		best, limit = len(offered)-1, len(strengths)-1
	}
	switch {
	case len(offered) > 0 && (strange == "" || offered[best] == limit):
		return strengths[offered[best]], nil
	case strange != "":
		return "", checks.Because(checks.ReasonAmbiguous, "it is not known how strong the method %s is", clip(strange))
	default:
		return "", unstated("a way to authenticate clients")
	}
}

// certificateBound asks both parties: the server issues such tokens, and the
// resource takes them (RFC 9728 section 2).
func (s *survey) certificateBound() (bool, error) {
	for _, p := range s.parties() {
		if bound, err := p.flag("tls_client_certificate_bound_access_tokens"); bound || err != nil {
			return bound, err
		}
	}
	return false, s.missing()
}

// dpop asks both parties, and the challenge (RFC 9449 section 7.1).
func (s *survey) dpop() (bool, error) {
	for _, e := range s.talk.Seen() {
		if slices.ContainsFunc(httpclient.Challenges(e.Header), func(c httpclient.Challenge) bool { return c.Scheme == "dpop" }) {
			return true, nil
		}
	}
	for _, p := range s.parties() {
		algorithms, _, err := p.list("dpop_signing_alg_values_supported")
		if len(algorithms) > 0 || err != nil {
			return err == nil, err
		}
		if required, err := p.flag("dpop_bound_access_tokens_required"); required || err != nil {
			return required, err
		}
	}
	return false, s.missing()
}

// grants lists the grant types. Where there are none, RFC 8414 section 2 has
// authorization_code and implicit by default: the latter only where a response
// type, which servers must list, goes with it.
func (s *survey) grants() ([]string, error) {
	grants, listed, err := s.server.list("grant_types_supported")
	if err != nil || listed {
		return grants, err
	}
	if _, ok, err := s.server.text("authorization_endpoint"); !ok {
		if err == nil {
			err = unstated("any grant types")
		}
		return nil, err
	}
	responses, listed, err := s.server.list("response_types_supported")
	if err != nil {
		return nil, err
	}
	if listed && !slices.ContainsFunc(responses, deliversToken) {
		return []string{"authorization_code"}, nil
	}
	return []string{"authorization_code", "implicit"}, nil
}

// deliversToken reports a response type with which the browser is handed an
// access token (RFC 9700 section 2.1.2), such as "code id_token token".
func deliversToken(response string) bool { return slices.Contains(strings.Fields(response), "token") }

func (s *survey) offers(grant string) func() (bool, error) {
	return func() (bool, error) {
		grants, err := s.grants()
		return slices.Contains(grants, grant), err
	}
}

// implicit: the response types, which servers must list, tell more than the
// grant. Many list that for ID tokens alone, which RFC 9700 has nothing against.
func (s *survey) implicit() (bool, error) {
	responses, listed, err := s.server.list("response_types_supported")
	if err != nil || listed {
		return slices.ContainsFunc(responses, deliversToken), err
	}
	return s.offers("implicit")()
}

// pkce: a server that lists no methods supports none (RFC 8414 section 2).
func (s *survey) pkce() (bool, error) {
	if _, ok, err := s.server.text("authorization_endpoint"); !ok {
		if err == nil {
			err = unstated("an authorization endpoint")
		}
		return false, err
	}
	methods, _, err := s.server.list("code_challenge_methods_supported")
	return slices.Contains(methods, "S256"), err
}

func (s *survey) bearerMethods() ([]string, error) {
	methods, listed, err := s.resource.list("bearer_methods_supported")
	if err == nil && !listed {
		err = unstated("how tokens are presented")
	}
	return methods, err
}

func (s *survey) tokenInQuery() (bool, error) {
	methods, err := s.bearerMethods()
	return slices.Contains(methods, "query"), err
}

// signingAlgorithms leaves out what protects no token and no client: request
// objects and answers about the user may well be unsigned (OpenID Connect Core
// 1.0 sections 5.3.2 and 6.1).
func (s *survey) signingAlgorithms() ([]string, error) {
	return s.stated("any signing algorithms",
		"id_token_signing_alg_values_supported",
		"token_endpoint_auth_signing_alg_values_supported",
		"introspection_endpoint_auth_signing_alg_values_supported",
		"revocation_endpoint_auth_signing_alg_values_supported",
		"introspection_signing_alg_values_supported",
		"authorization_signing_alg_values_supported",
		"resource_signing_alg_values_supported",
		"dpop_signing_alg_values_supported",
	)
}

func (s *survey) noneAlgorithm() (bool, error) {
	algorithms, err := s.signingAlgorithms()
	return slices.Contains(algorithms, "none"), err
}
