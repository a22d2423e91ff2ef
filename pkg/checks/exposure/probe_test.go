package exposure

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// TestRequests: a server that answers is sent what was planned, in reading
// methods, over one connection and in one order.
func TestRequests(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		prepare func(*site)
		want    int
	}{
		{"without a credential", func(*site) {}, 16}, // N, R1, 12 paths, 2 for CORS
		{"with a credential", func(s *site) { s.withToken(t) }, 17},
		{"webhook", func(s *site) { s.withToken(t); s.link.Kind = inventory.KindWebhook }, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := serveWith(t, &tls.Config{NextProtos: []string{"h2", "http/1.1"}}, map[string]handler{declaredPath: orders}, notFound)
			test.prepare(s)
			cost := planned(s.link, checks.Observe)
			_, _, o := s.observe(t)
			sent := s.sent()
			if len(sent) != test.want || len(cost.Asks) != test.want || o.Requests != test.want {
				t.Errorf("%d requests, noted %d, planned %d; want %d: %q", len(sent), o.Requests, len(cost.Asks), test.want, sent)
			}
			if n := s.Connections(t); n > cost.Connections+1 { // the shared handshake is planned by another probe
				t.Errorf("%d connections, planned %d", n, cost.Connections)
			}
			for _, request := range sent {
				if !strings.HasPrefix(request, "GET ") && !strings.HasPrefix(request, "OPTIONS ") {
					t.Errorf("sent %q", request)
				}
			}
			if names := slices.Compact(slices.Sorted(slices.Values(cost.Asks))); len(names) != len(cost.Asks) {
				t.Errorf("planned twice: %q", cost.Asks)
			}
		})
	}
}

// TestPlan names every request, so that probes which ask the same share it.
func TestPlan(t *testing.T) {
	t.Parallel()
	link := testserver.Refused(t).Link(t, "https", declaredPath)
	want := []string{
		"GET the declared URL", "GET a random path",
		"GET /actuator", "GET /metrics", "GET /debug/pprof/", "GET /debug/vars",
		"GET /openapi.json", "GET /v3/api-docs", "GET /swagger.json", "GET /graphql" + introspection,
		"GET /server-status", "GET /.git/HEAD", "GET /phpinfo.php", "GET /jolokia/version",
		"GET the declared URL with Origin",
		"OPTIONS the declared URL with Access-Control-Request-Headers, Access-Control-Request-Method, Origin",
	}
	if diff := cmp.Diff(planned(link, checks.Observe), checks.Cost{Connections: 1, Asks: want, MoreAsks: 1}); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	// A token that takes a POST to be had is used from level active on.
	link.Auth = inventory.Auth{Type: inventory.AuthOAuth2, ClientSecret: inventory.NewSecret("${X}", ""), TokenURL: "https://x.example/token"}
	if got := planned(link, checks.Observe).Asks; len(got) != 16 {
		t.Errorf("at level observe: %q", got)
	}
	if got := planned(link, checks.Active).Asks; got[len(got)-1] != "GET the declared URL, declared credential" {
		t.Errorf("at level active: %q", got)
	}
}

func TestApplies(t *testing.T) {
	t.Parallel()
	s := testserver.Refused(t)
	for scheme, want := range map[string]bool{"https": true, "http": true, "wss": true, "ws": true, "mqtts": false, "amqp": false} {
		if got := Probe().Applies(s.Link(t, scheme, "/")); got != want {
			t.Errorf("%s: %t, want %t", scheme, got, want)
		}
	}
}

// TestShared: what another probe asked is not asked again, and is read.
func TestShared(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]handler{declaredPath: guarded(say(200, "{}", "Cache-Control", "no-store"))}, notFound).withToken(t)
	type nothing struct {
		Done *bool `json:"done,omitzero"`
	}
	before := checks.New(checks.Spec{
		Name: "before", Doc: "Asks first.", Level: checks.Observe, Applies: func(*inventory.Link) bool { return true },
		Plan: func(checks.Scope) checks.Cost { return checks.Cost{} },
	}, func(ctx context.Context, v *checks.Visit) (*nothing, error) {
		talk := httpclient.Talk(v)
		credential, err := talk.Declared(ctx)
		if err != nil {
			return nil, err
		}
		for _, r := range []httpclient.Request{{}, {Random: 1}, {Credential: credential}} {
			if _, err := talk.Ask(ctx, r); err != nil {
				return nil, err
			}
		}
		return &nothing{new(true)}, nil
	})
	o := s.run(t, before, Probe())[1]
	f := o.Facts.(*Facts)
	if o.Requests != 14 || len(s.sent()) != 17 || value(f.NoStore) != "true" || value(f.Status) != "401" {
		t.Errorf("%d requests of %d; no_store %s, status %s", o.Requests, len(s.sent()), value(f.NoStore), value(f.Status))
	}
}

func TestSameOwn(t *testing.T) {
	t.Parallel()
	declared := new(httpclient.Credential).WithToken(httpclient.DeclaredName, "x", true)
	garbage := declared.WithToken("garbage credential", "y", false)
	with := httpclient.Request{Credential: declared, Certificate: true}
	for _, test := range []struct {
		request, own httpclient.Request
		want         bool
	}{
		{with, with, true},
		{httpclient.Request{Credential: declared}, with, false},
		{httpclient.Request{Certificate: true}, with, false}, // without the token that it takes besides
		{httpclient.Request{Certificate: true}, httpclient.Request{Certificate: true}, true},
		{httpclient.Request{Credential: garbage, Certificate: true}, with, false},
		{httpclient.Request{Credential: declared, Method: "GET", URI: "/graphql?query=x", Header: http.Header{"Apollo-Require-Preflight": {"true"}}}, httpclient.Request{Credential: declared}, true},
		{httpclient.Request{Credential: declared, URI: "/metrics"}, httpclient.Request{Credential: declared}, false},
		{httpclient.Request{Credential: declared, Header: http.Header{"X-Http-Method-Override": {"OPTIONS"}}}, httpclient.Request{Credential: declared}, false},
		{httpclient.Request{Credential: declared, Method: "OPTIONS"}, httpclient.Request{Credential: declared}, false},
		{httpclient.Request{Credential: declared, Random: 1}, httpclient.Request{Credential: declared}, false},
		{httpclient.Request{Credential: declared, Note: "again"}, httpclient.Request{Credential: declared}, false},
	} {
		if got := sameOwn(test.request, test.own, "/graphql"); got != test.want {
			t.Errorf("%s for %s: %t, want %t", test.request.Name(), test.own.Name(), got, test.want)
		}
	}
}

// TestPlainHTTP: a credential never goes out without TLS, and is not planned.
func TestPlainHTTP(t *testing.T) {
	t.Parallel()
	s := servePlain(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("the credential was sent")
		}
		orders(w, r)
	}).withToken(t)
	f, why, o := s.observe(t)
	if value(f.Status) != "200" || value(f.Exposed.Git) != "false" || why["http.no_store"] != checks.ReasonNotTested {
		t.Errorf("status %s, git %s, no_store unknown for %q", value(f.Status), value(f.Exposed.Git), why["http.no_store"])
	}
	if n := len(planned(s.link, checks.Observe).Asks); n != o.Requests || n != 16 {
		t.Errorf("%d requests, %d planned, want 16", o.Requests, n)
	}
	if f.LatencyMS == nil || *f.LatencyMS <= 0 {
		t.Errorf("latency_ms %s", value(f.LatencyMS))
	}
}

func TestWebhook(t *testing.T) {
	t.Parallel()
	s := serve(t, open, say(200, "", "Access-Control-Allow-Origin", "*"))
	s.link.Kind = inventory.KindWebhook
	f, why, _ := s.observe(t)
	if f.Status == nil || *f.Status != 200 || f.HSTS == nil {
		t.Errorf("status %s, hsts %s", value(f.Status), value(f.HSTS))
	}
	for fact, is := range exposedFacts(&f.Exposed) {
		if is != nil || why["http.exposed."+fact] != checks.ReasonNotAsked {
			t.Errorf("%s: %s (%s)", fact, value(is), why["http.exposed."+fact])
		}
	}
	for _, fact := range append([]string{"no_store", "shared_cacheable"}, corsFacts...) {
		if why["http."+fact] != checks.ReasonNotAsked {
			t.Errorf("%s: %q", fact, why["http."+fact])
		}
	}
}

// TestCertificateNeeded: where TLS lets nobody in, nothing stands open; what
// the link's own certificate opens is read nevertheless.
func TestCertificateNeeded(t *testing.T) {
	t.Parallel()
	clients := testserver.Root(t, "Clients")
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, own := range []bool{false, true} {
			t.Run(tls.VersionName(version), func(t *testing.T) {
				t.Parallel()
				s := serveWith(t, &tls.Config{
					ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: testserver.Pool(clients), MinVersion: version, MaxVersion: version,
				}, open, say(200, "{}", "Content-Type", "application/json", "Cache-Control", "no-store"))
				if !own {
					o := s.run(t, Probe())[0]
					// Without the certificate there is nothing to ask.
					if testserver.Reasons(o)["http.status"] != checks.ReasonNotAsked || len(s.sent()) != 0 {
						t.Errorf("%+v after %q", o, s.sent())
					}
					return
				}
				presentOwn(t, s.link, clients)
				f, why, _ := s.observe(t)
				if value(f.NoStore) != "true" || value(f.HSTS) != "false" || value(f.ContentTypeFits) != "true" || f.Status != nil {
					t.Errorf("no_store %s, hsts %s, content_type_fits %s, status %s", value(f.NoStore), value(f.HSTS), value(f.ContentTypeFits), value(f.Status))
				}
				for _, fact := range []string{"exposed.pprof", "exposed.openapi", "cors_reflects_origin"} {
					if why["http."+fact] != checks.ReasonNotAsked {
						t.Errorf("%s: %q", fact, why["http."+fact])
					}
				}
				if diff := cmp.Diff(s.sent(), []string{"GET " + declaredPath}); diff != "" {
					t.Errorf("sent (-got +want):\n%s", diff)
				}
			})
		}
	}
}

// presentOwn gives the link a client certificate.
func presentOwn(t *testing.T, l *inventory.Link, ca *testserver.Issued) {
	t.Helper()
	leaf := ca.Leaf(t, nil, testserver.Usage(x509.ExtKeyUsageClientAuth))
	key, err := x509.MarshalPKCS8PrivateKey(leaf.Key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, block := range map[string]*pem.Block{
		"cert": {Type: "CERTIFICATE", Bytes: leaf.Cert.Raw}, "key": {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l.TLS.ClientCert, l.TLS.ClientKey = inventory.NewSecret("file:cert", dir), inventory.NewSecret("file:key", dir)
}

// TestHostile: whatever a server does, the visit ends soon, and nothing is
// called closed, open, or a weakness.
func TestHostile(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		handle func(net.Conn, int)
		reason checks.Reason
	}{
		{"stall", testserver.Stall, checks.ReasonStalled},
		{"reset", testserver.Reset, checks.ReasonReset},
		{"garbage", testserver.Say("what do you mean?\r\n\r\n"), checks.ReasonGarbage},
		{"headers without an end", testserver.Say("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 80<<10)), checks.ReasonTooLarge},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			o := testserver.Observe(t, testserver.Raw(t, test.handle).Link(t, "http", "/"), nil, Probe())[0]
			if o.Facts != nil || o.Outcome != checks.Inconclusive || o.Reason != test.reason {
				t.Errorf("%+v", o)
			}
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
	o := testserver.Observe(t, testserver.Refused(t).Link(t, "https", "/"), nil, Probe())[0]
	if o.Outcome != checks.Unreachable || o.Reason != checks.ReasonRefused || o.Facts != nil {
		t.Errorf("refused: %+v", o)
	}
}

// TestHostileAnswers: answers that are HTTP, and yet say nothing.
func TestHostileAnswers(t *testing.T) {
	t.Parallel()
	endless := func(w http.ResponseWriter, _ *http.Request) {
		for chunk := []byte(strings.Repeat("y", 32<<10)); ; {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}
	for _, test := range []struct {
		name   string
		all    handler
		reason checks.Reason // of facts about paths
	}{
		{"429", say(429, "# TYPE up gauge\n", "Retry-After", "0", "Access-Control-Allow-Origin", "*"), checks.ReasonThrottled},
		{"503", say(503, "ref: refs/heads/main", "Retry-After", "0"), checks.ReasonThrottled},
		{"429 that wants an hour", say(429, "", "Retry-After", "3600"), checks.ReasonThrottled},
		{"500", say(500, ""), checks.ReasonAmbiguous},
		{"gzip bomb", zipped(strings.Repeat("z", 16<<20)), checks.ReasonAmbiguous},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, nil, test.all)
			f, why, _ := s.observe(t)
			facts := exposedFacts(&f.Exposed)
			for _, fact := range slices.Sorted(maps.Keys(facts)) {
				if facts[fact] != nil || why["http.exposed."+fact] != test.reason {
					t.Errorf("%s: %s (%s)", fact, value(facts[fact]), why["http.exposed."+fact])
				}
			}
			if test.name != "gzip bomb" && f.CORSReflectsOrigin != nil {
				t.Errorf("cors_reflects_origin: %t", *f.CORSReflectsOrigin)
			}
			if test.name == "429 that wants an hour" && len(s.sent()) != 1 {
				t.Errorf("sent %q", s.sent())
			}
		})
	}
	t.Run("endless body", func(t *testing.T) {
		t.Parallel()
		f, why, o := serve(t, nil, endless).observe(t)
		// It is the same at every path, as far as it was read, and until the link's bytes are spent.
		for fact, is := range exposedFacts(&f.Exposed) {
			if reason := why["http.exposed."+fact]; value(is) == "true" || is == nil && reason != checks.ReasonBudget {
				t.Errorf("%s: %s (%s)", fact, value(is), reason)
			}
		}
		if why["http.content_type_fits"] != checks.ReasonTooLarge || o.Bytes > 16<<20 {
			t.Errorf("content_type_fits unknown for %q, %d bytes", why["http.content_type_fits"], o.Bytes)
		}
	})
}
