package httpclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

type facts struct {
	Done *bool `json:"done,omitzero"`
}

// visit runs one function with a client on one link.
func visit(t *testing.T, r checks.Runner, link *inventory.Link, run func(context.Context, *checks.Visit, *Client) error) checks.Observation {
	t.Helper()
	if r.Level == "" {
		r.Level = checks.Observe
	}
	r.UserAgent = "m2mscan/test (+security@example.com)"
	if r.Limits.StepTimeout == 0 {
		r.Limits.StepTimeout = 2 * time.Second
	}
	r.Limits.HostRate, r.Limits.Rate = 1e6, 1e6
	if r.Limits.RequestRate == 0 {
		r.Limits.RequestRate = 1e6
	}
	r.Probes = []checks.Probe{checks.New(checks.Spec{Name: "test", Doc: "For tests.", Level: checks.Observe},
		func(ctx context.Context, v *checks.Visit) (*facts, error) {
			err := run(ctx, v, New(v))
			return &facts{Done: new(true)}, err
		})}
	results, err := r.Run(t.Context(), []*inventory.Link{link})
	if err != nil {
		t.Fatal(err)
	}
	return results[0].Observations[0]
}

func newLink(t *testing.T, rawURL string) *inventory.Link {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	return &inventory.Link{Vendor: &inventory.Vendor{ID: "acme"}, ID: "api", Kind: inventory.KindEndpoint, URL: u}
}

// counter counts the connections a test server accepts.
type counter struct{ accepted atomic.Int64 }

func (c *counter) state(_ net.Conn, s http.ConnState) {
	if s == http.StateNew {
		c.accepted.Add(1)
	}
}

// secure starts a TLS server on loopback.
func secure(t *testing.T, http2 bool, config *tls.Config, handler http.HandlerFunc) (*httptest.Server, *counter) {
	t.Helper()
	c := &counter{}
	s := httptest.NewUnstartedServer(handler)
	s.EnableHTTP2, s.TLS, s.Config.ConnState = http2, config, c.state
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s, c
}

func TestGet(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	for _, tt := range []struct {
		name   string
		scheme string
		http2  bool
		proto  string
	}{
		{"HTTP/1.1 over TLS", "https", false, "HTTP/1.1"},
		{"HTTP/2", "https", true, "HTTP/2.0"},
		{"WebSocket endpoint", "wss", true, "HTTP/1.1"},
		{"plain HTTP", "http", false, "HTTP/1.1"},
		{"plain WebSocket endpoint", "ws", false, "HTTP/1.1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var seen *http.Request
			handler := func(w http.ResponseWriter, r *http.Request) {
				seen = r
				w.Header().Set("Set-Cookie", "sid=1")
				w.Header().Set("Location", "https://127.0.0.1:1/elsewhere")
				w.WriteHeader(http.StatusFound)
				_, _ = io.WriteString(w, "moved")
			}
			c := &counter{}
			s := httptest.NewUnstartedServer(http.HandlerFunc(handler))
			s.EnableHTTP2, s.Config.ConnState = tt.http2, c.state
			if tt.scheme == "https" || tt.scheme == "wss" {
				s.StartTLS()
			} else {
				s.Start()
			}
			defer s.Close()
			link := newLink(t, tt.scheme+"://ann:hunter2@"+s.Listener.Addr().String()+"/v1/charges?page=2#top")
			o := visit(t, checks.Runner{}, link, func(ctx context.Context, v *checks.Visit, client *Client) error {
				if v.Target().TLS() {
					if _, err := v.Handshake(ctx); err != nil {
						return err
					}
				}
				for range 3 {
					r, err := client.Get(ctx)
					if err != nil {
						return err
					}
					if r.Status != http.StatusFound || string(r.Body) != "moved" || r.Truncated || r.BodyErr != nil {
						t.Errorf("%+v", r)
					}
				}
				return nil
			})
			if o.Outcome != checks.Observed || o.Connections != 1 || o.Requests != 3 || c.accepted.Load() != 1 {
				t.Errorf("%+v; %d connections at the server", o, c.accepted.Load())
			}
			if seen == nil {
				t.Fatal("no request arrived")
			}
			if seen.Proto != tt.proto || seen.Method != http.MethodGet || seen.RequestURI != "/v1/charges?page=2" || seen.Host != link.URL.Host {
				t.Errorf("%s %s %s to %s", seen.Method, seen.RequestURI, seen.Proto, seen.Host)
			}
			want := http.Header{"User-Agent": {"m2mscan/test (+security@example.com)"}, "Accept": {"*/*"}}
			if got := fmt.Sprint(seen.Header); got != fmt.Sprint(want) {
				t.Errorf("headers %v, want %v", got, want)
			}
		})
	}
}

// 429 and 503 are answers, and are not asked for twice.
func TestAnswersAreNotRetried(t *testing.T) {
	t.Parallel()
	for _, status := range []int{429, 500, 503} {
		var requests atomic.Int64
		s, _ := secure(t, true, nil, func(w http.ResponseWriter, _ *http.Request) {
			requests.Add(1)
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(status)
		})
		visit(t, checks.Runner{}, newLink(t, s.URL), func(ctx context.Context, _ *checks.Visit, c *Client) error {
			r, err := c.Get(ctx)
			if err != nil || r.Status != status || r.Header.Get("Retry-After") != "3600" {
				t.Errorf("%+v, %v", r, err)
			}
			return nil
		})
		if requests.Load() != 1 {
			t.Errorf("%d: %d requests", status, requests.Load())
		}
	}
}

func TestMethodsAboveTheLevelAreRefused(t *testing.T) {
	t.Parallel()
	var requests atomic.Int64
	s, _ := secure(t, false, nil, func(http.ResponseWriter, *http.Request) { requests.Add(1) })
	allowed := map[checks.Level][]string{
		checks.Observe:   {"GET", "HEAD", "OPTIONS"},
		checks.Active:    {"GET", "HEAD", "OPTIONS", "TRACE", "M2MSCAN"},
		checks.Consented: {"GET", "HEAD", "OPTIONS", "TRACE", "M2MSCAN", "POST", "PUT", "PATCH", "DELETE"},
	}
	for level, methods := range allowed {
		for _, method := range []string{"GET", "HEAD", "OPTIONS", "TRACE", "M2MSCAN", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "get"} {
			requests.Store(0)
			want := strings.Contains(" "+strings.Join(methods, " ")+" ", " "+method+" ")
			if method == "get" && level != checks.Observe {
				continue // a method of its own (RFC 9110 section 9.1), sent from active on
			}
			link := newLink(t, s.URL)
			link.Probe.Consent = []inventory.Consent{inventory.ConsentSendTestEvent}
			visit(t, checks.Runner{Level: level}, link, func(ctx context.Context, _ *checks.Visit, c *Client) error {
				request, err := http.NewRequestWithContext(ctx, method, s.URL, nil)
				if err != nil {
					t.Fatal(err)
				}
				_, err = c.Do(request)
				if _, reason := checks.Classify(err); want != (err == nil) || !want && reason != checks.ReasonNotTested {
					t.Errorf("%s at %s: %v", method, level, err)
				}
				return nil
			})
			if got := requests.Load() == 1; got != want {
				t.Errorf("%s at %s: sent %v, want %v", method, level, got, want)
			}
		}
	}
}

// The level alone does not allow a method that writes.
func TestWritingNeedsTheOwnersConsent(t *testing.T) {
	t.Parallel()
	s, c := secure(t, false, nil, func(http.ResponseWriter, *http.Request) {})
	o := visit(t, checks.Runner{Level: checks.Consented}, newLink(t, s.URL), func(ctx context.Context, _ *checks.Visit, client *Client) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.Do(request)
		return err
	})
	if o.Reason != checks.ReasonNotTested || o.Requests != 0 || c.accepted.Load() != 0 {
		t.Errorf("%+v", o)
	}
}

func TestOtherHostsAreRefused(t *testing.T) {
	t.Parallel()
	s, c := secure(t, false, nil, func(http.ResponseWriter, *http.Request) {})
	other := serveRaw(t, func(net.Conn) {})
	o := visit(t, checks.Runner{}, newLink(t, s.URL), func(ctx context.Context, _ *checks.Visit, client *Client) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+other.Addr().String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.Do(request)
		return err
	})
	if o.Reason != checks.ReasonNotTested || o.Connections != 0 || c.accepted.Load() != 0 || other.accepted.Load() != 0 {
		t.Errorf("%+v", o)
	}
}

func TestBodyCap(t *testing.T) {
	t.Parallel()
	s, _ := secure(t, true, nil, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip") // and yet not touched
		for range 100 {
			if _, err := w.Write(make([]byte, 10_000)); err != nil {
				return
			}
		}
	})
	visit(t, checks.Runner{}, newLink(t, s.URL), func(ctx context.Context, _ *checks.Visit, c *Client) error {
		r, err := c.Get(ctx)
		if err != nil || len(r.Body) != BodyMax || !r.Truncated || r.BodyErr != nil {
			t.Errorf("%d bytes, %v", len(r.Body), err)
		}
		return nil
	})
}

// When the server has closed the shared handshake's connection, one new one is
// made, and the request is sent and counted again.
func TestKeptConnectionWasClosed(t *testing.T) {
	t.Parallel()
	s, c := secure(t, false, nil, func(http.ResponseWriter, *http.Request) {})
	o := visit(t, checks.Runner{}, newLink(t, s.URL), func(ctx context.Context, _ *checks.Visit, client *Client) error {
		for range 3 {
			if _, err := client.Get(ctx); err != nil {
				return err
			}
			s.CloseClientConnections()
		}
		return nil
	})
	if o.Outcome != checks.Observed || o.Connections != int(c.accepted.Load()) || o.Connections < 3 || o.Requests < 3 || o.Requests > 5 {
		t.Errorf("%+v; %d connections at the server", o, c.accepted.Load())
	}
}

// A client over one connection uses that one, and no other when it is closed.
func TestOver(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		var versions []uint16
		s, c := secure(t, http2, nil, func(_ http.ResponseWriter, r *http.Request) { versions = append(versions, r.TLS.Version) })
		o := visit(t, checks.Runner{}, newLink(t, s.URL), func(ctx context.Context, v *checks.Visit, _ *Client) error {
			h, err := v.HandshakeWith(ctx, nil, tls.VersionTLS12, tls.VersionTLS12)
			if err != nil {
				return err
			}
			conn := h.TakeConn()
			client := Over(v, h, conn)
			for range 2 {
				if _, err := client.Get(ctx); err != nil {
					return err
				}
			}
			_ = conn.Close()
			_, err = client.Get(ctx)
			return err
		})
		if o.Reason != checks.ReasonReset || o.Requests != 3 || c.accepted.Load() != 1 {
			t.Errorf("HTTP/2 %v: %+v; %d connections at the server", http2, o, c.accepted.Load())
		}
		if diff := cmp.Diff(versions, []uint16{tls.VersionTLS12, tls.VersionTLS12}); diff != "" {
			t.Errorf("versions (-got +want):\n%s", diff)
		}
	}
}

func TestRequestBudget(t *testing.T) {
	t.Parallel()
	var requests atomic.Int64
	s, _ := secure(t, true, nil, func(http.ResponseWriter, *http.Request) { requests.Add(1) })
	r := checks.Runner{Limits: checks.Limits{Requests: 2}}
	o := visit(t, r, newLink(t, s.URL), func(ctx context.Context, _ *checks.Visit, c *Client) error {
		for range 3 {
			if _, err := c.Get(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	if o.Reason != checks.ReasonBudget || requests.Load() != 2 || o.Requests != 2 {
		t.Errorf("%+v; %d requests at the server", o, requests.Load())
	}
}

// A secret in the path goes only to a proven peer.
func TestSecretInThePath(t *testing.T) {
	t.Setenv("M2M_TEST_HOOK", "capability1234")
	var path atomic.Value
	s, _ := secure(t, true, nil, func(_ http.ResponseWriter, r *http.Request) { path.Store(r.URL.Path) })
	plain := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { path.Store(r.URL.Path) }))
	defer plain.Close()
	trusted := x509.NewCertPool()
	trusted.AddCert(s.Certificate())
	for _, tt := range []struct {
		name  string
		url   string
		roots *x509.CertPool
		sent  bool
	}{
		{"proven", s.URL, trusted, true},
		{"unproven", s.URL, x509.NewCertPool(), false},
		{"plain", plain.URL, trusted, false},
	} {
		path.Store("")
		o := visit(t, checks.Runner{Roots: tt.roots}, newLink(t, tt.url+"/hook/${M2M_TEST_HOOK}"), func(ctx context.Context, v *checks.Visit, c *Client) error {
			_, err := c.Get(ctx)
			v.Evidence("http", "sent /hook/capability1234")
			return err
		})
		if sent := path.Load() == "/hook/capability1234"; sent != tt.sent || path.Load() != "" && !tt.sent {
			t.Errorf("%s: the server saw %q", tt.name, path.Load())
		}
		if !tt.sent && o.Reason != checks.ReasonNotTested {
			t.Errorf("%s: %s (%s)", tt.name, o.Reason, o.Detail)
		}
		if strings.Contains(fmt.Sprint(o), "capability1234") {
			t.Errorf("%s: the secret is in the observation: %+v", tt.name, o)
		}
	}
}
