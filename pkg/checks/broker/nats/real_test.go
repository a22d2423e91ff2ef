package nats

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/m2mscan/m2mscan/internal/peers"
	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel/channeltest"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// embedded starts the nats-server that Go modules have, which is newer than
// those of distributions.
func embedded(t testing.TB, conf string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "nats.conf")
	if err := os.WriteFile(path, []byte("listen: 127.0.0.1:-1\n"+conf), 0o600); err != nil {
		t.Fatal(err)
	}
	options, err := server.ProcessConfigFile(path)
	if err != nil {
		t.Fatal(err)
	}
	options.NoLog, options.NoSigs = true, true
	broker, err := server.NewServer(options)
	if err != nil {
		t.Fatal(err)
	}
	broker.Start()
	t.Cleanup(func() {
		broker.Shutdown()
		broker.WaitForShutdown()
	})
	if !broker.ReadyForConnections(10 * time.Second) {
		t.Fatal("nats-server is not ready")
	}
	return broker.Addr().String()
}

// TestRealServers holds the facts against nats-server in each of its modes: the
// embedded one, and the system's, which before 2.10 answers no request about
// one's own user.
func TestRealServers(t *testing.T) {
	t.Setenv("NATS_TEST_PASSWORD", "correct-horse")
	p := channeltest.NewPKI(t)
	tlsBlock := func(more string) string {
		return fmt.Sprintf("tls { cert_file: %q, key_file: %q, ca_file: %q, %s }\n", p.CertFile, p.KeyFile, p.CAFile, more)
	}
	const user = "authorization { user: billing, password: correct-horse }\n"
	login := inventory.Auth{Type: inventory.AuthBasic, Username: inventory.NewSecret("billing", ""), Password: inventory.NewSecret("${NATS_TEST_PASSWORD}", "")}
	for _, tt := range []struct {
		name        string
		scheme      string
		conf        string
		auth        inventory.Auth
		permissions []string
		certificate bool
		level       checks.Level
		connections int
		want        map[string]any
		before210   map[string]any // where the system's server differs; nil values are not looked at
		only        bool           // the embedded server alone has this mode
	}{
		{
			name: "open", scheme: "nats", connections: 1,
			want: map[string]any{
				"protocol": "NATS", "product": "NATS", "anonymous": "accepted", "plaintext": true, "plaintext_login": false,
				"rights.subscribe_all": true, "rights.publish": true, "rights.admin": false, "rights.proof": "introspection",
				"max_packet": 1048576, "extensions": []string{"headers"}, "monitoring_open": "(not_asked)", "tls_downgrade": "(not_asked)",
			},
			before210: map[string]any{"rights.subscribe_all": "(ambiguous)", "rights.proof": "(ambiguous)"},
		},
		{
			name: "open, level active", scheme: "nats", level: checks.Active, connections: 1,
			want:      map[string]any{"rights.subscribe_all": true, "rights.proof": "introspection"},
			before210: map[string]any{"rights.subscribe_all": true, "rights.publish": "(ambiguous)", "rights.proof": "denial"},
		},
		{
			name: "open, with JetStream", scheme: "nats", conf: fmt.Sprintf("jetstream { store_dir: %q }", t.TempDir()), connections: 1,
			want: map[string]any{"extensions": []string{"headers", "jetstream"}},
		},
		{
			name: "password", scheme: "nats", conf: user, connections: 1,
			want: map[string]any{"anonymous": "refused", "plaintext": true, "plaintext_login": true, "rights.publish": "(not_asked)", "verbose_errors": false},
		},
		{
			name: "no_auth_user with few rights", scheme: "nats", connections: 1,
			conf: `accounts { A { users: [ {user: guest, password: x, permissions: {publish: {allow: "public.in"}, subscribe: {allow: ["public.>", "_INBOX.>"]}}}, {user: billing, password: correct-horse} ] } }
no_auth_user: guest`,
			// It may not even ask who it is: what it may do is not known at this level.
			want: map[string]any{"anonymous": "accepted", "plaintext_login": true, "rights.subscribe_all": "(ambiguous)"},
			// Its second INFO does not say either that a login is asked for.
			before210: map[string]any{"plaintext_login": false},
		},
		{
			name: "no_auth_user with few rights, level active", scheme: "nats", level: checks.Active, connections: 1,
			conf: `accounts { A { users: [ {user: guest, password: x, permissions: {publish: {allow: "public.in"}, subscribe: {allow: ["public.>", "_INBOX.>"]}}} ] } }
no_auth_user: guest`,
			want: map[string]any{"anonymous": "accepted", "rights.subscribe_all": false, "rights.proof": "denial", "rights.publish": "(ambiguous)"},
		},
		{
			name: "no_auth_user who may ask", scheme: "nats", connections: 1,
			conf: `accounts { A { users: [ {user: guest, password: x, permissions: {publish: {allow: ["$SYS.REQ.USER.INFO"]}, subscribe: {allow: ["public.>", "_INBOX.>"]}}} ] } }
no_auth_user: guest`,
			want: map[string]any{
				"anonymous": "accepted", "rights.subscribe_all": false, "rights.publish": false, "rights.admin": false, "rights.proof": "introspection",
			},
		},
		{
			name: "TLS after the greeting", scheme: "natss", conf: tlsBlock("") + user, auth: login, permissions: []string{"subscribe:payments.>"}, connections: 4,
			want: map[string]any{
				"anonymous": "refused", "tls_downgrade": false, "plaintext": false, "declared": "accepted", "random_credential": "refused",
				"declared_rights.subscribe_all": true, "excess_rights": []string{"publish:*", "subscribe:*"}, "without_certificate": "accepted",
			},
		},
		{
			name: "TLS first of all", only: true, scheme: "natss", conf: tlsBlock("handshake_first: true") + user, auth: login, connections: 4,
			want: map[string]any{"anonymous": "refused", "tls_downgrade": false, "declared": "accepted", "product": "NATS"},
		},
		{
			name: "TLS may be declined", scheme: "natss", conf: tlsBlock("") + "allow_non_tls: true\n" + user, connections: 3,
			want: map[string]any{"anonymous": "refused", "tls_downgrade": true, "plaintext": true, "plaintext_login": true},
		},
		{
			name: "TLS is required, and the link has none", scheme: "nats", conf: tlsBlock("") + user, connections: 1,
			want: map[string]any{"protocol": "NATS", "plaintext": false, "anonymous": "(not_tested)"},
		},
		{
			name: "client certificate demanded", scheme: "natss", conf: tlsBlock("verify: true"), connections: 3,
			want: map[string]any{"without_certificate": "refused", "anonymous": "refused", "protocol": "(not_tested)"},
		},
		{
			name: "client certificate demanded, with ours", scheme: "natss", conf: tlsBlock("verify: true"), certificate: true, connections: 4,
			want: map[string]any{"without_certificate": "refused", "anonymous": "refused", "declared": "accepted", "declared_rights.publish": true, "tls_downgrade": false},
		},
	} {
		look := func(t *testing.T, addr string, want map[string]any) {
			t.Helper()
			l := channeltest.Link(t, tt.scheme, addr)
			l.Auth, l.Permissions = tt.auth, tt.permissions
			if tt.certificate {
				l.TLS.ClientCert, l.TLS.ClientKey = inventory.NewSecret(p.ClientCertPEM, ""), inventory.NewSecret(p.ClientKeyPEM, "")
			}
			facts, o := channeltest.Survey(t, l, channeltest.Visit{Level: tt.level, Roots: testserver.Pool(p.Root)}, Survey)
			channeltest.Check(t, facts, want)
			fewer := 0
			if facts["without_certificate"] == "refused" {
				fewer = 1 // whether the alert is lost, and asked for again, is a race of the server's
			}
			if o.Connections > tt.connections || o.Connections < tt.connections-fewer {
				t.Errorf("%d connections, want %d", o.Connections, tt.connections)
			}
			if t.Failed() {
				t.Logf("%v\n%v %s", facts, o.Evidence, o.Detail)
			}
		}
		t.Run(tt.name+", embedded", func(t *testing.T) { look(t, embedded(t, tt.conf), tt.want) })
		if tt.only {
			continue
		}
		t.Run(tt.name+", the system's", func(t *testing.T) {
			want := maps.Clone(tt.want)
			for fact := range want {
				if strings.Contains(fact, "rights") {
					delete(want, fact)
				}
			}
			maps.Copy(want, tt.before210)
			look(t, peers.NATS(t, tt.conf), want)
		})
	}
}
