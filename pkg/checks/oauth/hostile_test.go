package oauth

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// TestHostile: whoever does not answer publishes nothing that is known, and
// costs little.
func TestHostile(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		handle   func(net.Conn, int)
		outcome  checks.Outcome
		reason   checks.Reason
		requests int
	}{
		{"reset", testserver.Reset, checks.Inconclusive, checks.ReasonReset, 3 + httpclient.Repeats},
		{"stall", testserver.Stall, checks.Inconclusive, checks.ReasonStalled, 3 + httpclient.Repeats},
		{"garbage", testserver.Say("\x00\x01\x02\x03\r\n\r\n"), checks.Inconclusive, checks.ReasonGarbage, 3},
		{"endless", testserver.Endless, checks.Inconclusive, checks.ReasonTooLarge, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			l := testserver.Raw(t, test.handle).Link(t, "http", declaredPath)
			l.Auth.Type = inventory.AuthBearer
			o := testserver.Observe(t, l, nil, Probe())[0]
			if o.Facts != nil || o.Outcome != test.outcome || o.Requests != test.requests {
				t.Errorf("%s (%s: %s), %d requests, facts %+v; want %s, %d", o.Outcome, o.Reason, o.Detail, o.Requests, o.Facts, test.outcome, test.requests)
			}
			if test.name != "endless" && o.Reason != test.reason { // that may end in one way or another
				t.Errorf("reason %s, want %s", o.Reason, test.reason)
			}
		})
	}
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		l := testserver.Refused(t).Link(t, "http", declaredPath)
		l.Auth.Type = inventory.AuthBearer
		o := testserver.Observe(t, l, nil, Probe())[0]
		if o.Facts != nil || o.Outcome != checks.Unreachable || o.Reason != checks.ReasonRefused {
			t.Errorf("%+v", o)
		}
	})
}

// TestHostileMetadata: a host that answers, but not when it is asked for
// metadata.
func TestHostileMetadata(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		answer func(w http.ResponseWriter, r *http.Request)
		reason checks.Reason
	}{
		{"endless body", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, strings.Repeat(`{"issuer": `, 1000))
			}
		}, checks.ReasonTooLarge},
		{"slow body", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"issuer": `)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, checks.ReasonStalled},
		{"nothing", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, checks.ReasonStalled},
		{"rate limit, for long", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusTooManyRequests)
		}, checks.ReasonThrottled},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			config := &tls.Config{Certificates: []tls.Certificate{testserver.SelfSigned(t, nil).TLS()}}
			s := testserver.HTTP(t, config, func(w http.ResponseWriter, r *http.Request) {
				if strings.HasPrefix(r.URL.Path, "/.well-known/") {
					test.answer(w, r)
					return
				}
				w.WriteHeader(http.StatusUnauthorized)
			})
			l := s.Link(t, "https", declaredPath)
			l.Auth.Type = inventory.AuthOAuth2
			o := testserver.Observe(t, l, nil, Probe())[0]
			if o.Facts == nil {
				t.Fatalf("no facts: %+v", o)
			}
			check(t, o, map[string]any{"advertised": "?" + string(test.reason), "issuer": "?" + string(test.reason), "jwks.keys": "?" + string(test.reason)})
		})
	}
}

// TestClientCertificate: where one is agreed on, metadata are asked for with it.
func TestClientCertificate(t *testing.T) {
	t.Parallel()
	root := testserver.Root(t, "Root")
	client := root.Leaf(t, nil, testserver.Usage(x509.ExtKeyUsageClientAuth))
	config := &tls.Config{
		Certificates: []tls.Certificate{root.Leaf(t, nil).TLS()}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: testserver.Pool(root),
	}
	var certified atomic.Int64
	s := testserver.HTTP(t, config, func(w http.ResponseWriter, r *http.Request) {
		certified.Add(1)
		if r.URL.Path != serverPath {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"issuer": "https://`+r.Host+`", "tls_client_certificate_bound_access_tokens": true}`)
	})
	for _, agreed := range []inventory.MTLS{inventory.MTLSRequired, inventory.MTLSOptional} {
		l := s.Link(t, "https", declaredPath)
		l.Auth.Type = inventory.AuthOAuth2
		l.TLS = inventory.TLS{MTLS: agreed}
		present(t, l, client)
		o := testserver.Observe(t, l, testserver.Pool(root), Probe())[0]
		if agreed == inventory.MTLSOptional { // nothing is said to who comes without
			if o.Facts != nil || o.Outcome != checks.Inconclusive {
				t.Errorf("%+v", o)
			}
			continue
		}
		check(t, o, map[string]any{"advertised": true, "issuer_matches": true, "certificate_bound_tokens": true})
		if certified.Swap(0) != 3 {
			t.Errorf("not three requests came with the certificate: %+v", o)
		}
	}
}

// present names a client certificate for a link, as an inventory does: in files.
func present(t *testing.T, l *inventory.Link, c *testserver.Issued) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.Key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, block := range map[string]*pem.Block{"c.pem": {Type: "CERTIFICATE", Bytes: c.Cert.Raw}, "c.key": {Type: "PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l.TLS.ClientCert, l.TLS.ClientKey = inventory.NewSecret("file:c.pem", dir), inventory.NewSecret("file:c.key", dir)
}

// TestSecretPath: what a path's secret could show up in is not asked for.
func TestSecretPath(t *testing.T) {
	const secret = "T0KEN-in-the-path"
	t.Setenv("M2M_TEST_PATH", secret)
	root := testserver.Root(t, "Root")
	config := &tls.Config{Certificates: []tls.Certificate{root.Leaf(t, nil).TLS()}}
	s := testserver.HTTP(t, config, func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "well-known") && strings.Contains(r.URL.Path, secret) {
			t.Errorf("asked for %s", r.URL.Path)
		}
		if r.URL.Path == resourcePath {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"resource": "https://`+r.Host+`/hooks/`+secret+`"}`)
			return
		}
		w.Header().Set("WWW-Authenticate", `Bearer resource_metadata="https://`+r.Host+resourcePath+r.URL.Path+`"`)
		w.WriteHeader(http.StatusUnauthorized)
	})
	l := s.Link(t, "https", "/hooks/${M2M_TEST_PATH}")
	l.Auth.Type = inventory.AuthBearer
	o := testserver.Observe(t, l, testserver.Pool(root), Probe())[0]
	check(t, o, map[string]any{"advertised": true, "resource_matches": false, "resource_covers": "?not_tested"})
	if text := fmt.Sprintf("%+v", o); strings.Contains(text, secret) {
		t.Errorf("the secret is in %s", text)
	}
}

// FuzzMeaning: whatever the documents hold, each fact is known, or unknown for
// a reason that is not a defect.
func FuzzMeaning(f *testing.F) {
	f.Add([]byte(resource), []byte(bare), []byte(keysOf()))
	f.Add([]byte(`{"resource": "https://api.acme.example/v1", "jwks_uri": "https://api.acme.example/k"}`), []byte(openID), []byte(keysOf(`{"kty": "oct", "k": "x"}`)))
	f.Add([]byte(`{"issuer": 1, "issuer": 2}`), []byte(`{"issuer": "https://x", "mtls_endpoint_aliases": {"token_endpoint": null}}`), []byte(`{"keys": [{"kty": "RSA", "n": "AQ==", "e": "AQ"}, {}]}`))
	link := (&testserver.Server{Port: 443}).Link(f, "https", declaredPath) // to which nothing is sent
	link.Auth = inventory.Auth{Type: inventory.AuthOAuth2, TokenURL: "https://login.example/token", Scopes: []string{"a"}}
	f.Fuzz(func(t *testing.T, resource, server, keys []byte) {
		answer := func(body []byte) *httpclient.Response {
			return &httpclient.Response{Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: body}
		}
		probe := checks.New(checks.Spec{
			Name: "oauth", Applies: Probe().Applies, Plan: Probe().Plan,
		}, func(_ context.Context, v *checks.Visit) (*Facts, error) {
			s := &survey{visit: v, talk: httpclient.Talk(v), site: siteOf(v.Link())}
			m, err := resourceKind.read(answer(resource), nil)
			if err == nil {
				s.resource.add(document{members: m, expected: s.site.origin + s.site.path})
			}
			s.resource.settle(err)
			if m, err = serverKind.read(answer(server), nil); err == nil {
				s.server.add(document{members: m, url: s.site.origin + serverPath})
			}
			s.server.settle(err)
			s.keys = readKeys(answer(keys))
			return s.facts(), nil
		})
		runner := &checks.Runner{
			Probes: []checks.Probe{probe}, Level: checks.Observe, Now: func() time.Time { return testserver.Now },
			Resolver: func(context.Context, string) ([]netip.Addr, error) { return nil, nil },
		}
		results, err := runner.Run(t.Context(), []*inventory.Link{link})
		if err != nil {
			t.Fatal(err)
		}
		o := results[0].Observations[0]
		if o.Facts == nil {
			t.Fatalf("no facts: %+v", o)
		}
		for _, u := range o.Unknown {
			if u.Reason == checks.ReasonBug {
				t.Errorf("unknown by a defect: %+v", u)
			}
		}
	})
}
