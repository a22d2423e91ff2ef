package exposure

import (
	"expvar"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/pprof"
	"strings"
	"testing"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
)

// open holds, by path, what the real software answers there.
var open = map[string]handler{
	"/actuator": say(200, `{"_links":{"self":{"href":"https://api/actuator","templated":false},"health":{"href":"https://api/actuator/health"},"env":{"href":"https://api/actuator/env"}}}`,
		"Content-Type", "application/vnd.spring-boot.actuator.v3+json"),
	"/metrics":      say(200, "# HELP up Is it up.\n# TYPE up gauge\nup 1\n", "Content-Type", "text/plain; version=0.0.4"),
	"/debug/pprof/": pprof.Index,
	"/debug/vars":   expvar.Handler().ServeHTTP,
	"/openapi.json": say(200, `{"openapi":"3.1.0","info":{"title":"Orders","version":"1"},"paths":{}}`, "Content-Type", "application/json"),
	"/v3/api-docs":  say(200, `{"info":{"openapi":"no"},"servers":[{"url":"/"}],"openapi":"3.0.1"}`, "Content-Type", "application/json"),
	"/swagger.json": say(200, `{"swagger":"2.0","paths":{}}`, "Content-Type", "application/json"),
	"/graphql": func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("query") != "{__schema{queryType{name}}}" {
			say(400, `{"errors":[{"message":"Must provide query string."}]}`)(w, r)
			return
		}
		say(200, `{"data":{"__schema":{"queryType":{"name":"Query"}}}}`, "Content-Type", "application/json")(w, r)
	},
	"/server-status":   say(200, "<html><head>\n<title>Apache Status</title>\n</head><body>\n<h1>Apache Server Status for api (via 10.0.0.1)</h1>", "Content-Type", "text/html"),
	"/.git/HEAD":       say(200, "ref: refs/heads/main\n"),
	"/phpinfo.php":     say(200, "<html><head><title>PHP 8.2.29 - phpinfo()</title></head>", "Content-Type", "text/html"),
	"/jolokia/version": say(200, `{"request":{"type":"version"},"value":{"agent":"1.7.2","protocol":"7.2","info":{}},"timestamp":1,"status":200}`, "Content-Type", "text/plain"),
}

// bare is the path of a request without its query.
func bare(p path) string {
	asked, _, _ := strings.Cut(p.uri, "?")
	return asked
}

// TestPathOpen: each path that is open is found, and nothing else with it.
func TestPathOpen(t *testing.T) {
	t.Parallel()
	if len(fixedPaths) != 12 || len(open) != 12 {
		t.Fatalf("%d paths and %d samples, want 12", len(fixedPaths), len(open))
	}
	for _, p := range fixedPaths {
		t.Run(p.uri, func(t *testing.T) {
			t.Parallel()
			s := serve(t, map[string]handler{declaredPath: orders, bare(p): open[bare(p)]}, notFound)
			f, why, o := s.observe(t)
			for fact, is := range exposedFacts(&f.Exposed) {
				if is == nil || *is != (fact == p.fact) {
					t.Errorf("%s: %s (%s)", fact, value(is), why["http.exposed."+fact])
				}
			}
			shown := false
			for _, e := range o.Evidence {
				shown = shown || e.Kind == "exposed" && strings.HasPrefix(e.Text, "GET "+p.uri+": HTTP 200")
			}
			if !shown {
				t.Errorf("no evidence in %+v", o.Evidence)
			}
		})
	}
}

// TestPathClosed holds every path against every way to answer that is no proof
// of its content.
func TestPathClosed(t *testing.T) {
	t.Parallel()
	const closed = checks.Reason("") // false is known
	portal := page("", 4<<10)
	for _, test := range []struct {
		name string
		at   func(path) handler // the path's own answer; nil is that of rest
		rest handler            // of all paths that nobody has; nil is a 404
		want checks.Reason
		but  map[string]checks.Reason // by fact
	}{
		{name: "not found", want: closed},
		{name: "soft 404", rest: say(200, page("Nothing here", 1<<10), "Content-Type", "text/html"), want: closed},
		{name: "soft 404 in JSON", rest: say(200, `{"status":404,"_links":{"self":{"href":"/actuator"}}}`, "Content-Type", "application/json"), want: closed},
		{name: "catch-all application", rest: say(200, portal, "Content-Type", "text/html"), want: closed},
		{
			name: "catch-all that is long", want: closed,
			rest: say(200, page("", httpclient.BodyMax+4<<10), "Content-Type", "text/html"),
		},
		{
			name: "catch-all that repeats the path", want: closed,
			rest: func(w http.ResponseWriter, r *http.Request) {
				say(200, page("No such page: "+html.EscapeString(r.RequestURI), 1<<10), "Content-Type", "text/html")(w, r)
			},
		},
		{name: "empty", at: fixed(say(200, "")), want: closed},
		{name: "no content", at: fixed(say(204, "")), want: closed},
		{name: "401", at: content(401), want: closed},
		{name: "403", at: content(403), want: closed},
		{name: "404 with the content", at: content(404), want: closed},
		{name: "410", at: content(410), want: closed},
		{name: "405", at: content(405), want: closed, but: map[string]checks.Reason{factGraphQL: checks.ReasonAmbiguous}},
		{name: "405 everywhere", rest: say(405, ""), want: closed},
		{name: "400 of a guard against forged requests", at: fixed(say(400, `{"errors":[{"message":"blocked as a potential CSRF"}]}`)), want: closed, but: map[string]checks.Reason{factGraphQL: checks.ReasonAmbiguous}},
		{name: "400 that denies introspection", at: fixed(say(400, `{"errors":[{"message":"GraphQL introspection is not allowed"}]}`)), want: closed},
		{name: "200 that denies introspection", at: fixed(say(200, `{"errors":[{"message":"introspection disabled"}],"data":null}`)), want: closed},
		{name: "408", at: content(408), want: checks.ReasonAmbiguous},
		{name: "429", at: fixed(say(429, "", "Retry-After", "0")), want: checks.ReasonThrottled},
		{name: "500", at: content(500), want: checks.ReasonAmbiguous},
		{name: "502", at: content(502), want: checks.ReasonAmbiguous},
		{name: "503", at: fixed(say(503, "", "Retry-After", "0")), want: checks.ReasonThrottled},
		{name: "compressed", at: func(p path) handler { return zipped(body(p)) }, want: checks.ReasonAmbiguous},
		{name: "too long, without the content", at: fixed(say(200, strings.Repeat("x", httpclient.BodyMax+1))), want: checks.ReasonTooLarge},
		{name: "cut short, without the content", at: fixed(say(200, "{", "Content-Length", "400")), want: checks.ReasonReset},
		{name: "redirect to a login", at: fixed(say(302, "", "Location", "/login?next=/metrics")), want: closed},
		{name: "redirect to another host", at: func(p path) handler { return say(301, "", "Location", "https://www.example.com"+p.uri) }, want: closed},
		{name: "redirect to plain HTTP", at: func(p path) handler { return say(301, "", "Location", "http://api.acme.example"+p.uri) }, want: closed},
		{name: "redirect to a form of itself", at: func(p path) handler { return say(301, "", "Location", bare(p)+"/") }, want: checks.ReasonAmbiguous},
		{name: "redirect to nowhere", at: fixed(say(302, "")), want: closed},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			rest := test.rest
			if rest == nil {
				rest = notFound
			}
			routes := map[string]handler{declaredPath: orders}
			for _, p := range fixedPaths {
				if test.at != nil {
					routes[bare(p)] = test.at(p)
				}
			}
			f, why, o := serve(t, routes, rest).observe(t)
			for fact, is := range exposedFacts(&f.Exposed) {
				want := test.want
				if other, differs := test.but[fact]; differs {
					want = other
				}
				if got := why["http.exposed."+fact]; got != want || (want == closed && (is == nil || *is)) {
					t.Errorf("%s: %s (%s), want %q", fact, value(is), got, want)
				}
			}
			for _, e := range o.Evidence {
				if e.Kind == "exposed" {
					t.Errorf("evidence of nothing: %s", e.Text)
				}
			}
		})
	}
}

func fixed(h handler) func(path) handler { return func(path) handler { return h } }

// content answers with what an open path has, and another status.
func content(status int) func(path) handler {
	return func(p path) handler { return say(status, body(p)) }
}

// body is what an open path answers with.
func body(p path) string {
	w := httptest.NewRecorder()
	open[bare(p)](w, httptest.NewRequest(http.MethodGet, p.uri, nil))
	return w.Body.String()
}

// TestAlikeEverywhere: what a random path shows as well says nothing of a
// path, and is no proof of the contrary either.
func TestAlikeEverywhere(t *testing.T) {
	t.Parallel()
	for _, p := range fixedPaths {
		t.Run(p.uri, func(t *testing.T) {
			t.Parallel()
			always := func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body(p)) }
			f, why, _ := serve(t, map[string]handler{declaredPath: orders}, always).observe(t)
			for fact, is := range exposedFacts(&f.Exposed) {
				if fact == p.fact && why["http.exposed."+fact] != checks.ReasonAmbiguous {
					t.Errorf("%s: %s (%s)", fact, value(is), why["http.exposed."+fact])
				}
				if fact != p.fact && (is == nil || *is) {
					t.Errorf("%s: %s", fact, value(is))
				}
			}
		})
	}
}

// TestHealthAlone: what Spring Boot shows by default is no finding.
func TestHealthAlone(t *testing.T) {
	t.Parallel()
	page := `{"_links":{"self":{"href":"https://api/actuator"},"health":{"href":"/h"},"health-path":{"href":"/h/{*path}"},"info":{"href":"/i"}}}`
	f, _, _ := serve(t, map[string]handler{
		declaredPath: orders, "/actuator": say(200, page), "/actuator/health": say(200, `{"status":"UP"}`),
	}, notFound).observe(t)
	if f.Exposed.Actuator == nil || *f.Exposed.Actuator {
		t.Errorf("actuator: %s", value(f.Exposed.Actuator))
	}
}

// TestLongDocument: a description longer than is read shows itself at its start.
func TestLongDocument(t *testing.T) {
	t.Parallel()
	long := fmt.Sprintf(`{"openapi":"3.0.3","info":{"description":%q}}`, strings.Repeat("x", httpclient.BodyMax))
	f, _, _ := serve(t, map[string]handler{declaredPath: orders, "/openapi.json": say(200, long)}, notFound).observe(t)
	if f.Exposed.OpenAPI == nil || !*f.Exposed.OpenAPI {
		t.Errorf("openapi: %s", value(f.Exposed.OpenAPI))
	}
}

// TestOneOfThree: a description at one path settles it, whatever became of the
// others; one path that was not answered leaves it open.
func TestOneOfThree(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		routes map[string]handler
		want   string
	}{
		{map[string]handler{"/openapi.json": say(500, ""), "/swagger.json": open["/swagger.json"]}, "true"},
		{map[string]handler{"/openapi.json": open["/openapi.json"], "/swagger.json": say(500, "")}, "true"},
		{map[string]handler{"/v3/api-docs": say(500, "")}, "unknown"},
		{map[string]handler{"/swagger.json": say(401, "")}, "false"},
	} {
		f, _, _ := serve(t, test.routes, notFound).observe(t)
		if got := value(f.Exposed.OpenAPI); got != test.want {
			t.Errorf("openapi: %s, want %s", got, test.want)
		}
	}
}

// TestDeclaredPath: what the link is for is not a discovery, and a GraphQL link
// is asked where it is.
func TestDeclaredPath(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]handler{"/metrics": open["/metrics"]}, notFound)
	s.link = s.Link(t, "https", "/metrics")
	f, why, _ := s.observe(t)
	if why["http.exposed.metrics"] != checks.ReasonNotAsked || value(f.Exposed.Git) != "false" {
		t.Errorf("metrics: %s (%s), git %s", value(f.Exposed.Metrics), why["http.exposed.metrics"], value(f.Exposed.Git))
	}
	if got, want := len(s.sent()), len(planned(s.link, checks.Observe).Asks); got != want || want != 15 {
		t.Errorf("%d requests, %d planned, want 15: %q", got, want, s.sent())
	}

	s = serve(t, map[string]handler{"/api/graphql": open["/graphql"]}, notFound)
	s.link = s.Link(t, "https", "/api/graphql")
	if f, _, _ := s.observe(t); value(f.Exposed.GraphQLIntrospection) != "true" {
		t.Errorf("introspection: %s, asked %q", value(f.Exposed.GraphQLIntrospection), s.sent())
	}
}
