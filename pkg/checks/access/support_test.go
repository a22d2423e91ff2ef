package access

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// server is one that notes what it is asked.
type server struct {
	*testserver.Server
	root *testserver.Issued

	mu      sync.Mutex
	seen    []*http.Request
	handler http.HandlerFunc
}

// start serves over TLS with a certificate of an authority of its own.
func start(t testing.TB, http2 bool, handler http.HandlerFunc) *server {
	t.Helper()
	config := &tls.Config{}
	if http2 {
		config.NextProtos = []string{"h2", "http/1.1"}
	}
	return startWith(t, config, handler)
}

func startWith(t testing.TB, config *tls.Config, handler http.HandlerFunc) *server {
	t.Helper()
	s := &server{root: testserver.Root(t, "Root"), handler: handler}
	config.Certificates = []tls.Certificate{s.root.Leaf(t, nil).TLS()}
	if config.NextProtos == nil {
		config.NextProtos = []string{"http/1.1"}
	}
	s.Server = testserver.HTTP(t, config, s.serve)
	return s
}

// startPlain serves without TLS.
func startPlain(t testing.TB, handler http.HandlerFunc) *server {
	t.Helper()
	s := &server{handler: handler}
	plain := httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(plain.Close)
	port := netip.MustParseAddrPort(plain.Listener.Addr().String()).Port()
	s.Server = &testserver.Server{Port: port}
	return s
}

func (s *server) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.seen = append(s.seen, r.Clone(context.WithoutCancel(r.Context())))
	s.mu.Unlock()
	s.handler(w, r)
}

// requests is what arrived so far.
func (s *server) requests() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen)
}

// setting is what differs between visits.
type setting struct {
	level    checks.Level // observe when empty
	unproven bool         // the server's authority is not trusted
}

// visit runs the probe and nothing else.
func (s *server) visit(t testing.TB, l *inventory.Link, how setting) checks.Observation {
	t.Helper()
	roots := x509.NewCertPool()
	if s.root != nil && !how.unproven {
		roots.AddCert(s.root.Cert)
	}
	return visit(t, l, roots, cmp.Or(how.level, checks.Observe), time.Second)
}

func runnerFor(roots *x509.CertPool, level checks.Level, step time.Duration) *checks.Runner {
	return &checks.Runner{
		Probes: []checks.Probe{Probe()}, Level: level, Roots: roots, UserAgent: "m2mscan/test",
		Now: func() time.Time { return testserver.Now },
		Limits: checks.Limits{
			StepTimeout: step, LinkTimeout: time.Minute, Rate: 1e6, HostRate: 1e6, RequestRate: 1e6,
		},
		Resolver: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}, nil
		},
	}
}

func visit(t testing.TB, l *inventory.Link, roots *x509.CertPool, level checks.Level, step time.Duration) checks.Observation {
	t.Helper()
	results, err := runnerFor(roots, level, step).Run(t.Context(), []*inventory.Link{l})
	if err != nil {
		t.Fatal(err)
	}
	o := results[0].Observations[0]
	for _, u := range o.Unknown {
		if u.Reason == checks.ReasonBug {
			t.Errorf("unknown by a defect: %+v", u)
		}
	}
	return o
}

// link is an https link to the server.
func (s *server) link(t testing.TB, path string, auth inventory.Auth) *inventory.Link {
	t.Helper()
	l := s.Link(t, "https", path)
	l.Auth = auth
	return l
}

// learned is all that an observation says, as "name=value" or "name?reason",
// for the facts that are named.
func learned(o checks.Observation, names ...string) string {
	values := make(map[string]any)
	if o.Facts != nil {
		checks.Flatten("", o.Facts, values)
	}
	reasons := testserver.Reasons(o)
	var parts []string
	for _, name := range names {
		switch value, known := values[name]; {
		case known:
			parts = append(parts, fmt.Sprintf("%s=%v", name, value))
		case reasons["access."+name] != "":
			parts = append(parts, fmt.Sprintf("%s?%s", name, reasons["access."+name]))
		default:
			parts = append(parts, fmt.Sprintf("%s?%s", name, reasons["access"]))
		}
	}
	return strings.Join(parts, " ")
}

const token = "s3cr3t-t0ken-0f-acme" // an opaque one

func literal(text string) inventory.Secret { return inventory.NewSecret(text, "") }

func bearer(token string) inventory.Auth {
	return inventory.Auth{Type: inventory.AuthBearer, Token: literal(token)}
}

// answer writes one.
func reply(w http.ResponseWriter, status int, media, body string) {
	w.Header().Set("Content-Type", media)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

const (
	jsonType = "application/json"
	charges  = `{"charges":[{"id":"ch_1","amount":1200,"currency":"usd","customer":"Ann"},{"id":"ch_2","amount":80,"currency":"eur","customer":"Bob"}],"total":2}`
)

// authorized reports the link's own token.
func authorized(r *http.Request) bool { return r.Header.Get("Authorization") == "Bearer "+token }

// declared reports the path that the links of tests have.
func declared(r *http.Request) bool { return r.URL.Path == "/v1/charges" }

// guarded serves the charges to who is let in, and anything else as stated.
func guarded(allowed func(*http.Request) bool, refuse http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !declared(r):
			reply(w, 404, jsonType, `{"error":"no such resource"}`)
		case allowed(r):
			reply(w, 200, jsonType, charges)
		default:
			refuse(w, r)
		}
	}
}

func unauthorized(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("WWW-Authenticate", `Bearer realm="acme"`)
	reply(w, 401, jsonType, `{"error":"unauthorized"}`)
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { reply(w, code, jsonType, `{"error":"no"}`) }
}

func nobody(*http.Request) bool    { return false }
func everybody(*http.Request) bool { return true }
func anyToken(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ")
}

// withCertificate names a client certificate for a link, in files.
func withCertificate(t testing.TB, l *inventory.Link, c *testserver.Issued) *inventory.Link {
	t.Helper()
	dir := t.TempDir()
	der, err := x509.MarshalPKCS8PrivateKey(c.Key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"c.pem": {Type: "CERTIFICATE", Bytes: c.Cert.Raw}, "c.key": {Type: "PRIVATE KEY", Bytes: der},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l.TLS.ClientCert, l.TLS.ClientKey = inventory.NewSecret("file:c.pem", dir), inventory.NewSecret("file:c.key", dir)
	return l
}

func parse(t testing.TB, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
