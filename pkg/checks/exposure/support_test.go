package exposure

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

const (
	declaredPath = "/v1/orders"
	token        = "k3y-of-the-test-5f0c"
)

// site is an API on loopback that notes what it is asked.
type site struct {
	*testserver.Server
	link  *inventory.Link
	roots *testserver.Issued

	mu   sync.Mutex
	seen []string // method and request target
}

// handler answers requests; routes of a site are tried before it.
type handler = http.HandlerFunc

// say answers with a status, a body, and headers by name and value.
func say(status int, body string, header ...string) handler {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Date"] = nil
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Add(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func notFound(w http.ResponseWriter, r *http.Request) {
	say(http.StatusNotFound, `{"title":"Not Found"}`, "Content-Type", "application/problem+json")(w, r)
}

func orders(w http.ResponseWriter, r *http.Request) {
	say(http.StatusOK, `{"orders":[]}`, "Content-Type", "application/json")(w, r)
}

// serve starts a site over TLS: routes by path, and rest for what has none.
func serve(t *testing.T, routes map[string]handler, rest handler) *site {
	t.Helper()
	return serveWith(t, &tls.Config{}, routes, rest)
}

func serveWith(t *testing.T, config *tls.Config, routes map[string]handler, rest handler) *site {
	t.Helper()
	s := &site{roots: testserver.Root(t, "Root")}
	config.Certificates = []tls.Certificate{s.roots.Leaf(t, nil).TLS()}
	s.Server = testserver.HTTP(t, config, func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.seen = append(s.seen, r.Method+" "+r.RequestURI)
		s.mu.Unlock()
		if route := routes[r.URL.Path]; route != nil {
			route(w, r)
			return
		}
		rest(w, r)
	})
	s.link = s.Link(t, "https", declaredPath)
	return s
}

// withToken gives the link a bearer token.
func (s *site) withToken(t *testing.T) *site {
	t.Helper()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
	s.link.Auth = inventory.Auth{Type: inventory.AuthBearer, Token: inventory.NewSecret("file:"+file, "")}
	return s
}

// observe runs the probe, and gives its facts, the reasons of those that are
// unknown, and the observation.
func (s *site) observe(t *testing.T) (*Facts, map[string]checks.Reason, checks.Observation) {
	t.Helper()
	o := s.run(t, Probe())[0]
	f, ok := o.Facts.(*Facts)
	if !ok {
		t.Fatalf("no facts: %+v", o)
	}
	for _, e := range o.Evidence {
		if strings.Contains(e.Text, token) || strings.Contains(e.Text, ".invalid") {
			t.Errorf("evidence holds what is secret or random: %q", e.Text)
		}
	}
	return f, testserver.Reasons(o), o
}

// run is testserver.Observe with the patience that these many requests take on
// a busy machine: an answer that is late would be a stall.
func (s *site) run(t *testing.T, probes ...checks.Probe) []checks.Observation {
	t.Helper()
	runner := &checks.Runner{
		Probes: probes, Level: checks.Observe, Roots: testserver.Pool(s.roots), UserAgent: "m2mscan/test",
		Now:    func() time.Time { return testserver.Now },
		Limits: checks.Limits{StepTimeout: 20 * time.Second, LinkTimeout: time.Minute, Rate: 1e6, HostRate: 1e6, RequestRate: 1e6},
		Resolver: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}, nil
		},
	}
	results, err := runner.Run(t.Context(), []*inventory.Link{s.link})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range results[0].Observations {
		for _, u := range o.Unknown {
			if u.Reason == checks.ReasonBug {
				t.Errorf("unknown by a defect: %+v", u)
			}
		}
	}
	return results[0].Observations
}

// sent lists the requests the site has had, the random ones without their name.
func (s *site) sent() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen)
}

// value shows a fact that may be unknown.
func value[T any](p *T) string {
	if p == nil {
		return "unknown"
	}
	return fmt.Sprint(*p)
}

// exposedFacts are the leaves of Exposed by name.
func exposedFacts(e *Exposed) map[string]*bool {
	return map[string]*bool{
		"openapi": e.OpenAPI, "metrics": e.Metrics, "pprof": e.Pprof, "expvar": e.Expvar, "actuator": e.Actuator,
		factGraphQL: e.GraphQLIntrospection, "server_status": e.ServerStatus, "git": e.Git, "phpinfo": e.PHPInfo, "jolokia": e.Jolokia,
	}
}

// zipped answers with a body that is compressed though nobody asked for it.
func zipped(body string) handler {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = io.WriteString(z, body)
	_ = z.Close()
	return say(http.StatusOK, packed.String(), "Content-Encoding", "gzip")
}

// page is HTML of about a size, such as an application for browsers is.
func page(words string, size int) string {
	return "<!doctype html><html><head><title>Portal</title></head><body>" + words + strings.Repeat("<p>lorem ipsum</p>", size/18) + "</body></html>"
}

func planned(l *inventory.Link, level checks.Level) checks.Cost {
	return plan(checks.Scope{Link: l, Level: level, Addresses: 1})
}

func response(status int, body string, header ...string) *httpclient.Response {
	r := &httpclient.Response{Status: status, Header: http.Header{}, Body: []byte(body)}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

// guarded answers 401 to whoever lacks the token.
func guarded(inner handler) handler {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token {
			say(401, `{"title":"Unauthorized"}`, "WWW-Authenticate", "Bearer", "Content-Type", "application/problem+json")(w, r)
			return
		}
		inner(w, r)
	}
}

// servePlain starts a site without TLS that answers everything alike.
func servePlain(t *testing.T, all handler) *site {
	t.Helper()
	plain := httptest.NewServer(all)
	t.Cleanup(plain.Close)
	s := &site{Server: &testserver.Server{Port: plain.Listener.Addr().(*net.TCPAddr).AddrPort().Port()}, roots: testserver.Root(t, "Root")}
	s.link = s.Link(t, "http", declaredPath)
	return s
}
