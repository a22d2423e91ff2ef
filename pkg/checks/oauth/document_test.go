package oauth

import (
	"net/http"
	"strings"
	"testing"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// TestNotAdvertised: what is no metadata is none, and nothing else is learned
// or held against the host.
func TestNotAdvertised(t *testing.T) {
	t.Parallel()
	html := page{media: "text/html", body: "<html>Welcome</html>"}
	for name, all := range map[string]pages{
		"nothing there":                    nil,
		"gone, forbidden, not for us":      {resourcePath + declaredPath: {status: 410}, serverPath: {status: 403}, openIDPath: {status: 401}},
		"a page for every path":            {"*": html},
		"pages at the well-known paths":    {resourcePath + declaredPath: html, serverPath: html, openIDPath: html},
		"text there":                       {serverPath: {media: "text/plain", body: "ok"}},
		"nothing in 204":                   {serverPath: {status: 204}},
		"JSON for every path":              {"*": {body: `{"error": "not found"}`}},
		"JSON for every path, malformed":   {"*": {body: `{"error": `}},
		"metadata for every path":          {"*": {body: bare}},
		"a huge answer for every path":     {"*": {body: strings.Repeat(" ", 300<<10)}},
		"a redirect for every path":        {"*": {status: 302, header: http.Header{"Location": {"ORIGIN/login"}}}},
		"JSON that is none of metadata":    {openIDPath: {body: `{"message": "hello"}`}, serverPath: {body: `{"issuer": "me"}`}},
		"an error that mentions resources": {resourcePath + declaredPath: {body: `{"error": "not found", "resource": "/v1/charges"}`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := serve(t, all)
			o := h.visit(t, h.link(t))
			check(t, o, map[string]any{"advertised": false})
			checkAll(t, o, checks.ReasonNotAsked, "advertised")
			if got := h.wasAsked(t); len(got) != len(fixed) {
				t.Errorf("asked %q", got)
			}
		})
	}
}

// TestUnreadable: metadata that cannot be read are neither there nor absent.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		page   page
		reason checks.Reason
	}{
		{"malformed", page{body: `{"issuer": "ORIGIN", `}, checks.ReasonGarbage},
		{"no object", page{body: `["issuer"]`}, checks.ReasonGarbage},
		{"empty", page{}, checks.ReasonGarbage},
		{"more than an object", page{body: bare + "{}"}, checks.ReasonGarbage},
		{"a member twice", page{body: `{"issuer": "ORIGIN", "token_endpoint": "ORIGIN/a", "token_endpoint": "https://evil.example"}`}, checks.ReasonGarbage},
		{"no issuer", page{body: `{"token_endpoint": "ORIGIN/token"}`}, checks.ReasonGarbage},
		{"an issuer by another name", page{body: `{"Issuer": "ORIGIN", "token_endpoint": "ORIGIN/token"}`}, checks.ReasonGarbage},
		{"an issuer that is no URL", page{body: `{"issuer": 7, "jwks_uri": "ORIGIN/keys"}`}, checks.ReasonGarbage},
		{"as a page", page{media: "text/html", body: bare}, checks.ReasonGarbage},
		{"as text", page{media: "text/plain", body: bare}, checks.ReasonGarbage},
		{"compressed", page{body: bare, header: http.Header{"Content-Encoding": {"gzip"}}}, checks.ReasonGarbage},
		{"huge", page{body: `{"issuer": "` + strings.Repeat("x", 300<<10)}, checks.ReasonTooLarge},
		{"deep", page{body: `{"issuer": ` + strings.Repeat("[", 100<<10)}, checks.ReasonGarbage},
		{"cut off", page{body: `{"issuer": "ORIGIN"`, header: http.Header{"Content-Length": {"500"}}}, checks.ReasonReset},
		{"broken", page{status: 500}, checks.ReasonAmbiguous},
		{"a redirect", page{status: 307, header: http.Header{"Location": {"https://login.example/"}}}, checks.ReasonAmbiguous},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := serve(t, pages{serverPath: test.page})
			o := h.visit(t, h.link(t))
			checkAll(t, o, test.reason, "resource_matches", "resource_covers", "bearer_methods", "token_in_query_allowed",
				"scopes_unknown", "token_endpoint_matches_declared", "foreign_servers", "endpoints_tls")
			check(t, o, map[string]any{"resource_matches": "?not_asked"})
		})
	}
}

// TestWrongTypes: a member of the wrong type spoils what it states, and no more.
func TestWrongTypes(t *testing.T) {
	t.Parallel()
	h := serve(t, pages{
		resourcePath + declaredPath: {body: `{"resource": "ORIGIN/v1/charges", "authorization_servers": "ORIGIN", "bearer_methods_supported": null}`},
		serverPath: {body: `{"issuer": "ORIGIN", "token_endpoint": {}, "grant_types_supported": [1], "dpop_signing_alg_values_supported": ["ES256", null],
			"tls_client_certificate_bound_access_tokens": "true", "jwks_uri": [], "scopes_supported": ["a\u0007"], "response_types_supported": ["code"],
			"token_endpoint_auth_methods_supported": ["` + strings.Repeat("x", 300) + `"]}`},
	})
	o := h.visit(t, h.link(t, func(l *inventory.Link) { l.Auth.TokenURL = "https://x.example"; l.Auth.Scopes = []string{"a"} }))
	const garbage = "?garbage"
	check(t, o, map[string]any{
		"advertised": true, "issuer_matches": true, "resource_matches": true, "foreign_servers": garbage, "bearer_methods": "?not_asked",
		"grants": garbage, "client_credentials": garbage, "implicit": false, "dpop": garbage, "certificate_bound_tokens": garbage, "jwks.keys": garbage,
		"token_endpoint_matches_declared": garbage, "token_endpoint_auth": garbage, "scopes_unknown": []string{"a"}, "endpoints_tls": garbage,
		"weakest_client_auth": "?ambiguous",
	})
}
