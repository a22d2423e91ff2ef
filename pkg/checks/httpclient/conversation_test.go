package httpclient

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// talks visits a link with one probe for each function, one after the other.
func talks(t *testing.T, r checks.Runner, link *inventory.Link, probes ...func(context.Context, *checks.Visit, *Conversation) error) []checks.Observation {
	t.Helper()
	if r.Level == "" {
		r.Level = checks.Observe
	}
	r.UserAgent = "m2mscan/test"
	if r.Limits.StepTimeout == 0 {
		r.Limits.StepTimeout = 2 * time.Second
	}
	if r.Limits.RequestRate == 0 {
		r.Limits.RequestRate = 1e6
	}
	r.Limits.HostRate, r.Limits.Rate = 1e6, 1e6
	for i, probe := range probes {
		r.Probes = append(r.Probes, checks.New(checks.Spec{Name: fmt.Sprintf("p%d", i), Doc: "For tests.", Level: checks.Observe},
			func(ctx context.Context, v *checks.Visit) (*facts, error) {
				return &facts{Done: new(true)}, probe(ctx, v, Talk(v))
			}))
	}
	results, err := r.Run(t.Context(), []*inventory.Link{link})
	if err != nil {
		t.Fatal(err)
	}
	return results[0].Observations
}

// journal is what a server was asked.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (l *journal) add(r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, r.Method+" "+r.RequestURI)
}

func (l *journal) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string{}, l.lines...)
}

func reasonFor(err error) checks.Reason {
	_, reason := checks.Classify(err)
	return reason
}

func TestConversationAsksOnceOverOneConnection(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("http2=%v", http2), func(t *testing.T) {
			t.Parallel()
			var asked journal
			s, c := secure(t, http2, nil, func(w http.ResponseWriter, r *http.Request) {
				asked.add(r)
				_, _ = io.WriteString(w, "hello")
			})
			ask := func(requests ...Request) func(context.Context, *checks.Visit, *Conversation) error {
				return func(ctx context.Context, _ *checks.Visit, c *Conversation) error {
					for _, r := range requests {
						if e, err := c.Ask(ctx, r); err != nil || string(e.Body) != "hello" {
							return fmt.Errorf("%s: %v, %w", r.Name(), e, err)
						}
					}
					return nil
				}
			}
			// Pacing makes each wait longer than a step: a kept connection must
			// survive that.
			limits := checks.Limits{RequestRate: 3, StepTimeout: 100 * time.Millisecond}
			o := talks(t, checks.Runner{Limits: limits}, newLink(t, s.URL+"/v1/charges"),
				ask(Request{}, Request{URI: "/metrics"}, Request{Random: 1}),
				ask(Request{}, Request{URI: "/metrics"}, Request{Random: 1}, Request{URI: "/other"}))
			want := []string{"GET /v1/charges", "GET /metrics", "", "GET /other"}
			got := asked.all()
			if len(got) == len(want) {
				want[2] = got[2]
			}
			if diff := cmp.Diff(got, want); diff != "" {
				t.Error(diff)
			}
			if n := c.accepted.Load(); n != 2 { // the shared handshake, which nobody took, and this one
				t.Errorf("%d connections", n)
			}
			if o[0].Requests != 3 || o[1].Requests != 1 || o[0].Reason != "" || o[1].Reason != "" {
				t.Errorf("%+v", o)
			}
			if o[1].Connections != 0 || o[1].Bytes == 0 {
				t.Errorf("the second probe opened %d connections, and moved %d bytes", o[1].Connections, o[1].Bytes)
			}
		})
	}
}

func TestRandomPathsAreSiblingsOfTwoLengths(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"", "/", "/v1/charges", "/v1/"} {
		var asked journal
		s, _ := secure(t, false, nil, func(_ http.ResponseWriter, r *http.Request) { asked.add(r) })
		talks(t, checks.Runner{}, newLink(t, s.URL+path), func(ctx context.Context, _ *checks.Visit, c *Conversation) error {
			_, err := c.Ask(ctx, Request{Random: 1})
			_, err2 := c.Ask(ctx, Request{Random: 2})
			return errors.Join(err, err2)
		})
		dir := "GET " + path[:strings.LastIndex(path, "/")+1]
		if path == "" {
			dir = "GET /"
		}
		got := asked.all()
		if len(got) != 2 || !strings.HasPrefix(got[0], dir) || !strings.HasPrefix(got[1], dir) || len(got[0]) == len(got[1]) || len(got[0]) < len(dir)+12 {
			t.Errorf("%q: %q", path, got)
		}
	}
}

func TestRawPathsArriveAsWritten(t *testing.T) {
	t.Parallel()
	lines := make(chan string, 8)
	s := testserver.Raw(t, func(c net.Conn, _ int) {
		r := bufio.NewReader(c)
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			lines <- line
			for line != "\r\n" && err == nil {
				line, err = r.ReadString('\n')
			}
			_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno")
		}
	})
	uris := []string{"/%E0%A4%A", "/a%20b?x=%zz", "/q?query={__schema}", "/plain?x=1"}
	o := talks(t, checks.Runner{}, newLink(t, fmt.Sprintf("http://127.0.0.1:%d/v1", s.Port)), func(ctx context.Context, _ *checks.Visit, c *Conversation) error {
		for _, uri := range uris {
			if e, err := c.Ask(ctx, Request{URI: uri}); err != nil || e.Status != 400 {
				return fmt.Errorf("%s: %w", uri, err)
			}
		}
		return nil
	})
	if o[0].Detail != "" {
		t.Fatal(o[0].Detail)
	}
	for _, uri := range uris {
		if got, want := <-lines, "GET "+uri+" HTTP/1.1\r\n"; got != want {
			t.Errorf("%q arrived as %q", want, got)
		}
	}
}

func TestThrottlingIsHeeded(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name       string
		status     int
		retryAfter string
		reason     checks.Reason // of the next request
		requests   int
		atLeast    time.Duration
	}{
		{"an hour", 429, "3600", checks.ReasonThrottled, 1, 0},
		{"a second", 429, "1", "", 2, time.Second},
		{"a date", 503, "Sat, 21 Nov 2026 11:00:01 GMT", "", 2, time.Second},
		{"it does not say", 503, "", "", 2, courtesy},
		{"nothing one can read", 429, "soon", "", 2, courtesy},
		{"now", 429, "0", "", 2, 0},
		{"a 500 asks for nothing", 500, "3600", "", 2, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var asked journal
			s, _ := secure(t, false, nil, func(w http.ResponseWriter, r *http.Request) {
				asked.add(r)
				w.Header().Set("Date", "Sat, 21 Nov 2026 11:00:00 GMT")
				if tt.retryAfter != "" {
					w.Header().Set("Retry-After", tt.retryAfter)
				}
				w.WriteHeader(tt.status)
			})
			talks(t, checks.Runner{}, newLink(t, s.URL), func(ctx context.Context, _ *checks.Visit, c *Conversation) error {
				if e, err := c.Ask(ctx, Request{}); err != nil || e.Status != tt.status {
					t.Errorf("%v, %v", e, err)
				}
				began := time.Now()
				_, err := c.Ask(ctx, Request{URI: "/next"})
				if reason := reasonFor(err); reason != tt.reason {
					t.Errorf("reason %q (%v), want %q", reason, err, tt.reason)
				}
				if took := time.Since(began); took < tt.atLeast-50*time.Millisecond {
					t.Errorf("waited %s, less than %s", took, tt.atLeast)
				}
				return nil
			})
			if n := len(asked.all()); n != tt.requests {
				t.Errorf("%d requests, want %d", n, tt.requests)
			}
		})
	}
}

func TestThreeRequestsWithoutAnswerAreEnough(t *testing.T) {
	t.Parallel()
	s := testserver.Raw(t, testserver.Reset)
	var reasons []checks.Reason
	o := talks(t, checks.Runner{}, newLink(t, fmt.Sprintf("http://127.0.0.1:%d/", s.Port)), func(ctx context.Context, _ *checks.Visit, c *Conversation) error {
		for i := range 6 {
			_, err := c.Ask(ctx, Request{URI: fmt.Sprintf("/%d", i)})
			reasons = append(reasons, reasonFor(err))
		}
		return nil
	})
	want := []checks.Reason{"reset", "reset", "reset", "reset", "reset", "reset"}
	if diff := cmp.Diff(reasons, want); diff != "" {
		t.Error(diff)
	}
	if want := troubleMax + Repeats; o[0].Requests != want {
		t.Errorf("%d requests, want %d", o[0].Requests, want)
	}
}

// TestSecretsGoToProvenPeersAlone covers each way in which a peer may not be
// who the inventory says.
func TestSecretsGoToProvenPeersAlone(t *testing.T) {
	t.Setenv("HTTPCLIENT_TEST_TOKEN", "s3cret-token-of-ours")
	good, bad := testserver.Root(t, "good"), testserver.Root(t, "bad")
	goodLeaf, badLeaf := good.Leaf(t, nil).TLS(), bad.Leaf(t, nil).TLS()
	for _, tt := range []struct {
		name   string
		scheme string
		second *tls.Certificate // of the second connection, after the shared handshake
		first  *tls.Certificate
		sent   bool
	}{
		{"proven", "https", &goodLeaf, &goodLeaf, true},
		{"unproven", "https", &badLeaf, &badLeaf, false},
		{"proven at first, then another", "https", &badLeaf, &goodLeaf, false},
		{"without TLS", "http", nil, nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var heard bytes.Buffer
			var mu sync.Mutex
			connections := 0
			handler := func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				_ = r.Write(&heard)
				w.Header().Set("Connection", "close")
			}
			var port uint16
			if tt.scheme == "http" {
				plain := httptest.NewServer(http.HandlerFunc(handler))
				t.Cleanup(plain.Close)
				port = uint16(plain.Listener.Addr().(*net.TCPAddr).Port)
			} else {
				port = testserver.HTTP(t, &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
					mu.Lock()
					defer mu.Unlock()
					connections++
					if connections > 1 {
						return tt.second, nil
					}
					return tt.first, nil
				}}, handler).Port
			}
			server := &testserver.Server{Port: port}
			link := server.Link(t, tt.scheme, "/v1")
			link.Auth = inventory.Auth{Type: inventory.AuthBearer, Token: inventory.NewSecret("${HTTPCLIENT_TEST_TOKEN}", "")}
			probe := checks.New(checks.Spec{Name: "p", Doc: "For tests.", Level: checks.Observe}, func(ctx context.Context, v *checks.Visit) (*facts, error) {
				c := Talk(v)
				credential, err := c.Declared(ctx)
				if err != nil {
					t.Error(err)
					return &facts{Done: new(true)}, nil
				}
				_, err = c.Ask(ctx, Request{Credential: credential})
				if sent := err == nil; sent != tt.sent {
					t.Errorf("sent %v: %v", sent, err)
				}
				if !tt.sent && reasonFor(err) != checks.ReasonNotTested {
					t.Errorf("reason %s: %v", reasonFor(err), err)
				}
				v.Evidence("test", "the token is s3cret-token-of-ours")
				return &facts{Done: new(true)}, nil
			})
			o := testserver.Observe(t, link, testserver.Pool(good), probe)
			mu.Lock()
			defer mu.Unlock()
			if got := strings.Contains(heard.String(), "s3cret"); got != tt.sent {
				t.Errorf("the server heard %q", heard.String())
			}
			if text := o[0].Evidence[0].Text; strings.Contains(text, "s3cret") {
				t.Error(text)
			}
		})
	}
}

func TestClientCertificateHasAConnectionOfItsOwn(t *testing.T) {
	t.Parallel()
	root := testserver.Root(t, "root")
	leaf := root.Leaf(t, nil)
	certificate, key := pemOf(t, leaf.TLS())
	s := testserver.HTTP(t, &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}, ClientAuth: tls.RequestClientCert}, func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, len(r.TLS.PeerCertificates))
	})
	link := s.Link(t, "https", "/")
	link.TLS.ClientCert, link.TLS.ClientKey = inventory.NewSecret(certificate, ""), inventory.NewSecret(key, "")
	var bodies []string
	probe := checks.New(checks.Spec{Name: "p", Doc: "For tests.", Level: checks.Observe}, func(ctx context.Context, v *checks.Visit) (*facts, error) {
		for _, r := range []Request{{}, {Certificate: true}, {URI: "/again"}, {URI: "/again", Certificate: true}} {
			e, err := Talk(v).Ask(ctx, r)
			if err != nil {
				return nil, err
			}
			bodies = append(bodies, string(e.Body))
		}
		return &facts{Done: new(true)}, nil
	})
	o := testserver.Observe(t, link, testserver.Pool(root), probe)
	if diff := cmp.Diff(bodies, []string{"0", "1", "0", "1"}); diff != "" {
		t.Error(diff, o[0].Detail)
	}
}

func pemOf(t *testing.T, pair tls.Certificate) (certificate, key string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func TestRequestNames(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]Request{
		"GET the declared URL":                          {},
		"OPTIONS the declared URL with Origin, X-A":     {Method: "OPTIONS", Header: http.Header{"X-A": {"1"}, "Origin": {"https://x"}}},
		"GET /metrics":                                  {URI: "/metrics"},
		"GET a random path":                             {Random: 1},
		"GET another random path":                       {Random: 2},
		"GET the declared URL, declared credential":     {Credential: &Credential{name: DeclaredName}},
		"POST the declared URL, client certificate, W1": {Method: "POST", Certificate: true, Note: "W1"},
	} {
		if got := r.Name(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
