package exposure

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// origins is a server's way with other origins: what it sends for one, and
// with which status it answers a GET and a preflight.
type origins struct {
	get, preflight int
	allow          func(origin string) (allowed, credentials string)
	errorsBare     bool // no such headers on errors, as nginx has it by default
	preflightBare  bool
}

func (o origins) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status := o.get
	if r.Method == http.MethodOptions {
		status = o.preflight
	}
	if o.allow != nil && (status < 400 || !o.errorsBare) && (r.Method != http.MethodOptions || !o.preflightBare) {
		allowed, credentials := o.allow(r.Header.Get("Origin"))
		for name, value := range map[string]string{"Access-Control-Allow-Origin": allowed, "Access-Control-Allow-Credentials": credentials} {
			if value != "" {
				w.Header()[name] = strings.Split(value, "|")
			}
		}
	}
	if status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "0")
	}
	if status/100 == 3 {
		w.Header().Set("Location", "/login")
	}
	w.WriteHeader(status)
}

func reflecting(credentials string) func(string) (string, string) {
	return func(origin string) (string, string) { return origin, credentials }
}

func static(origin, credentials string) func(string) (string, string) {
	return func(string) (string, string) { return origin, credentials }
}

func TestCORS(t *testing.T) {
	t.Parallel()
	// The facts in the order of corsFacts: reflects, wildcard, credentials, null, on_error.
	const asked = "unknown: not_asked"
	none := []string{"false", "false", "false", asked, "false"}
	all := func(text string) []string { return slices.Repeat([]string{text}, len(corsFacts)) }
	for _, test := range []struct {
		name    string
		origins origins
		want    []string
		more    int // requests beside those planned for every server
	}{
		{"absent", origins{get: 200, preflight: 200}, none, 0},
		{"absent, no OPTIONS", origins{get: 200, preflight: 405}, none, 0},
		{"absent, OPTIONS not implemented", origins{get: 200, preflight: 501}, none, 0},
		{"absent behind authentication", origins{get: 401, preflight: 401}, none, 0},
		{"reflected with credentials", origins{get: 200, preflight: 204, allow: reflecting("true")}, []string{"true", "false", "true", "true", "false"}, 1},
		{"reflected without credentials", origins{get: 200, preflight: 204, allow: reflecting("")}, []string{"true", "false", "false", "true", "false"}, 1},
		{"reflected, but not null", origins{get: 200, preflight: 204, allow: func(origin string) (string, string) {
			if origin == "null" {
				return "", ""
			}
			return origin, "true"
		}}, []string{"true", "false", "true", "false", "false"}, 1},
		{
			"the preflight alone, the rest behind authentication",
			origins{get: 401, preflight: 204, allow: reflecting("true"), errorsBare: true},
			[]string{"true", "false", "true", "true", "false"}, 1,
		},
		{
			"the page alone", origins{get: 200, preflight: 405, allow: reflecting("true"), preflightBare: true},
			[]string{"true", "false", "true", "true", "false"}, 1,
		},
		{"on errors alone", origins{get: 401, preflight: 403, allow: reflecting("true")}, []string{"false", "false", "false", asked, "true"}, 0},
		{"on errors, without credentials", origins{get: 404, preflight: 404, allow: reflecting("")}, none, 0},
		{"on a redirect", origins{get: 302, preflight: 302, allow: reflecting("true")}, []string{"false", "false", "false", asked, "true"}, 0},
		{"wildcard", origins{get: 200, preflight: 204, allow: static("*", "")}, []string{"false", "true", "false", asked, "false"}, 0},
		{"wildcard with credentials", origins{get: 200, preflight: 204, allow: static("*", "true")}, []string{"false", "true", "true", asked, "false"}, 0},
		{
			"wildcard until an origin asks", origins{get: 200, preflight: 204, allow: func(origin string) (string, string) {
				if origin == "" {
					return "*", "true"
				}
				return origin, "true"
			}},
			[]string{"true", "false", "true", "true", "false"}, 1,
		},
		{"null for everybody", origins{get: 200, preflight: 204, allow: static("null", "true")}, []string{"false", "false", "true", "true", "false"}, 0},
		{"one fixed origin", origins{get: 200, preflight: 204, allow: static("https://console.acme.example", "true")}, none, 0},
		{"a list, which browsers refuse", origins{get: 200, preflight: 204, allow: static("*|https://console.acme.example", "true")}, none, 0},
		{"credentials in another spelling", origins{get: 200, preflight: 204, allow: reflecting("True")}, []string{"true", "false", "false", "true", "false"}, 1},
		{"throttled", origins{get: 429, preflight: 429}, all("unknown: throttled"), 0},
		{"failing", origins{get: 500, preflight: 500}, all("unknown: ambiguous"), 0},
		{"a clean page, a failing preflight", origins{get: 200, preflight: 500}, all("unknown: ambiguous"), 0},
		{
			"a failing page, a preflight that reflects", origins{get: 500, preflight: 204, allow: reflecting("true"), errorsBare: true},
			[]string{"true", "unknown: ambiguous", "true", "true", "unknown: ambiguous"}, 1,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, map[string]handler{declaredPath: test.origins.ServeHTTP}, notFound)
			f, why, o := s.observe(t)
			facts := []*bool{f.CORSReflectsOrigin, f.CORSWildcard, f.CORSCredentials, f.CORSNullOrigin, f.CORSOnError}
			got := make([]string, len(facts))
			for i, fact := range facts {
				if got[i] = value(fact); fact == nil {
					got[i] += ": " + string(why["http."+corsFacts[i]])
				}
			}
			if diff := cmp.Diff(got, test.want); diff != "" {
				t.Errorf("%v (-got +want):\n%s", corsFacts, diff)
			}
			cost := planned(s.link, checks.Observe)
			if n := len(s.sent()); n != len(cost.Asks)+test.more || o.Requests != n || test.more > cost.MoreAsks {
				t.Errorf("%d requests, noted %d; planned %d and at most %d more", n, o.Requests, len(cost.Asks), cost.MoreAsks)
			}
		})
	}
}

// TestOrigin: what is sent is what a browser sends, and the origin is nobody's.
func TestOrigin(t *testing.T) {
	t.Parallel()
	var seen []http.Header
	s := serve(t, map[string]handler{declaredPath: func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Origin") != "" {
			seen = append(seen, r.Header.Clone())
			w.Header().Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
		}
	}}, notFound)
	s.observe(t)
	if len(seen) != 3 {
		t.Fatalf("%d requests with an origin, want 3", len(seen))
	}
	origin := seen[0].Get("Origin")
	if !strings.HasPrefix(origin, "https://") || !strings.HasSuffix(origin, ".invalid") || len(origin) < 32 || origin != seen[1].Get("Origin") {
		t.Errorf("origins %q and %q", origin, seen[1].Get("Origin"))
	}
	if method, headers := seen[1].Get("Access-Control-Request-Method"), seen[1].Get("Access-Control-Request-Headers"); method != "GET" || headers != "authorization" {
		t.Errorf("the preflight asks for %q with %q", method, headers)
	}
	if seen[2].Get("Origin") != "null" {
		t.Errorf("the last origin is %q", seen[2].Get("Origin"))
	}
	for _, header := range seen {
		if header.Get("Authorization") != "" || header.Get("Cookie") != "" {
			t.Errorf("a credential was sent: %v", header)
		}
	}
}
