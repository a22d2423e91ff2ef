package probes

import (
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/mccutchen/go-httpbin/v2/httpbin"

	"github.com/m2mscan/m2mscan/internal/peers"
	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// scene is a link to a real server, and what a scan shall make of it.
type scene struct {
	name  string
	place place
	path  string
	auth  inventory.Auth
	more  int // requests beyond those that are planned for every server
	want  finding
}

// play scans all scenes at the default level, at once: some servers want to be
// left alone in between. No two may share a place, which counts what it is
// asked.
func (s site) play(t *testing.T, scenes []scene) {
	t.Helper()
	links := make([]*inventory.Link, len(scenes))
	for i, scene := range scenes {
		links[i] = scene.place.link(t, scene.path, scene.auth)
		links[i].ID = scene.name
	}
	runner := &checks.Runner{Probes: speakingHTTP(), Level: checks.Observe, Roots: testserver.Pool(s.root)}
	for i, got := range scanAll(t, runner, links...) {
		t.Run(scenes[i].name, func(t *testing.T) {
			scenes[i].want.check(t, got.picture)
			checkRequests(t, scenes[i].place.requests(), got.planned, scenes[i].more)
			if t.Failed() {
				t.Logf("evidence:\n%s", got.evidence())
			}
		})
	}
}

// counted is how many requests a server is sent besides that says how many
// remain: one, to see whether that falls.
const counted = 1

// busy is how many requests a server is asked again that answers 429 or 503.
const busy = 1

// repeated is how many requests a server is asked again whose declared URL
// answers 500: over another version of TLS, and for access.
const repeated = 2

const (
	ambiguous = checks.ReasonAmbiguous
	notAsked  = checks.ReasonNotAsked
	notTested = checks.ReasonNotTested
	throttled = checks.ReasonThrottled
)

// TestRealHTTPBin is go-httpbin, whose endpoints accept too much, hide, or fail
// on purpose.
func TestRealHTTPBin(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	const token = "tok-4f1d0c9a7e2b"
	// It repeats any origin, and is asked for the origin null besides.
	const null = 1
	bin := func() place {
		return s.serve(t, httpbin.New(httpbin.WithAllowedRedirectDomains([]string{"login.acme.example"})))
	}
	s.play(t, []scene{
		{
			"any bearer token will do", bin(), "/bearer", bearer(token), null,
			finding{
				"access.without_token": "refused", "access.with_garbage_token": "accepted", "access.presence_only": true,
				"access.credential": "accepted", "access.challenge": true, "access.scheme": "bearer",
				"http.cors_reflects_origin": true, "http.cors_credentials": true, "http.cors_null_origin": true,
				"errors.stack_trace": false,
			},
		},
		{
			"hidden by 404", bin(), "/hidden-basic-auth/user/secret-7", basic("user", "secret-7"), null,
			finding{
				"access.without_token": "refused", "access.with_garbage_token": "refused", "access.credential": "accepted",
				"access.presence_only": false, "access.basis": notAsked,
			},
		},
		{
			"hidden by 404 from us as well", bin(), "/hidden-basic-auth/user/secret-7", basic("user", "another"), null,
			finding{"access.without_token": ambiguous, "access.with_garbage_token": ambiguous, "access.credential": ambiguous},
		},
		{
			"basic", bin(), "/basic-auth/user/secret-7", basic("user", "secret-7"), null,
			finding{
				"access.without_token": "refused", "access.with_garbage_token": "refused", "access.credential": "accepted",
				"access.challenge": true, "access.scheme": "basic",
			},
		},
		{
			"open", bin(), "/json", bearer(token), null,
			finding{"access.without_token": "accepted", "access.basis": "same_as_authenticated", "access.with_garbage_token": "accepted", "access.presence_only": false},
		},
		{
			"our own token is refused", bin(), "/status/401", bearer(token), null,
			finding{"access.without_token": "refused", "access.with_garbage_token": "refused", "access.credential": "refused"},
		},
		{
			"forbidden", bin(), "/status/403", bearer(token), null,
			finding{"access.without_token": ambiguous, "access.with_garbage_token": ambiguous, "access.credential": ambiguous},
		},
		{
			"redirected elsewhere", bin(), "/redirect-to?url=https://login.acme.example/", bearer(token), null,
			finding{"access.without_token": ambiguous},
		},
		{
			"429", bin(), "/status/429", basic("user", "secret-7"), null + busy,
			finding{
				"access.without_token": throttled, "access.with_garbage_token": throttled, "access.credential": throttled,
				"access.presence_only": throttled, "rate_limit.advertised": throttled, "rate_limit.status": 429,
			},
		},
		{
			"503", bin(), "/status/503", basic("user", "secret-7"), null + busy,
			finding{
				"access.without_token": throttled, "access.with_garbage_token": throttled, "access.credential": throttled,
				"access.presence_only": throttled, "rate_limit.in_force": notAsked,
			},
		},
	})
}

// TestRealExpress is Express, whose default error handler shows the stack in
// development.
func TestRealExpress(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	servers := []string{`{"env": "development"}`, `{"env": "production"}`}
	for _, form := range []string{`"draft-6"`, `"draft-7"`, `"draft-8"`, `false`} {
		servers = append(servers, fmt.Sprintf(`{"limit": {"limit": 100, "standardHeaders": %s, "legacyHeaders": %v}}`, form, form == "false"))
	}
	servers = append(servers, `{"limit": {"limit": 1, "standardHeaders": "draft-7", "legacyHeaders": false}}`)
	express := peers.Node(t, "express.mjs", servers...)
	at := func(i int) place { return s.front(t, express[i]) }
	advertised := func(family string) finding {
		return finding{
			"rate_limit.advertised": true, "rate_limit.policy_family": family, "rate_limit.limit": 100,
			"rate_limit.window_seconds": 60, "rate_limit.remaining_falls": true, "rate_limit.in_force": true,
		}
	}
	legacy := advertised("x-ratelimit")
	legacy["rate_limit.window_seconds"] = ambiguous // it has no field for that
	s.play(t, []scene{
		{
			"development", at(0), "/orders", open, 0,
			finding{
				"errors.stack_trace": true, "errors.path_disclosed": true, "errors.sql_error": false,
				"access.without_token": "accepted", "http.software": []string{"express"}, "rate_limit.advertised": false,
			},
		},
		{
			"production", at(1), "/orders", open, 0,
			finding{"errors.stack_trace": false, "errors.path_disclosed": false, "errors.debug_page": false, "errors.probes_answered": 4},
		},
		{"draft 6", at(2), "/orders", open, counted, advertised("draft-03")},
		{"draft 7", at(3), "/orders", open, counted, advertised("draft-07")},
		{"draft 8", at(4), "/orders", open, counted, advertised("draft-08")},
		{"legacy", at(5), "/orders", open, counted, legacy},
	})
	t.Run("used up", func(t *testing.T) {
		t.Parallel()
		p := at(6)
		got := s.scan(t, checks.Observe, p.link(t, "/orders", bearer("tok")))
		finding{
			"access.with_garbage_token": throttled, "access.credential": throttled, "access.presence_only": throttled,
			"rate_limit.status": 429, "rate_limit.retry_after": true,
		}.check(t, got.picture)
		// It wants to be left alone for a minute: the second request is the last.
		if requests := p.requests(); len(requests) != 2 {
			t.Errorf("it was sent %q", requests)
		}
	})
}

// TestRealFlask is Flask, with Werkzeug's debugger and without.
func TestRealFlask(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	flask := peers.Flask(t, "production", "debug")
	s.play(t, []scene{
		{
			"production", s.front(t, flask[0]), "/totals", open, repeated,
			finding{
				"errors.stack_trace": false, "errors.debug_page": false, "errors.path_disclosed": false, "errors.secret_disclosed": false,
				"errors.server_error": ambiguous, "access.without_token": ambiguous,
			},
		},
		{
			"debug", s.front(t, flask[1]), "/totals", open, repeated,
			finding{
				"errors.stack_trace": true, "errors.debug_page": true, "errors.path_disclosed": true,
				"access.without_token": ambiguous,
			},
		},
	})
}

// TestRealPHP is PHP, which shows its errors with status 200 or hides them.
func TestRealPHP(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	php := peers.PHP(t, "0", "1")
	s.play(t, []scene{
		{
			"hidden", s.front(t, php[0]), "/orders", open, 1, // a random path is answered 500, and asked for again
			finding{"errors.stack_trace": false, "errors.debug_page": false, "errors.path_disclosed": false, "errors.server_error": true},
		},
		{
			"shown", s.front(t, php[1]), "/orders", open, 0,
			finding{"errors.stack_trace": true, "errors.path_disclosed": true, "access.without_token": "accepted"},
		},
	})
	t.Run("query", func(t *testing.T) {
		s.play(t, []scene{
			{
				"hidden", s.front(t, php[0]), "/totals", open, repeated,
				finding{"errors.stack_trace": false, "errors.sql_error": false, "errors.path_disclosed": false},
			},
			{
				"shown", s.front(t, php[1]), "/totals", open, 0,
				// All that the URL ever shows is taken for what it is there for,
				// but not a page of PHP's own.
				finding{"errors.debug_page": true, "errors.sql_error": ambiguous},
			},
		})
	})
}

// TestSpringErrors is an API whose errors look like Spring's, with the trace in
// them and without.
func TestSpringErrors(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	const trace = `,"trace":"org.springframework.web.servlet.resource.NoResourceFoundException: No static resource.\n` +
		`\tat org.springframework.web.servlet.resource.ResourceHttpRequestHandler.handleRequest(ResourceHttpRequestHandler.java:585)\n` +
		`\tat org.springframework.web.servlet.DispatcherServlet.doDispatch(DispatcherServlet.java:1089)\n"`
	api := func(trace string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			if r.URL.Path == "/orders" {
				_, _ = io.WriteString(w, `{"orders":[{"id":1,"total":250}]}`)
				return
			}
			w.WriteHeader(http.StatusNotFound)
			_, _ = fmt.Fprintf(w, `{"timestamp":"2026-11-21T12:00:00.000+00:00","status":404,"error":"Not Found"%s,"path":%q}`, trace, r.URL.Path)
		})
	}
	s.play(t, []scene{
		{
			"with the trace", s.serve(t, api(trace)), "/orders", open, 0,
			finding{"errors.stack_trace": true, "errors.frames": 2, "errors.sql_error": false},
		},
		{
			"without", s.serve(t, api("")), "/orders", open, 0,
			finding{"errors.stack_trace": false, "errors.frames": 0, "errors.debug_page": false, "errors.kinds": []string{}},
		},
	})
}

// TestRealOpenIDProvider is node-oidc-provider: the resource is its userinfo
// endpoint.
func TestRealOpenIDProvider(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	oidc := peers.Node(t, "oidc.mjs", "{}", `{"strong": true}`)
	auth := inventory.Auth{Type: inventory.AuthOAuth2}
	s.play(t, []scene{
		{
			"as it comes", s.front(t, oidc[0]), "/me", auth, 2, // the origin null, and the keys
			finding{
				"oauth.advertised": true, "oauth.issuer_matches": true, "oauth.weakest_client_auth": "none", "oauth.dpop": false,
				"oauth.jwks.weakest_rsa_bits": 2048,
			},
		},
		{
			"strong", s.front(t, oidc[1]), "/me", auth, 2,
			finding{
				"oauth.issuer_matches": true, "oauth.weakest_client_auth": "private_key", "oauth.dpop": true,
				"oauth.certificate_bound_tokens": true, "oauth.jwks.private_material": false,
			},
		},
	})
}

// TestRealGraphQL is graphql-http, with authentication before the query, within
// it, and none.
func TestRealGraphQL(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	const token = "tok-4f1d0c9a7e2b"
	graphql := peers.Node(t, "graphql.mjs",
		`{"token": "`+token+`"}`, `{"token": "`+token+`", "auth": "status"}`,
		`{"token": "`+token+`", "auth": "errors", "closed": true}`)
	s.play(t, []scene{
		{
			"open", s.front(t, graphql[0]), "/graphql", bearer(token), 0,
			finding{"access.without_token": "accepted", "access.basis": "query_answered", "http.exposed.graphql_introspection": true},
		},
		{
			"401", s.front(t, graphql[1]), "/graphql", bearer(token), 0,
			finding{
				"access.without_token": "refused", "access.with_garbage_token": "refused", "access.credential": "accepted",
				"http.exposed.graphql_introspection": false,
			},
		},
		{
			"a declared query, refused in the answer", s.front(t, graphql[2]), "/graphql?query=%7Borders%7D", bearer(token), 0,
			finding{
				"access.without_token": "soft_refused", "access.with_garbage_token": "soft_refused", "access.credential": "accepted",
				"http.exposed.graphql_introspection": false,
			},
		},
	})
}
