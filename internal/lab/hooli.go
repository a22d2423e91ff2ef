package lab

import (
	"expvar"
	"io"
	"net/http"
	"net/http/pprof"
)

// hooliData is the vendor whose TLS is as it should be, and whose APIs are not.
func hooliData() []spec {
	api := func(name string) site { return named(name + ".hooli-data.test") }
	return []spec{
		{
			id: "hooli-data/catalog-api", about: "asks for a token, keeps its rate limit, gives nothing away",
			open: api("catalog").serves(service{path: "/v1/catalog", document: `{"items":[]}`}),
			expect: Expect{
				Outcome: "observed", Facts: map[string]any{"access.without_token": "refused", "access.with_garbage_token": "refused", "rate_limit.limit": int64(600), "rate_limit.window_seconds": int64(60)},
			},
		},
		{
			id: "hooli-data/orders-api", about: "takes any token for a good one",
			open: api("orders").serves(service{path: "/v1/orders", document: orders, anyToken: true}),
			expect: Expect{
				Fails:   []string{"access-credential-verified", "claim-authentication-kept"},
				Outcome: "observed", Facts: map[string]any{"access.presence_only": true, "access.with_garbage_token": "accepted"},
			},
		},
		{
			id: "hooli-data/search-api", about: "asks for no token at all, and lets pages of every site read it",
			open: api("search").serves(service{path: "/v1/search", document: orders, everybody: true, anyOrigin: true}),
			expect: Expect{
				Fails:   []string{"access-credential-demanded", "claim-authentication-kept", "http-cors-credentials-refused"},
				Outcome: "observed", Facts: map[string]any{"access.without_token": "accepted", "http.cors_reflects_origin": true},
			},
		},
		{
			id: "hooli-data/tracking-api", about: "stack traces, an old version, metrics and pprof",
			open: api("tracking").serves(service{
				path: "/v1/tracking", document: `{"parcels":[]}`, failing: true,
				banner: "nginx/1.18.0", siblings: chatter(),
			}),
			expect: Expect{
				Fails:   []string{"errors-without-stack-trace", "http-api-description-closed", "http-debug-closed", "http-monitoring-closed", "http-software-supported-downstream", "http-version-hidden"},
				Outcome: "observed", Facts: map[string]any{"errors.stack_trace": true, "http.exposed.pprof": true, "http.product": "nginx"},
			},
		},
		{
			id: "hooli-data/quota-api", about: "tells a rate limit ten times the agreed one",
			open: api("quota").serves(service{path: "/v1/usage", document: `{"used":17}`, told: 6000}),
			expect: Expect{
				Fails:   []string{"rate-limit-advertised-as-agreed"},
				Outcome: "observed", Facts: map[string]any{"rate_limit.limit": int64(6000), "rate_limit.advertised_over_agreed": true},
			},
		},
		{
			id: "hooli-data/accounts-api", about: "an authorization server with old grants, and a short key",
			open: api("accounts").serves(service{path: "/v1/accounts", document: `{"accounts":[]}`, siblings: weakIssuer()}),
			expect: Expect{
				Fails:   []string{"oauth-client-auth-by-key", "oauth-client-auth-required", "oauth-implicit-refused", "oauth-key-set-strong", "oauth-password-grant-refused", "oauth-sender-constrained", "oauth-token-not-in-query"},
				Outcome: "observed", Facts: map[string]any{"oauth.advertised": true, "oauth.jwks.weakest_rsa_bits": int64(1024), "oauth.issuer_matches": true},
			},
		},
	}
}

const orders = `{"orders":[{"id":"A-1001","total":"119.00","currency":"EUR","customer":"C-77"},{"id":"A-1002","total":"12.50","currency":"EUR","customer":"C-12"}]}`

// chatter is what a service serves that was put on the Internet as it ran on
// somebody's laptop.
func chatter() map[string]http.Handler {
	return map[string]http.Handler{
		"/metrics":      text("text/plain; version=0.0.4", "# HELP orders_total Orders taken.\n# TYPE orders_total counter\norders_total 1027\n"),
		"/debug/pprof/": http.HandlerFunc(pprof.Index),
		"/debug/vars":   expvar.Handler(),
		"/openapi.json": text("application/json", `{"openapi":"3.1.0","info":{"title":"Tracking","version":"1"},"paths":{}}`),
	}
}

func text(kind, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		_, _ = io.WriteString(w, body)
	})
}
