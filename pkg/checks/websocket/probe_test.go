package websocket

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"

	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

const (
	bare         = "GET /feed?v=1"
	withGarbage  = bare + ", GARBAGE"
	withOurs     = bare + ", OURS"
	fromElswhere = ", from https://m2mscan.invalid"
)

func TestProbe(t *testing.T) {
	t.Setenv("WEBSOCKET_TEST_TOKEN", token)
	own := inventory.Auth{Type: inventory.AuthBearer, Token: inventory.NewSecret("${WEBSOCKET_TEST_TOKEN}", "")}
	type upgrade = func(websocket.Upgrader) *websocket.Conn
	for _, tt := range []struct {
		name  string
		plain bool
		auth  inventory.Auth
		serve func(s *server, w http.ResponseWriter, r *http.Request, upgrade upgrade)
		seen  []string
		want  map[string]string
	}{
		{
			name: "open to everybody", serve: func(s *server, _ http.ResponseWriter, _ *http.Request, upgrade upgrade) {
				s.end(upgrade(websocket.Upgrader{CheckOrigin: anyOrigin}))
			},
			seen: []string{bare, withGarbage, bare + fromElswhere},
			want: map[string]string{
				"speaks_websocket": "true", "plaintext": "(not_asked)", "subprotocol": "", "compression": "false",
				"without_token": "accepted", "with_garbage_token": "accepted", "declared": "(not_asked)", "presence_only": "(not_asked)",
				"foreign_origin": "true", "foreign_origin_as": "anonymous",
			},
		},
		{
			name: "open but for pages of other sites, in the clear", plain: true, auth: own,
			serve: func(s *server, _ http.ResponseWriter, _ *http.Request, upgrade upgrade) {
				s.end(upgrade(websocket.Upgrader{}))
			},
			seen: []string{bare, withGarbage, bare + fromElswhere},
			want: map[string]string{
				"speaks_websocket": "true", "plaintext": "true", "without_token": "accepted", "declared": "(not_asked)",
				"foreign_origin": "false", "foreign_origin_as": "anonymous",
			},
		},
		{
			name: "no token is agreed", auth: inventory.Auth{Type: inventory.AuthNone},
			serve: func(s *server, _ http.ResponseWriter, _ *http.Request, upgrade upgrade) {
				s.end(upgrade(websocket.Upgrader{}))
			},
			seen: []string{bare, bare + fromElswhere},
			want: map[string]string{"without_token": "accepted", "with_garbage_token": "(not_asked)", "presence_only": "(not_asked)", "foreign_origin": "false"},
		},
		{
			name: "a token is demanded", auth: own, serve: func(s *server, w http.ResponseWriter, r *http.Request, upgrade upgrade) {
				if !ours(r) {
					http.Error(w, "no", http.StatusUnauthorized)
					return
				}
				s.end(upgrade(websocket.Upgrader{Subprotocols: []string{"graphql-ws", "mqtt"}, EnableCompression: true}))
			},
			seen: []string{bare, withGarbage, withOurs, withOurs + fromElswhere},
			want: map[string]string{
				"speaks_websocket": "true", "without_token": "refused", "with_garbage_token": "refused", "declared": "accepted", "presence_only": "false",
				"foreign_origin": "false", "foreign_origin_as": "declared", "subprotocol": "graphql-ws", "compression": "true",
			},
		},
		{
			name: "a token is demanded by 403, and no origin", auth: own, serve: func(s *server, w http.ResponseWriter, r *http.Request, upgrade upgrade) {
				if !ours(r) {
					w.WriteHeader(http.StatusForbidden)
					return
				}
				s.end(upgrade(websocket.Upgrader{CheckOrigin: anyOrigin, Subprotocols: offered}))
			},
			seen: []string{bare, withGarbage, withOurs, withOurs + fromElswhere},
			want: map[string]string{"without_token": "refused", "declared": "accepted", "foreign_origin": "true", "foreign_origin_as": "declared", "subprotocol": "any"},
		},
		{
			name: "a token is demanded, and none is known", serve: func(_ *server, w http.ResponseWriter, _ *http.Request, _ upgrade) {
				w.WriteHeader(http.StatusForbidden)
			},
			seen: []string{bare, withGarbage},
			want: map[string]string{
				"without_token": "refused", "with_garbage_token": "refused", "presence_only": "false", "speaks_websocket": "(ambiguous)",
				"foreign_origin": "(not_tested)", "foreign_origin_as": "(not_tested)",
			},
		},
		{
			name: "403 for all", auth: own, serve: func(_ *server, w http.ResponseWriter, _ *http.Request, _ upgrade) {
				w.WriteHeader(http.StatusForbidden)
			},
			seen: []string{bare, withGarbage, withOurs},
			want: map[string]string{"without_token": "(ambiguous)", "with_garbage_token": "(ambiguous)", "declared": "(ambiguous)", "presence_only": "(ambiguous)"},
		},
		{
			name: "our token is no good", auth: own, serve: func(_ *server, w http.ResponseWriter, _ *http.Request, _ upgrade) {
				w.WriteHeader(http.StatusUnauthorized)
			},
			seen: []string{bare, withGarbage, withOurs},
			want: map[string]string{"without_token": "refused", "with_garbage_token": "refused", "declared": "refused"},
		},
		{
			name: "any token will do", serve: func(s *server, w http.ResponseWriter, r *http.Request, upgrade upgrade) {
				if r.Header.Get("Authorization") == "" {
					w.WriteHeader(http.StatusUnauthorized)
					return
				}
				s.end(upgrade(websocket.Upgrader{}))
			},
			seen: []string{bare, withGarbage},
			want: map[string]string{"without_token": "refused", "with_garbage_token": "accepted", "presence_only": "true", "foreign_origin": "(not_tested)"},
		},
		{
			name: "closed at once for want of a token", auth: own, serve: func(s *server, _ http.ResponseWriter, r *http.Request, upgrade upgrade) {
				c := upgrade(websocket.Upgrader{})
				if c != nil && !ours(r) {
					_ = c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(4401, "no token"), time.Now().Add(time.Second))
				}
				s.end(c)
			},
			seen: []string{bare, withGarbage, withOurs, withOurs + fromElswhere},
			want: map[string]string{"without_token": "refused", "with_garbage_token": "refused", "declared": "accepted", "speaks_websocket": "true"},
		},
		{
			name: "it speaks at once", serve: func(s *server, _ http.ResponseWriter, _ *http.Request, upgrade upgrade) {
				c := upgrade(websocket.Upgrader{EnableCompression: true})
				if c != nil {
					_ = c.WriteMessage(websocket.TextMessage, []byte(strings.Repeat("secret of others ", 100)))
				}
				s.end(c)
			},
			want: map[string]string{"without_token": "accepted", "compression": "true"},
		},
		{
			name: "not found", serve: func(_ *server, w http.ResponseWriter, _ *http.Request, _ upgrade) { w.WriteHeader(http.StatusNotFound) },
			seen: []string{bare, withGarbage},
			want: map[string]string{"without_token": "(ambiguous)", "speaks_websocket": "(ambiguous)", "foreign_origin": "(not_tested)"},
		},
		{
			name: "a page", serve: func(_ *server, w http.ResponseWriter, _ *http.Request, _ upgrade) { _, _ = io.WriteString(w, "hello") },
			want: map[string]string{"without_token": "(ambiguous)"},
		},
		{
			name: "a redirect", serve: func(_ *server, w http.ResponseWriter, r *http.Request, _ upgrade) {
				http.Redirect(w, r, "/login", http.StatusFound)
			},
			want: map[string]string{"without_token": "(ambiguous)"},
		},
		{
			name: "it fails", serve: func(_ *server, w http.ResponseWriter, _ *http.Request, _ upgrade) {
				w.WriteHeader(http.StatusBadGateway)
			},
			want: map[string]string{"without_token": "(ambiguous)"},
		},
		{
			name: "busy for an hour", serve: func(_ *server, w http.ResponseWriter, _ *http.Request, _ upgrade) {
				w.Header().Set("Retry-After", "3600")
				w.WriteHeader(http.StatusServiceUnavailable)
			},
			seen: []string{bare},
			want: map[string]string{"without_token": "(throttled)", "with_garbage_token": "(throttled)"},
		},
		{
			name: "busy with pages of other sites", serve: func(s *server, w http.ResponseWriter, r *http.Request, upgrade upgrade) {
				if r.Header.Get("Origin") != "" {
					w.WriteHeader(http.StatusTooManyRequests)
					return
				}
				s.end(upgrade(websocket.Upgrader{}))
			},
			want: map[string]string{"without_token": "accepted", "foreign_origin": "(throttled)", "foreign_origin_as": "anonymous"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			config, scheme := &tls.Config{}, "wss"
			if tt.plain {
				config, scheme = nil, "ws"
			}
			var s *server
			s = start(t, config, func(w http.ResponseWriter, r *http.Request, upgrade func(websocket.Upgrader) *websocket.Conn) {
				tt.serve(s, w, r, upgrade)
			})
			l := s.Link(t, scheme, "/feed?v=1")
			l.Auth = tt.auth
			facts, o, planned := look(t, l, s.root, 2*time.Second)
			s.busy.Wait()
			expect(t, facts, tt.want)
			got := masked(s.seen)
			if diff := cmp.Diff(got, tt.seen); tt.seen != nil && diff != "" {
				t.Errorf("asked (-got +want):\n%s", diff)
			}
			if o.Requests > planned.MostRequests || o.Requests != len(got) || o.Connections > planned.Connections+1 {
				t.Errorf("%d requests, %d connections; planned %+v", o.Requests, o.Connections, planned)
			}
			for _, err := range s.ended {
				if !websocket.IsCloseError(err, websocket.CloseNormalClosure) && !strings.Contains(err.Error(), "4401") {
					t.Errorf("a WebSocket ended with %v", err)
				}
			}
			for _, e := range o.Evidence {
				if strings.Contains(e.Text, "secret") || strings.Contains(e.Text, token) {
					t.Error(e)
				}
			}
			if t.Failed() {
				t.Logf("%v\n%v\n%v", facts, o.Evidence, o.Unknown)
			}
		})
	}
}

// TestTokenInQuery: a key that belongs into the query, and a URL that holds one,
// are the link's own credential; without it the URL goes out less that.
func TestTokenInQuery(t *testing.T) {
	t.Setenv("WEBSOCKET_TEST_TOKEN", token)
	for name, tt := range map[string]struct {
		path string
		auth inventory.Auth
	}{
		"by auth":    {"/feed?v=1", inventory.Auth{Type: inventory.AuthAPIKey, Query: "key", Token: inventory.NewSecret("${WEBSOCKET_TEST_TOKEN}", "")}},
		"in the URL": {"/feed?v=1&key=${WEBSOCKET_TEST_TOKEN}", inventory.Auth{}},
	} {
		t.Run(name, func(t *testing.T) {
			var s *server
			s = start(t, &tls.Config{}, func(w http.ResponseWriter, r *http.Request, upgrade func(websocket.Upgrader) *websocket.Conn) {
				if r.URL.Query().Get("key") != token || r.URL.Query().Get("v") != "1" {
					w.WriteHeader(http.StatusUnauthorized)
					return
				}
				s.end(upgrade(websocket.Upgrader{CheckOrigin: anyOrigin}))
			})
			l := s.Link(t, "wss", tt.path)
			l.Auth = tt.auth
			facts, o, _ := look(t, l, s.root, 2*time.Second)
			expect(t, facts, map[string]string{
				"without_token": "refused", "with_garbage_token": "refused", "declared": "accepted", "foreign_origin": "true", "foreign_origin_as": "declared",
			})
			for _, e := range o.Evidence {
				if strings.Contains(e.Text, token) {
					t.Error(e)
				}
			}
			if t.Failed() {
				t.Log(s.seen, facts, o.Unknown)
			}
		})
	}
}

// TestTokenGoesToProvenPeersAlone: a server whose certificate is not trusted
// never sees our token.
func TestTokenGoesToProvenPeersAlone(t *testing.T) {
	t.Setenv("WEBSOCKET_TEST_TOKEN", token)
	var s *server
	s = start(t, &tls.Config{}, func(_ http.ResponseWriter, _ *http.Request, upgrade func(websocket.Upgrader) *websocket.Conn) {
		s.end(upgrade(websocket.Upgrader{}))
	})
	for _, path := range []string{"/feed", "/feed?token=${WEBSOCKET_TEST_TOKEN}", "/${WEBSOCKET_TEST_TOKEN}/feed"} {
		l := s.Link(t, "wss", path)
		if path == "/feed" {
			l.Auth = inventory.Auth{Type: inventory.AuthBearer, Token: inventory.NewSecret("${WEBSOCKET_TEST_TOKEN}", "")}
		}
		facts, _, _ := look(t, l, testserver.Root(t, "another"), 2*time.Second)
		if facts["declared"] != "(not_tested)" && facts[""] != "(not_tested)" {
			t.Errorf("%s: %v", path, facts)
		}
	}
	s.busy.Wait()
	if len(s.seen) == 0 || strings.Contains(fmt.Sprint(s.seen), token) {
		t.Error(s.seen)
	}
}

func TestClientCertificates(t *testing.T) {
	t.Parallel()
	root := testserver.Root(t, "clients")
	certificate, key := encode(t, root.Leaf(t, nil, testserver.Usage(x509.ExtKeyUsageClientAuth)))
	for _, tt := range []struct {
		name    string
		demand  tls.ClientAuthType
		present bool
		seen    int
		want    map[string]string
	}{
		{"demanded, and there is none", tls.RequireAndVerifyClientCert, false, 0, map[string]string{"": "(ambiguous)"}},
		{"demanded, and presented", tls.RequireAndVerifyClientCert, true, 3, map[string]string{"without_token": "accepted", "declared": "accepted", "foreign_origin": "false"}},
		{"taken when it comes", tls.VerifyClientCertIfGiven, true, 3, map[string]string{"without_token": "accepted", "declared": "accepted"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var s *server
			s = start(t, &tls.Config{ClientAuth: tt.demand, ClientCAs: testserver.Pool(root)}, func(_ http.ResponseWriter, _ *http.Request, upgrade func(websocket.Upgrader) *websocket.Conn) {
				s.end(upgrade(websocket.Upgrader{}))
			})
			l := s.Link(t, "wss", "/feed")
			l.Auth = inventory.Auth{Type: inventory.AuthMTLS}
			if tt.present {
				l.TLS.ClientCert, l.TLS.ClientKey = inventory.NewSecret(certificate, ""), inventory.NewSecret(key, "")
			}
			facts, o, planned := look(t, l, s.root, 2*time.Second)
			s.busy.Wait()
			expect(t, facts, tt.want)
			if len(s.seen) != tt.seen || o.Requests > planned.MostRequests || o.Connections > planned.Connections+1 {
				t.Errorf("%v; %d requests, %d connections; planned %+v", s.seen, o.Requests, o.Connections, planned)
			}
		})
	}
}
