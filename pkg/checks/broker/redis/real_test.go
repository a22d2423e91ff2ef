package redis

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/m2mscan/m2mscan/internal/peers"
	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel/channeltest"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

func tlsDirectives(p channeltest.PKI, more ...string) []string {
	return append([]string{"port 0", "tls-port PORT", "tls-cert-file " + p.CertFile, "tls-key-file " + p.KeyFile, "tls-ca-cert-file " + p.CAFile}, more...)
}

// TestRealServer holds the facts against redis-server in each of its modes.
func TestRealServer(t *testing.T) {
	t.Setenv("REDIS_TEST_PASSWORD", "correct-horse")
	p := channeltest.NewPKI(t)
	const acl = "user default off\nuser app on >correct-horse ~app:* &app:* +@read +@write -@dangerous\n"
	aclFile := filepath.Join(t.TempDir(), "users.acl")
	if err := os.WriteFile(aclFile, []byte(acl), 0o600); err != nil {
		t.Fatal(err)
	}
	login := inventory.Auth{Type: inventory.AuthBasic, Username: inventory.NewSecret("default", ""), Password: inventory.NewSecret("${REDIS_TEST_PASSWORD}", "")}
	appLogin := login
	appLogin.Username = inventory.NewSecret("app", "")
	wrongLogin := login
	wrongLogin.Password = inventory.NewSecret("not-it", "")
	for _, tt := range []struct {
		name        string
		scheme      string
		directives  []string
		auth        inventory.Auth
		permissions []string
		certificate bool
		connections int
		want        map[string]any
	}{
		{
			name: "open", scheme: "redis", connections: 1,
			want: map[string]any{
				"protocol": "Redis", "product": "redis", "plaintext": true, "plaintext_login": false, "anonymous": "accepted",
				"rights.subscribe_all": true, "rights.publish": true, "rights.admin": true, "rights.proof": "introspection",
				"max_connections": 10000, "declared": "(not_asked)", "without_certificate": "(not_asked)",
			},
		},
		{
			name: "open, a login is declared", scheme: "redis", auth: login, connections: 3,
			want: map[string]any{"anonymous": "accepted", "declared": "(not_tested)", "random_credential": "(not_tested)"},
		},
		{
			name: "password", scheme: "redis", directives: []string{"requirepass correct-horse"}, connections: 1,
			want: map[string]any{
				"anonymous": "refused", "plaintext": true, "plaintext_login": true, "product": "(not_asked)", "rights.admin": "(not_asked)", "verbose_errors": false,
			},
		},
		{
			name: "ACL that lets everybody read", scheme: "redis", directives: []string{"user default on nopass ~* &* -@all +@read +@connection +@keyspace"}, connections: 1,
			want: map[string]any{
				"anonymous": "accepted", "rights.admin": false, "rights.subscribe_all": true, "rights.publish": "(not_tested)", "rights.proof": "denial",
			},
		},
		{
			name: "ACL that lets everybody look at rights", scheme: "redis", directives: []string{"user default on nopass ~cache:* -@all +get +set +ping +hello +acl"}, connections: 1,
			want: map[string]any{
				"anonymous": "accepted", "rights.admin": false, "rights.subscribe_all": false, "rights.publish": false, "rights.proof": "introspection",
			},
		},
		{
			name: "TLS without client certificates", scheme: "rediss", directives: tlsDirectives(p, "tls-auth-clients no", "requirepass correct-horse"), auth: login,
			permissions: []string{"read:app:*"}, connections: 4,
			want: map[string]any{
				"anonymous": "refused", "plaintext": "(not_asked)", "without_certificate": "accepted", "declared": "accepted", "random_credential": "refused",
				"declared_rights.admin": true, "declared_rights.publish": true, "excess_rights": []string{"admin", "publish:*", "subscribe:*"},
			},
		},
		{
			name: "TLS, the declared password is wrong", scheme: "rediss", directives: tlsDirectives(p, "tls-auth-clients no", "requirepass correct-horse"), auth: wrongLogin, connections: 4,
			want: map[string]any{"declared": "refused", "random_credential": "refused", "declared_rights.admin": "(not_tested)", "excess_rights": "(not_asked)"},
		},
		{
			name: "TLS, any password will do", scheme: "rediss", directives: tlsDirectives(p, "tls-auth-clients no"), auth: login, connections: 4,
			want: map[string]any{"anonymous": "accepted", "declared": "accepted", "random_credential": "accepted", "default_credentials": "(not_asked)"},
		},
		{
			name: "TLS, a user with few rights", scheme: "rediss", directives: tlsDirectives(p, "tls-auth-clients no", "aclfile "+aclFile), auth: appLogin,
			permissions: []string{"read:app:*", "write:app:*"}, connections: 4,
			want: map[string]any{
				"anonymous": "refused", "declared": "accepted", "random_credential": "refused", "declared_rights.admin": false,
				"declared_rights.subscribe_all": false, "excess_rights": []string{},
			},
		},
		{
			name: "TLS that demands a client certificate", scheme: "rediss", directives: tlsDirectives(p), connections: 3,
			want: map[string]any{"without_certificate": "refused", "anonymous": "refused", "protocol": "(not_tested)", "rights.admin": "(not_tested)"},
		},
		{
			name: "TLS that demands a client certificate, with ours", scheme: "rediss", directives: tlsDirectives(p), certificate: true, connections: 4,
			permissions: []string{"read:*"},
			want: map[string]any{
				"without_certificate": "refused", "anonymous": "refused", "declared": "accepted", "declared_rights.admin": true, "rights.admin": "(not_asked)",
				"excess_rights": []string{"admin", "publish:*"},
			},
		},
		{
			name: "TLS that takes client certificates", scheme: "rediss", directives: tlsDirectives(p, "tls-auth-clients optional"), connections: 2,
			want: map[string]any{"without_certificate": "accepted", "anonymous": "accepted"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := channeltest.Link(t, tt.scheme, peers.Redis(t, tt.directives...))
			l.Auth, l.Permissions = tt.auth, tt.permissions
			if tt.certificate {
				l.TLS.ClientCert, l.TLS.ClientKey = inventory.NewSecret(p.ClientCertPEM, ""), inventory.NewSecret(p.ClientKeyPEM, "")
			}
			facts, o := channeltest.Survey(t, l, channeltest.Visit{Roots: testserver.Pool(p.Root)}, Survey)
			channeltest.Check(t, facts, tt.want)
			fewer := 0
			if facts["without_certificate"] == "refused" {
				fewer = 1 // whether the alert is lost, and asked for again, is a race of the server's
			}
			if o.Connections > tt.connections || o.Connections < tt.connections-fewer {
				t.Errorf("%d connections, want %d", o.Connections, tt.connections)
			}
			if t.Failed() {
				t.Logf("%v\n%v", facts, o.Evidence)
			}
		})
	}
}

func TestHostileServers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		handle func() *testserver.Server
		reason checks.Reason
	}{
		"refuses":        {func() *testserver.Server { return testserver.Refused(t) }, checks.ReasonRefused},
		"resets":         {func() *testserver.Server { return testserver.Raw(t, testserver.Reset) }, checks.ReasonReset},
		"stalls":         {func() *testserver.Server { return testserver.Raw(t, testserver.Stall) }, checks.ReasonStalled},
		"endless zeroes": {func() *testserver.Server { return testserver.Raw(t, testserver.Endless) }, checks.ReasonTooLarge},
		"is a web server": {func() *testserver.Server {
			return testserver.Raw(t, testserver.Say("HTTP/1.1 400 Bad Request\r\n\r\n"))
		}, checks.ReasonGarbage},
		"a huge length":   {func() *testserver.Server { return testserver.Raw(t, testserver.Say("$2147483647\r\n")) }, checks.ReasonTooLarge},
		"a list in place": {func() *testserver.Server { return testserver.Raw(t, testserver.Say("*0\r\n")) }, checks.ReasonGarbage},
		"is loading": {func() *testserver.Server {
			return testserver.Raw(t, testserver.Say("-LOADING Redis is loading the dataset in memory\r\n"))
		}, checks.ReasonThrottled},
		"is full": {func() *testserver.Server {
			return testserver.Raw(t, testserver.Say("-ERR max number of clients reached\r\n"))
		}, checks.ReasonThrottled},
	} {
		t.Run(name, func(t *testing.T) {
			l := tt.handle().Link(t, "redis", "")
			l.Kind = inventory.KindBroker
			facts, o := channeltest.Survey(t, l, channeltest.Visit{}, Survey)
			if o.Reason != tt.reason {
				t.Errorf("reason %s (%s), want %s", o.Reason, o.Detail, tt.reason)
			}
			if len(facts) != 1 && facts["anonymous"] != nil {
				t.Errorf("claims %v", facts)
			}
		})
	}
}

// TestProtectedMode is what redis-server cannot show on loopback.
func TestProtectedMode(t *testing.T) {
	t.Parallel()
	s := testserver.Raw(t, testserver.Say("-DENIED Redis is running in protected mode because protected mode is enabled\r\n-DENIED again\r\n"))
	l := s.Link(t, "redis", "")
	facts, _ := channeltest.Survey(t, l, channeltest.Visit{}, Survey)
	channeltest.Check(t, facts, map[string]any{"anonymous": "refused", "plaintext": true, "plaintext_login": false, "protocol": "Redis"})
}
