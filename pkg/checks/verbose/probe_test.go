package verbose

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

var (
	unauthorized = reply{status: 401, media: "application/json", body: `{"error":"unauthorized"}`}
	ok           = reply{status: 200, media: "application/json", body: `{"charges":[]}`}
	notFound     = reply{status: 404, media: "application/json", body: `{"error":"not found"}`}
	badRequest   = reply{status: 400, media: "application/json", body: `{"error":"bad request"}`}
	trace        = reply{status: 500, media: "text/plain", body: "java.lang.IllegalStateException: x\n\tat a.b.C.d(C.java:1)\n\tat a.b.C.e(C.java:2)\n"}
)

// nothingShown are the facts of a server that gives generic errors.
func nothingShown(answered int) *Facts {
	return &Facts{
		StackTrace: new(false), DebugPage: new(false), SQLError: new(false), PathDisclosed: new(false),
		InternalHostDisclosed: new(false), VersionDisclosed: new(false), SecretDisclosed: new(false),
		ServerError: new(false), ProblemDetails: new(false), Kinds: []string{}, Frames: new(0), ProbesAnswered: &answered,
	}
}

// Each specimen that shows something is seen on every status, for whichever
// request it is the answer to; the planned requests are sent, and no other.
func TestEveryStatus(t *testing.T) {
	t.Parallel()
	for _, specimen := range readSpecimens(t, "shown") {
		for i, status := range []int{200, 400, 404, 500} {
			to := []string{"random", "malformed", "malformed", "accept"}[i]
			t.Run(fmt.Sprintf("%s on %d", specimen.name, status), func(t *testing.T) {
				t.Parallel()
				s := script{"": unauthorized, to: {status: status, media: specimen.media, body: specimen.body}}.serve(t)
				f, _ := observed(t, s)
				want := nothingShown(4)
				for _, name := range specimen.facts {
					set(want, name, true)
				}
				want.Kinds = specimen.kinds
				want.ServerError = new(status == 500)
				want.Frames = f.Frames
				if diff := cmp.Diff(f, want); diff != "" {
					t.Errorf("facts (-got +want):\n%s", diff)
				}
				if got := s.requests(); !slices.Equal(got, []string{"declared", "random", "malformed", "accept"}) {
					t.Errorf("the server was asked %v", got)
				}
			})
		}
	}
}

// set gives a fact of type bool a value.
func set(f *Facts, name string, value bool) {
	for leaf, field := range map[string]**bool{
		"stack_trace": &f.StackTrace, "debug_page": &f.DebugPage, "sql_error": &f.SQLError, "path_disclosed": &f.PathDisclosed,
		"internal_host_disclosed": &f.InternalHostDisclosed, "version_disclosed": &f.VersionDisclosed,
		"secret_disclosed": &f.SecretDisclosed, "server_error": &f.ServerError, "problem_details": &f.ProblemDetails,
	} {
		if leaf == name {
			*field = &value
		}
	}
}

// Nothing is seen in the harmless corpus, whatever status it comes with.
func TestNothingInHarmless(t *testing.T) {
	t.Parallel()
	for _, specimen := range readSpecimens(t, "harmless") {
		t.Run(specimen.name, func(t *testing.T) {
			t.Parallel()
			page := reply{status: 404, media: specimen.media, body: specimen.body}
			f, o := observed(t, script{"": page, "declared": unauthorized, "malformed": {400, page.media, page.body, nil}}.serve(t))
			want := nothingShown(4)
			want.ProblemDetails = new(specimen.media == "application/problem+json")
			if diff := cmp.Diff(f, want); diff != "" {
				t.Errorf("facts (-got +want):\n%s", diff)
			}
			if len(o.Evidence) > 0 {
				t.Errorf("evidence of nothing: %v", o.Evidence)
			}
		})
	}
}

// TestVerdicts holds each row of the decision table that is not a sighting.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	throttled := reply{status: 429, body: "slow down", header: http.Header{"Retry-After": {"0"}}}
	unavailable := reply{status: 503, body: "later", header: http.Header{"Retry-After": {"0"}}}
	cloudflare := reply{status: 403, media: "text/html", body: "<title>Attention Required! | Cloudflare</title>", header: http.Header{"Server": {"cloudflare"}}}
	path := reply{status: 404, media: "text/html", body: "<p>failed to open /var/www/html/shop/nope.php</p>"}
	compressed := reply{status: 404, body: "\x1f\x8b", header: http.Header{"Content-Encoding": {"gzip"}}}
	all := []string{
		"stack_trace", "debug_page", "sql_error", "path_disclosed", "internal_host_disclosed", "version_disclosed",
		"secret_disclosed", "server_error", "problem_details", "kinds", "frames",
	}
	for _, test := range []struct {
		name    string
		answers script
		want    map[string]any // facts, of which others do not matter
		reason  checks.Reason  // of all those unknown
		unknown []string
	}{
		{"generic errors", script{"": notFound, "declared": unauthorized}, map[string]any{"stack_trace": false, "probes_answered": int64(4), "server_error": false}, "", nil},
		{"public, generic errors", script{"": notFound, "declared": ok}, map[string]any{"stack_trace": false, "probes_answered": int64(3)}, "", nil},
		{"wrong Accept is served all the same", script{"": ok, "random": notFound}, map[string]any{"stack_trace": false, "probes_answered": int64(3)}, "", nil},
		{"no error at all", script{"": ok}, map[string]any{"probes_answered": int64(3)}, checks.ReasonAmbiguous, all},
		{"two answered", script{"": throttled, "declared": notFound, "accept": badRequest}, map[string]any{"probes_answered": int64(2)}, checks.ReasonThrottled, all},
		{"throttled", script{"": throttled}, map[string]any{"probes_answered": int64(0)}, checks.ReasonThrottled, all},
		{"unavailable", script{"": unavailable}, map[string]any{"probes_answered": int64(0)}, checks.ReasonThrottled, all},
		{"a firewall in front", script{"": cloudflare}, map[string]any{"probes_answered": int64(0)}, checks.ReasonAmbiguous, all},
		{"a firewall, but a trace", script{"": cloudflare, "malformed": trace}, map[string]any{"stack_trace": true, "probes_answered": int64(1), "frames": int64(2), "server_error": true}, checks.ReasonAmbiguous, without(all, "stack_trace", "frames", "kinds", "server_error")},
		{"throttled, but a trace", script{"": throttled, "random": {503, "text/plain", trace.body, nil}}, map[string]any{"stack_trace": true, "probes_answered": int64(0)}, checks.ReasonThrottled, without(all, "stack_trace", "frames", "kinds")},
		{"compressed", script{"": compressed}, map[string]any{"probes_answered": int64(0)}, checks.ReasonTooLarge, all},
		{"one frame", script{"": {404, "text/plain", "\tat a.b.C.d(C.java:1)\n\tat a.b.C.d(C.java:1)\n", nil}}, map[string]any{"stack_trace": false, "frames": int64(1), "kinds": []string{}}, "", nil},
		{"a bare 500", script{"": notFound, "malformed": {500, "", "", nil}}, map[string]any{"server_error": true, "stack_trace": false}, "", nil},
		{"500 for everything", script{"": {500, "", "", nil}}, map[string]any{"stack_trace": false}, checks.ReasonAmbiguous, []string{"server_error"}},
		{"501 for the method and 502 are none", script{"": {502, "", "", nil}, "declared": notFound}, map[string]any{"server_error": false}, "", nil},
		{"problem details", script{"": notFound, "accept": {406, "application/problem+json", `{"title":"x"}`, nil}}, map[string]any{"problem_details": true}, "", nil},
		{"problem details that are none", script{"": notFound, "accept": {406, "application/problem+json", `["x"]`, nil}}, map[string]any{"problem_details": false}, "", nil},
		{"the page shows the path", script{"": path, "declared": {200, path.media, path.body, nil}}, map[string]any{"path_disclosed": false, "kinds": []string{}}, "", nil},
		{"the page shows another path", script{"": path, "declared": {200, path.media, "see /var/www/html/shop/index.php", nil}}, map[string]any{"path_disclosed": true, "kinds": []string{"unix-path"}}, "", nil},
		{"the page is not normal", script{"": path, "declared": {404, path.media, path.body, nil}}, map[string]any{"path_disclosed": true}, "", nil},
		{"the page explains traces", script{"": {404, trace.media, trace.body, nil}, "declared": {200, trace.media, trace.body, nil}}, map[string]any{"sql_error": false}, checks.ReasonAmbiguous, []string{"stack_trace"}},
		{"PHP warns in a normal answer", script{"": notFound, "declared": {200, "text/html", "<br />\n<b>Warning</b>:  Undefined variable $x in <b>/srv/x.php</b> on line <b>1</b><br />\n{}", nil}}, map[string]any{"debug_page": true, "path_disclosed": false, "kinds": []string{"php"}}, "", nil},
		{"the service's data are paths", script{"": notFound, "declared": ok, "accept": {200, "application/json", `{"file":"/var/www/html/a.php"}`, nil}}, map[string]any{"path_disclosed": false}, "", nil},
		{"in a header", script{"": notFound, "random": {302, "", "", http.Header{"Location": {"http://10.3.0.17/login"}}}}, map[string]any{"internal_host_disclosed": true}, "", nil},
		{"in an escaped header", script{"": notFound, "random": {500, "", "", http.Header{"X-Debug-Exception-File": {"%2Fvar%2Fwww%2Fshop%2Fa.php:12"}}}}, map[string]any{"path_disclosed": true, "debug_page": true}, "", nil},
		{"the link's own host", script{"": notFound, "random": {302, "", "", http.Header{"Location": {"http://" + testserver.Host + "/login"}}}}, map[string]any{"internal_host_disclosed": false}, "", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := test.answers.serve(t)
			f, o := observed(t, s)
			got := map[string]any{}
			checks.Flatten("errors", f, got)
			for name, want := range test.want {
				if diff := cmp.Diff(got["errors."+name], want); diff != "" {
					t.Errorf("%s (-got +want):\n%s", name, diff)
				}
			}
			reasons := map[string]checks.Reason{}
			for _, name := range test.unknown {
				reasons["errors."+name] = test.reason
			}
			if diff := cmp.Diff(testserver.Reasons(o), reasons); diff != "" {
				t.Errorf("reasons (-got +want):\n%s\n%+v", diff, o.Unknown)
			}
			if n := len(s.requests()); n != 4 {
				t.Errorf("%d requests, want 4", n)
			}
		})
	}
}

func without(list []string, names ...string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(name string) bool { return slices.Contains(names, name) })
}

// What the request said is not disclosed by an answer that repeats it.
func TestReflection(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		_, _ = fmt.Fprintf(w, "cannot open %s for %v, host %s, client %s", r.RequestURI, r.Header, r.Host, r.RemoteAddr)
	})
	for _, path := range []string{"/var/www/html/v1/charges", "/usr/share/x", "/var/log/"} {
		f, o := observeAt(t, s.Link(t, "http", path), checks.Active)
		if f == nil || f.PathDisclosed == nil || *f.PathDisclosed || *f.InternalHostDisclosed || len(f.Kinds) > 0 {
			t.Errorf("%s: %+v, %v", path, f, o.Evidence)
		}
	}
	// A path that only begins like it is the server's own.
	other := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		_, _ = fmt.Fprintf(w, "cannot open /var/www/site%s", r.RequestURI)
	})
	if f, _ := observeAt(t, other.Link(t, "http", "/var/log/x"), checks.Observe); f == nil || f.PathDisclosed == nil || !*f.PathDisclosed {
		t.Errorf("the root of documents is not seen: %+v", f)
	}
}

// At level active there are two requests more. The plan has the number and the
// names of what the server then sees.
func TestPlan(t *testing.T) {
	t.Parallel()
	for level, want := range map[checks.Level][]string{
		checks.Observe: {"declared", "random", "malformed", "accept"},
		checks.Active:  {"declared", "random", "malformed", "accept", "method", "oversized"},
	} {
		s := script{"": notFound, "oversized": {431, "", "", nil}}.serve(t)
		l := s.Link(t, "http", "/v1/charges")
		cost := Probe().Plan(checks.Scope{Link: l, Level: level})
		f, o := observeAt(t, l, level)
		if diff := cmp.Diff(s.requests(), want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", level, diff)
		}
		if len(cost.Asks) != len(want) || o.Requests != len(want) || *f.ProbesAnswered != len(want) {
			t.Errorf("%s: planned %v and %d more, sent %d, answered %d", level, cost.Asks, cost.MoreAsks, o.Requests, *f.ProbesAnswered)
		}
		if o.Connections > cost.Connections {
			t.Errorf("%d connections, planned %d", o.Connections, cost.Connections)
		}
		if !slices.Contains(s.raw, "GET /v1/"+malformed) {
			t.Errorf("the malformed path was sent as one of %v", s.raw)
		}
	}
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"": "/", "/": "/", "/x": "/", "/v1/x": "/v1/", "/v1/": "/v1/", "/a%2Fb/c": "/a%2Fb/", "/hooks/${TOKEN}/in": "/hooks/", "/${TOKEN}": "/",
	} {
		l := testserver.Refused(t).Link(t, "https", "/")
		l.URL.Path, l.URL.RawPath = path, ""
		if strings.Contains(path, "%") {
			l.URL = l.URL.ResolveReference(must(t, l.URL, path))
		}
		if got := directory(l); got != want {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
	}
}

func TestApplies(t *testing.T) {
	t.Parallel()
	s := testserver.Refused(t)
	for scheme, want := range map[string]bool{"https": true, "http": true, "wss": true, "ws": true, "grpcs": false, "mqtts": false} {
		if got := Probe().Applies(s.Link(t, scheme, "/")); got != want {
			t.Errorf("%s: %t", scheme, got)
		}
	}
	l := s.Link(t, "wss", "/")
	l.Kind = inventory.KindBroker
	if Probe().Applies(l) {
		t.Error("it applies to a broker")
	}
	l = s.Link(t, "https", "/")
	l.Kind = inventory.KindWebhook
	if !Probe().Applies(l) {
		t.Error("it does not apply to a webhook")
	}
}

// Evidence has one excerpt for each kind, the weightiest first, and no secret.
func TestEvidence(t *testing.T) {
	t.Parallel()
	const password, key = "Tr0ub4dor9", "AKIAQ3EGVNZ4PLM7XYRT"
	body := "DB_PASSWORD=" + password + "\npostgres://shop:" + password + "@db-1/x failed: near \"" + key + "\": syntax error\n" +
		strings.Repeat("at f (/srv/a.js:1:2)\nat g (/srv/b.js:3:4)\n", 3)
	s := script{"": notFound, "malformed": {400, "text/plain", body, nil}}.serve(t)
	f, o := observed(t, s)
	want := []string{"connection-string", "environment", "aws-key", "node", "sqlite", "unix-path"}
	if diff := cmp.Diff(f.Kinds, slices.Sorted(slices.Values(want))); diff != "" {
		t.Errorf("kinds (-got +want):\n%s", diff)
	}
	seen := map[string]int{}
	for i, e := range o.Evidence {
		if strings.Contains(e.Text, password) || strings.Contains(e.Text, key) {
			t.Errorf("a secret is shown: %s", e.Text)
		}
		if !strings.HasPrefix(e.Text, "GET /v1/%E0%A4%A → 400: ") {
			t.Errorf("evidence %q does not say where", e.Text)
		}
		for _, family := range want {
			if strings.Contains(e.Text, "400: "+family) {
				seen[family]++
				if i < 3 && slices.Index(want, family) > 2 {
					t.Errorf("%s comes before a secret", family)
				}
			}
		}
	}
	for _, family := range want {
		if seen[family] != 1 {
			t.Errorf("%d excerpts of %s in %v", seen[family], family, o.Evidence)
		}
	}
}

// A token of ours that comes back is none of the server's; answers of other
// probes are read as well.
func TestOwnToken(t *testing.T) {
	t.Parallel()
	o := &own{}
	credential := (&httpclient.Credential{}).WithToken("garbage", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZG1pbiJ9.Vx1qZ8r0d3mB4kT7uY2wE5hJ9nL6pC0s", false)
	e := &httpclient.Exchange{
		Request:  httpclient.Request{Credential: credential},
		Response: &httpclient.Response{Status: 401, Body: []byte("bad token " + credential.Token())},
	}
	if a := known(t).read(e, o); len(a.seen) > 0 {
		t.Errorf("%v", a.seen)
	}
	e.Request.Credential = nil
	if a := known(t).read(e, o); !shows(a.seen, kindSecret) {
		t.Error("a token of the server's is not seen")
	}
}

// The hosts at both ends of the link are known to whoever asks.
func TestOwnHosts(t *testing.T) {
	t.Parallel()
	o := &own{hosts: []string{"", "billing.internal", "10.3.0.17"}}
	for body, want := range map[string]bool{
		"moved to http://billing.internal/v2":         false,
		"moved to http://BILLING.internal:8443/v2":    false,
		"client 10.3.0.17, server 10.3.0.17:8443":     false,
		"moved to http://db.billing.internal/v2":      true,
		"moved to http://old-billing.internal/v2":     true,
		"connect ECONNREFUSED 10.3.0.18:5432":         true,
		"no route to http://orders.internal:80/ here": true,
	} {
		e := &httpclient.Exchange{Response: &httpclient.Response{Status: 404, Body: []byte(body)}}
		a := known(t).read(e, o)
		if got := shows(a.seen, kindHost); got != want {
			t.Errorf("%q: %t, want %t", body, got, want)
		}
	}
}
