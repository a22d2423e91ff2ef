package oauth

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// complete is a host as it ought to be: its challenge names the metadata of
// the resource, these an authorization server with a path on the same host.
func complete(keys string) pages {
	return pages{
		declaredPath: {status: 401, challenge: `Bearer resource_metadata="ORIGIN/.well-known/oauth-protected-resource", DPoP algs="ES256"`},
		resourcePath: {body: `{"resource": "ORIGIN/v1/charges", "authorization_servers": ["ORIGIN/tenant/", "https://login.example/x"],
			"bearer_methods_supported": ["header"], "scopes_supported": ["charges.read"], "resource_signing_alg_values_supported": ["PS256"]}`},
		serverPath + "/tenant": {body: `{"issuer": "ORIGIN/tenant/", "token_endpoint": "ORIGIN/token", "jwks_uri": "ORIGIN/keys?v=1",
			"authorization_endpoint": "ORIGIN/authorize", "response_types_supported": ["code"], "code_challenge_methods_supported": ["S256"],
			"grant_types_supported": ["client_credentials", "authorization_code"], "signed_metadata": "e30.e30.x",
			"token_endpoint_auth_methods_supported": ["tls_client_auth", "private_key_jwt"], "tls_client_certificate_bound_access_tokens": true,
			"token_endpoint_auth_signing_alg_values_supported": ["ES256", "PS256"], "mtls_endpoint_aliases": {"token_endpoint": "https://mtls.example/token"}}`},
		"/keys": {media: "application/jwk-set+json", body: keys},
	}
}

func TestCompleteHost(t *testing.T) {
	t.Parallel()
	h := serve(t, complete(keysOf(rsaKey(t, 2048, "a"), ecKey(t, "b"))))
	o := h.visit(t, h.link(t, func(l *inventory.Link) {
		l.Auth.TokenURL = h.origin() + "/token"
		l.Auth.Scopes = []string{"charges.write", "charges.read"}
	}))
	want := map[string]any{
		"advertised": true, "issuer": h.origin() + "/tenant/", "issuer_matches": true, "resource_matches": true, "resource_covers": true,
		"foreign_servers": []string{"https://login.example/x"}, "signed_metadata": true, "endpoints_tls": true,
		"token_endpoint_matches_declared": true, "token_endpoint_auth": []string{"private_key_jwt", "tls_client_auth"},
		"strongest_client_auth": "private_key", "weakest_client_auth": "private_key", "certificate_bound_tokens": true, "dpop": true,
		"grants": []string{"authorization_code", "client_credentials"}, "client_credentials": true, "implicit": false, "password_grant": false,
		"pkce_s256": true, "scopes_unknown": []string{"charges.write"}, "bearer_methods": []string{"header"}, "token_in_query_allowed": false,
		"signing_algorithms": []string{"ES256", "PS256"}, "none_algorithm": false,
		"jwks.keys": int64(2), "jwks.weakest_rsa_bits": int64(2048), "jwks.curves": []string{"P-256"}, "jwks.weak_algorithms": []string{},
		"jwks.symmetric_keys": int64(0), "jwks.private_material": false, "jwks.duplicate_kids": int64(0), "jwks.unusable_keys": int64(0),
	}
	if diff := cmp.Diff(flat(o), want); diff != "" {
		t.Errorf("facts (-got +want):\n%s", diff)
	}
	asked := append(slices.Clone(fixed[:2]), resourcePath, serverPath, openIDPath, serverPath+"/tenant", "/keys?v=1")
	if diff := cmp.Diff(h.wasAsked(t), asked); diff != "" {
		t.Errorf("asked (-got +want):\n%s", diff)
	}
}

const (
	bare   = `{"issuer": "ORIGIN", "token_endpoint": "ORIGIN/token", "response_types_supported": ["code"]}`
	openID = `{"issuer": "ORIGIN", "token_endpoint": "ORIGIN/token", "authorization_endpoint": "ORIGIN/a", "jwks_uri": "https://keys.example/jwks",
		"response_types_supported": ["code", "code id_token token"], "id_token_signing_alg_values_supported": ["RS256", "none"],
		"grant_types_supported": ["password"], "token_endpoint_auth_methods_supported": ["client_secret_post", "none", "private_key_jwt"]}`
	resource = `{"resource": "ORIGIN/v1/charges", "authorization_servers": ["https://login.example"]}`
)

// TestHosts: what a host publishes, and what is learned of it.
func TestHosts(t *testing.T) {
	t.Parallel()
	const absent = "?not_asked"
	for _, test := range []struct {
		name  string
		pages pages
		more  []string // asked besides fixed
		want  map[string]any
	}{
		{
			"RFC 8414 alone", pages{serverPath: {body: bare}}, nil,
			map[string]any{
				"advertised": true, "issuer_matches": true, "resource_matches": absent, "bearer_methods": absent, "foreign_servers": []string{},
				"token_endpoint_auth": []string{"client_secret_basic"}, "strongest_client_auth": "secret", "weakest_client_auth": "secret",
				"certificate_bound_tokens": false, "dpop": false, "grants": absent, "implicit": false, "pkce_s256": absent,
				"token_endpoint_matches_declared": absent, "scopes_unknown": absent, "signing_algorithms": absent, "none_algorithm": absent,
				"jwks.keys": absent, "endpoints_tls": true, "signed_metadata": false,
			},
		},
		{
			"OpenID Connect alone", pages{openIDPath: {body: openID}}, nil,
			map[string]any{
				"advertised": true, "issuer_matches": true, "grants": []string{"password"}, "implicit": true, "password_grant": true,
				"client_credentials": false, "weakest_client_auth": "none", "strongest_client_auth": "private_key", "none_algorithm": true,
				"signing_algorithms": []string{"RS256", "none"}, "pkce_s256": false, "jwks.keys": absent, "endpoints_tls": true,
			},
		},
		{
			"both: what either offers", pages{
				openIDPath: {body: openID},
				serverPath: {body: `{"issuer": "ORIGIN", "grant_types_supported": ["client_credentials"], "dpop_signing_alg_values_supported": ["ES256"]}`},
			}, nil,
			map[string]any{"grants": []string{"client_credentials", "password"}, "dpop": true, "weakest_client_auth": "none"},
		},
		{
			"another server: reported, not asked", pages{resourcePath + declaredPath: {body: resource}}, nil,
			map[string]any{
				"advertised": true, "resource_matches": true, "foreign_servers": []string{"https://login.example"}, "issuer": absent,
				"issuer_matches": absent, "implicit": absent, "dpop": absent, "certificate_bound_tokens": absent, "jwks.keys": absent,
				"endpoints_tls": true, "bearer_methods": absent,
			},
		},
		{
			"the same name at another port is another host", pages{
				resourcePath + declaredPath: {body: `{"resource": "ORIGIN/v1/charges", "authorization_servers": ["ORIGIN0"], "jwks_uri": "ORIGIN0/keys"}`},
			}, nil,
			map[string]any{"advertised": true, "issuer": absent, "jwks.keys": absent},
		},
		{
			"a challenge that names another host", pages{declaredPath: {status: 401, challenge: `Bearer resource_metadata="https://meta.example/x"`}}, nil,
			map[string]any{"advertised": true, "resource_matches": absent, "issuer": absent, "foreign_servers": absent},
		},
		{
			"a challenge that names nothing to read", pages{declaredPath: {status: 401, challenge: `Bearer resource_metadata="/relative"`}}, nil,
			map[string]any{"advertised": false},
		},
		{
			"a challenge elsewhere on the host", pages{
				declaredPath: {body: `{}`}, "*": {status: 401, challenge: `Bearer resource_metadata="ORIGIN/meta"`}, "/meta": {body: resource},
			}, nil,
			map[string]any{"advertised": false},
		},
		{
			"a challenge that names the usual place", pages{
				declaredPath:                {status: 401, challenge: `Bearer resource_metadata="ORIGIN/.well-known/oauth-protected-resource/v1/charges"`},
				resourcePath + declaredPath: {body: resource},
			}, nil,
			map[string]any{"resource_matches": true},
		},
		{
			"a challenge that names what is not there", pages{
				declaredPath:                {status: 401, challenge: `Bearer resource_metadata="ORIGIN/meta"`},
				resourcePath + declaredPath: {body: resource},
			}, []string{"/meta"},
			map[string]any{"resource_matches": true},
		},
		{
			"a resource above the link", pages{
				declaredPath: {status: 401, challenge: `Bearer resource_metadata="ORIGIN/meta"`},
				"/meta":      {body: `{"resource": "ORIGIN/v1", "bearer_methods_supported": ["query", "header", "header"]}`},
			}, []string{"/meta"},
			map[string]any{
				"resource_matches": false, "resource_covers": true, "bearer_methods": []string{"header", "query"}, "token_in_query_allowed": true,
				"foreign_servers": []string{},
			},
		},
		{
			"a resource beside the link", pages{resourcePath + declaredPath: {body: `{"resource": "ORIGIN/v1/charge"}`}}, nil,
			map[string]any{"resource_matches": false, "resource_covers": false},
		},
		{
			"a resource of another host", pages{resourcePath + declaredPath: {body: `{"resource": "https://victim.example/v1/charges"}`}}, nil,
			map[string]any{"resource_matches": false, "resource_covers": false},
		},
		{
			"another issuer", pages{serverPath: {body: `{"issuer": "https://login.example", "token_endpoint": "https://login.example/token"}`}}, nil,
			map[string]any{"issuer": "https://login.example", "issuer_matches": false, "foreign_servers": []string{"https://login.example"}},
		},
		{
			"an issuer with a path at the place of one without", pages{openIDPath: {body: `{"issuer": "ORIGIN/tenant"}`}}, nil,
			map[string]any{"issuer_matches": false},
		},
		{
			"an issuer with a query", pages{serverPath: {body: `{"issuer": "ORIGIN?x"}`}}, nil,
			map[string]any{"issuer_matches": false},
		},
		{
			"an issuer that ends in a slash", pages{serverPath: {body: `{"issuer": "ORIGIN/"}`}}, nil,
			map[string]any{"issuer_matches": true},
		},
		{
			"an issuer that ends in a slash, but not as the resource has it", pages{
				resourcePath + declaredPath: {body: `{"resource": "ORIGIN/v1/charges", "authorization_servers": ["ORIGIN"]}`},
				serverPath:                  {body: `{"issuer": "ORIGIN/"}`},
			}, nil,
			map[string]any{"issuer_matches": false, "foreign_servers": []string{}},
		},
		{
			"OpenID Connect for an issuer with a path", pages{
				resourcePath + declaredPath: {body: `{"resource": "ORIGIN/v1/charges", "authorization_servers": ["ORIGIN/t/"]}`},
				"/t" + openIDPath:           {body: `{"issuer": "ORIGIN/t/"}`},
				openIDPath:                  {body: openID},
			}, []string{serverPath + "/t", "/t" + openIDPath},
			map[string]any{"issuer_matches": true, "implicit": absent},
		},
		{
			"an issuer with a path that has no metadata", pages{
				resourcePath + declaredPath: {body: `{"resource": "ORIGIN/v1/charges", "authorization_servers": ["ORIGIN/t"]}`},
				openIDPath:                  {body: openID},
			}, []string{serverPath + "/t", "/t" + openIDPath},
			map[string]any{"issuer_matches": true, "implicit": true},
		},
		{
			"endpoints without TLS", pages{serverPath: {body: `{"issuer": "ORIGIN", "revocation_endpoint": "http://login.example/revoke"}`}}, nil,
			map[string]any{"endpoints_tls": false},
		},
		{
			"an alias without TLS", pages{serverPath: {body: `{"issuer": "ORIGIN", "mtls_endpoint_aliases": {"token_endpoint": "http://x.example"}}`}}, nil,
			map[string]any{"endpoints_tls": false},
		},
		{
			"an authorization server without TLS", pages{
				resourcePath + declaredPath: {body: `{"resource": "ORIGIN/v1/charges", "authorization_servers": ["http://login.example"]}`},
			}, nil,
			map[string]any{"endpoints_tls": false},
		},
		{
			"the default grants", pages{serverPath: {body: `{"issuer": "ORIGIN", "authorization_endpoint": "ORIGIN/a"}`}}, nil,
			map[string]any{"grants": []string{"authorization_code", "implicit"}, "implicit": true},
		},
		{
			"the default grants, but no response type for them", pages{
				serverPath: {body: `{"issuer": "ORIGIN", "authorization_endpoint": "ORIGIN/a", "response_types_supported": ["code", "id_token"]}`},
			}, nil,
			map[string]any{"grants": []string{"authorization_code"}, "implicit": false},
		},
		{
			"the default grants, and a response type for them", pages{
				serverPath: {body: `{"issuer": "ORIGIN", "authorization_endpoint": "ORIGIN/a", "response_types_supported": ["code token"]}`},
			}, nil,
			map[string]any{"grants": []string{"authorization_code", "implicit"}, "implicit": true},
		},
		{
			"the implicit grant for ID tokens", pages{
				openIDPath: {body: `{"issuer": "ORIGIN", "grant_types_supported": ["implicit"], "response_types_supported": ["code id_token"]}`},
			}, nil,
			map[string]any{"grants": []string{"implicit"}, "implicit": false},
		},
		{
			"the implicit grant", pages{serverPath: {body: `{"issuer": "ORIGIN", "grant_types_supported": ["implicit"]}`}}, nil,
			map[string]any{"grants": []string{"implicit"}, "implicit": true, "client_credentials": false},
		},
		{
			"a way to authenticate that nobody knows", pages{
				serverPath: {body: `{"issuer": "ORIGIN", "token_endpoint_auth_methods_supported": ["private_key_jwt", "magic"]}`},
			}, nil,
			map[string]any{"strongest_client_auth": "private_key", "weakest_client_auth": "?ambiguous"},
		},
		{
			"no way to authenticate", pages{serverPath: {body: `{"issuer": "ORIGIN", "token_endpoint_auth_methods_supported": []}`}}, nil,
			map[string]any{"token_endpoint_auth": []string{}, "strongest_client_auth": absent, "weakest_client_auth": absent},
		},
		{
			"the resource wants DPoP", pages{
				resourcePath + declaredPath: {body: `{"resource": "ORIGIN/v1/charges", "dpop_bound_access_tokens_required": true}`},
				serverPath:                  {body: bare},
			}, nil,
			map[string]any{"dpop": true},
		},
		{
			"a challenge of DPoP alone", pages{declaredPath: {status: 401, challenge: `DPoP algs="ES256"`}}, nil,
			map[string]any{"advertised": false, "dpop": true, "certificate_bound_tokens": absent},
		},
		{
			"keys on this host", pages{serverPath: {body: `{"issuer": "ORIGIN", "jwks_uri": "ORIGIN/jwks"}`}, "/jwks": {body: `{"keys": []}`}}, []string{"/jwks"},
			map[string]any{"jwks.keys": 0, "jwks.weakest_rsa_bits": absent, "jwks.private_material": false},
		},
		{
			"keys that are not there", pages{serverPath: {body: `{"issuer": "ORIGIN", "jwks_uri": "ORIGIN/jwks"}`}}, []string{"/jwks"},
			map[string]any{"jwks.keys": "?ambiguous", "issuer_matches": true},
		},
		{
			"keys of the resource", pages{
				resourcePath + declaredPath: {body: `{"resource": "ORIGIN/v1/charges", "jwks_uri": "ORIGIN/jwks"}`},
				"/jwks":                     {body: `{"keys": []}`},
			}, []string{"/jwks"},
			map[string]any{"jwks.keys": 0},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := serve(t, test.pages)
			check(t, h.visit(t, h.link(t)), test.want)
			if diff := cmp.Diff(h.wasAsked(t), append(slices.Clone(fixed), test.more...), inAnyOrder); diff != "" {
				t.Errorf("asked (-got +want):\n%s", diff)
			}
		})
	}
}

var inAnyOrder = cmp.Transformer("sorted", func(list []string) []string { return slices.Sorted(slices.Values(list)) })

// TestTokenURL: the declared token URL is written by people.
func TestTokenURL(t *testing.T) {
	t.Parallel()
	h := serve(t, pages{serverPath: {body: `{"issuer": "ORIGIN", "token_endpoint": "https://login.example/token",
		"mtls_endpoint_aliases": {"token_endpoint": "https://mtls.login.example/token"}}`}})
	for declared, want := range map[string]any{
		"":                                 "?not_asked",
		"https://login.example/token":      true,
		"https://LOGIN.example:443/token":  true,
		"https://mtls.login.example/token": true,
		"https://login.example/token/":     false,
		"https://login.example:8443/token": false,
		"http://login.example/token":       false,
		"https://login.example/token?x":    false,
		"https://other.example/token":      false,
	} {
		o := h.visit(t, h.link(t, func(l *inventory.Link) { l.Auth.TokenURL = declared }))
		check(t, o, map[string]any{"token_endpoint_matches_declared": want})
		h.asked = nil
	}
}

func TestApplies(t *testing.T) {
	t.Parallel()
	h := serve(t, nil)
	for _, test := range []struct {
		scheme string
		auth   inventory.AuthType
		kind   inventory.Kind
		want   bool
	}{
		{"https", inventory.AuthOAuth2, inventory.KindEndpoint, true},
		{"wss", inventory.AuthBearer, inventory.KindEndpoint, true},
		{"https", inventory.AuthAPIKey, inventory.KindEndpoint, false},
		{"https", inventory.AuthBearer, inventory.KindWebhook, false},
		{"mqtts", inventory.AuthOAuth2, inventory.KindBroker, false},
		{"grpcs", inventory.AuthOAuth2, inventory.KindEndpoint, false},
	} {
		l := h.Link(t, test.scheme, "/")
		l.Auth.Type, l.Kind = test.auth, test.kind
		if got := Probe().Applies(l); got != test.want {
			t.Errorf("%s, %s, %s: applies %t", test.scheme, test.auth, test.kind, got)
		}
	}
}

// TestPlan: names hold nothing that is secret, and queries are not asked about.
func TestPlan(t *testing.T) {
	t.Parallel()
	h := serve(t, nil)
	for path, want := range map[string]string{
		"":                      "GET " + resourcePath,
		"/":                     "GET " + resourcePath,
		"/v1/charges/?key=x":    "GET " + resourcePath + "/v1/charges/",
		"/hooks/${SECRET_PATH}": "GET " + resourcePath,
		"/a%2Fb":                "GET " + resourcePath + "/a%2Fb",
	} {
		l := h.Link(t, "https", path)
		cost := Probe().Plan(checks.Scope{Link: l, Level: checks.Observe, Addresses: 1})
		want := []string{"GET the declared URL", "GET a random path", want, "GET " + serverPath, "GET " + openIDPath}
		if diff := cmp.Diff(cost.Asks, want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", path, diff)
		}
	}
}
