package kafka

import (
	"crypto/tls"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel/channeltest"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// cluster is a running kfake of one broker.
type cluster struct {
	*kfake.Cluster
	addr        string
	connections *atomic.Int64
}

// start starts a cluster of one broker that ends with the test. It listens on
// loopback and counts its connections.
func start(t testing.TB, opts ...kfake.Opt) cluster {
	t.Helper()
	counted := &atomic.Int64{}
	listen := func(network, _ string) (net.Listener, error) {
		l, err := net.Listen(network, "127.0.0.1:0")
		return &countedListener{l, counted}, err
	}
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1), kfake.ListenFn(listen), kfake.SeedTopics(1, "orders", "audit")}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return cluster{c, c.ListenAddrs()[0], counted}
}

type countedListener struct {
	net.Listener
	n *atomic.Int64
}

func (l *countedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.n.Add(1)
	}
	return c, err
}

// code makes a cluster answer a request with an error code, as Apache Kafka
// does and kfake does not.
func (c cluster) code(key int16, code int16) {
	c.ControlKey(key, func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		switch resp := req.ResponseKind().(type) {
		case *kmsg.SASLHandshakeResponse:
			resp.ErrorCode = code
			return resp, nil, true
		case *kmsg.DescribeACLsResponse:
			resp.ErrorCode, resp.ErrorMessage = code, new("No Authorizer is configured on the broker")
			return resp, nil, true
		default:
			return nil, nil, false
		}
	})
}

// withoutSASL and withoutAuthorizer are how a plain Apache Kafka answers.
func (c cluster) withoutSASL()       { c.code(int16(kmsg.SASLHandshake), codeIllegalSASLState) }
func (c cluster) withoutAuthorizer() { c.code(int16(kmsg.DescribeACLs), codeSecurityDisabled) }

func allow(resource kmsg.ACLResourceType, name string, op kmsg.ACLOperation) kfake.ACL {
	return kfake.ACL{Resource: resource, Name: name, Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: op, Allow: true}
}

// patient gives a server that means to answer the time to, on a busy machine.
var patient = checks.Limits{StepTimeout: 10 * time.Second}

// TestRealServer holds the facts against kfake in each of its modes.
func TestRealServer(t *testing.T) {
	t.Setenv("KAFKA_TEST_PASSWORD", "correct-horse")
	p := channeltest.NewPKI(t)
	pair, err := tls.LoadX509KeyPair(p.CertFile, p.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	overTLS := func(auth tls.ClientAuthType) kfake.Opt {
		return kfake.TLS(&tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: auth, ClientCAs: testserver.Pool(p.Root)})
	}
	login := inventory.Auth{Type: inventory.AuthSASL, Username: inventory.NewSecret("app", ""), Password: inventory.NewSecret("${KAFKA_TEST_PASSWORD}", "")}
	wrong, plain, bearer := login, login, login
	wrong.Password = inventory.NewSecret("not-it", "")
	plain.Mechanism = "plain"
	bearer.Mechanism = "OAUTHBEARER"
	token := inventory.Auth{Type: inventory.AuthBearer, Token: login.Password}
	const secret = "correct-horse"
	anonymous := func(acls ...kfake.ACL) []kfake.Opt {
		return []kfake.Opt{kfake.EnableACLs(), kfake.User("PLAIN", "ANONYMOUS", secret, acls...)}
	}
	withSASL := func(auth tls.ClientAuthType, opts ...kfake.Opt) []kfake.Opt {
		return append([]kfake.Opt{kfake.EnableSASL(), overTLS(auth)}, opts...)
	}
	for _, tt := range []struct {
		name        string
		scheme      string
		opts        []kfake.Opt
		patch       func(cluster)
		auth        inventory.Auth
		permissions []string
		certificate bool
		level       checks.Level // with consent to default credentials
		connections int
		want        map[string]any
	}{
		{
			name: "open, as Apache Kafka is by default", scheme: "kafka", connections: 2,
			patch: func(c cluster) { c.withoutSASL(); c.withoutAuthorizer() },
			want: map[string]any{
				"protocol": "Kafka", "product": "(not_asked)", "plaintext": true, "plaintext_login": false, "mechanisms": "(not_asked)", "anonymous": "accepted",
				"rights.subscribe_all": true, "rights.publish": true, "rights.admin": true, "rights.proof": "introspection", "without_certificate": "(not_asked)",
				"declared": "(not_asked)", "default_credentials": "(not_asked)", "tls_downgrade": "(not_asked)",
			},
		},
		{
			name: "SASL is offered, but not enforced", scheme: "kafka", connections: 2,
			want: map[string]any{
				"mechanisms": []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"}, "plain_only": false, "anonymous_offered": false, "plaintext_login": true,
				"anonymous": "accepted", "rights.admin": true, "rights.subscribe_all": true, "rights.publish": "(not_tested)",
			},
		},
		{
			name: "ACLs that grant nothing", scheme: "kafka", opts: anonymous(), patch: cluster.withoutSASL, connections: 2,
			want: map[string]any{
				"anonymous": "accepted", "rights.admin": false, "rights.subscribe_all": "(not_tested)", "rights.publish": "(not_tested)", "rights.proof": "introspection",
			},
		},
		{
			name: "ACLs that grant reading everything", scheme: "kafka", patch: cluster.withoutSASL, level: checks.Active, connections: 2,
			opts: anonymous(allow(kmsg.ACLResourceTypeTopic, "*", kmsg.ACLOperationRead)),
			want: map[string]any{"rights.admin": false, "rights.subscribe_all": "(ambiguous)", "rights.publish": false},
		},
		{
			name: "ACLs that grant one topic to write", scheme: "kafka", patch: cluster.withoutSASL, level: checks.Active, connections: 2,
			opts: anonymous(allow(kmsg.ACLResourceTypeTopic, "orders", kmsg.ACLOperationWrite)),
			want: map[string]any{"rights.admin": false, "rights.subscribe_all": false, "rights.publish": true},
		},
		{
			name: "ACLs that show no topic", scheme: "kafka", patch: cluster.withoutSASL, level: checks.Active, connections: 2, opts: anonymous(),
			want: map[string]any{"rights.admin": false, "rights.subscribe_all": "(ambiguous)", "rights.publish": "(ambiguous)"},
		},
		{
			name: "ACLs that make anybody an administrator", scheme: "kafka", patch: cluster.withoutSASL, connections: 2,
			opts: anonymous(allow(kmsg.ACLResourceTypeCluster, "kafka-cluster", kmsg.ACLOperationAlterConfigs)),
			want: map[string]any{"rights.admin": true, "rights.subscribe_all": "(not_tested)"},
		},
		{
			name: "an old broker that denies a look at its rules", scheme: "kafka", patch: cluster.withoutSASL, connections: 2,
			opts: append(anonymous(), kfake.MaxVersions(kversion.V2_0_0())),
			want: map[string]any{"anonymous": "accepted", "rights.admin": false, "rights.proof": "denial"},
		},
		{
			name: "an old broker that grants a look at its rules", scheme: "kafka", patch: cluster.withoutSASL, connections: 2,
			opts: append(anonymous(allow(kmsg.ACLResourceTypeCluster, "kafka-cluster", kmsg.ACLOperationDescribe)), kfake.MaxVersions(kversion.V2_0_0())),
			want: map[string]any{"anonymous": "accepted", "rights.admin": "(ambiguous)", "rights.proof": "(ambiguous)", "limits": []string{"protocol_at_least=2.0"}},
		},
		{
			name: "SASL without TLS", scheme: "kafka", opts: []kfake.Opt{kfake.EnableSASL(), kfake.Superuser("PLAIN", "app", secret)}, auth: login, connections: 4,
			want: map[string]any{
				"anonymous": "refused", "plaintext_login": true, "declared": "(not_tested)", "random_credential": "(not_tested)", "rights.admin": "(not_asked)",
				"advertised_hosts": "(not_asked)",
			},
		},
		{
			name: "SASL over TLS", scheme: "kafkas", opts: withSASL(tls.NoClientCert, kfake.Superuser("SCRAM-SHA-512", "app", secret)), auth: login,
			permissions: []string{"read:orders"}, connections: 5,
			want: map[string]any{
				"anonymous": "refused", "without_certificate": "accepted", "plaintext": "(not_asked)", "declared": "accepted", "random_credential": "refused",
				"declared_rights.admin": true, "declared_rights.subscribe_all": true, "declared_rights.publish": "(not_tested)",
				"excess_rights": []string{"admin", "subscribe:*"}, "verbose_errors": false,
			},
		},
		{
			name: "SASL over TLS, PLAIN is stated", scheme: "kafkas", opts: withSASL(tls.NoClientCert, kfake.EnableACLs(), kfake.User("PLAIN", "app", secret)), auth: plain,
			permissions: []string{"read:orders"}, connections: 5,
			want: map[string]any{"declared": "accepted", "random_credential": "refused", "declared_rights.admin": false, "excess_rights": []string{}},
		},
		{
			name: "SASL over TLS, SHA-256 is stated", scheme: "kafkas", opts: withSASL(tls.NoClientCert, kfake.Superuser("SCRAM-SHA-256", "app", secret)),
			auth: inventory.Auth{Type: inventory.AuthSASL, Mechanism: "SCRAM-SHA-256", Username: login.Username, Password: login.Password}, connections: 5,
			want: map[string]any{"declared": "accepted", "random_credential": "refused"},
		},
		{
			name: "SASL over TLS, the password is wrong", scheme: "kafkas", opts: withSASL(tls.NoClientCert, kfake.Superuser("SCRAM-SHA-512", "app", secret)), auth: wrong, connections: 5,
			want: map[string]any{"declared": "(reset)", "random_credential": "(reset)", "declared_rights.admin": "(not_tested)"},
		},
		{
			name: "SASL over TLS, the mechanism is not offered", scheme: "kafkas", opts: withSASL(tls.NoClientCert, kfake.Superuser("PLAIN", "app", secret)), auth: bearer, connections: 3,
			want: map[string]any{"declared": "refused", "random_credential": "(not_tested)"},
		},
		{
			name: "SASL over TLS, a token is declared", scheme: "kafkas", opts: withSASL(tls.NoClientCert, kfake.Superuser("PLAIN", "app", secret)), auth: token, connections: 3,
			want: map[string]any{"declared": "refused", "random_credential": "(not_tested)"},
		},
		{
			name: "the documentation's login", scheme: "kafka", opts: []kfake.Opt{kfake.EnableSASL(), kfake.Superuser("PLAIN", "admin", "admin-secret")}, level: checks.Consented, connections: 4,
			want: map[string]any{"anonymous": "refused", "default_credentials": true, "random_credential": "refused", "verbose_errors": false},
		},
		{
			name: "not the documentation's login", scheme: "kafka", opts: []kfake.Opt{kfake.EnableSASL(), kfake.Superuser("PLAIN", "admin", secret)}, level: checks.Consented, connections: 4,
			want: map[string]any{"anonymous": "refused", "default_credentials": "(reset)", "random_credential": "(reset)"},
		},
		{
			name: "an open broker has no default login", scheme: "kafka", opts: []kfake.Opt{kfake.Superuser("PLAIN", "admin", "admin-secret")}, level: checks.Consented, connections: 2,
			want: map[string]any{"anonymous": "accepted", "default_credentials": "(not_asked)", "random_credential": "(not_asked)"},
		},
		{
			name: "TLS that demands a client certificate", scheme: "kafkas", opts: []kfake.Opt{overTLS(tls.RequireAndVerifyClientCert)}, connections: 3,
			want: map[string]any{"without_certificate": "refused", "anonymous": "refused", "protocol": "(not_tested)", "rights.admin": "(not_tested)"},
		},
		{
			name: "TLS that demands a client certificate, with ours", scheme: "kafkas", opts: []kfake.Opt{overTLS(tls.RequireAndVerifyClientCert)}, certificate: true,
			patch: func(c cluster) { c.withoutSASL(); c.withoutAuthorizer() }, permissions: []string{"read:*"}, connections: 5,
			want: map[string]any{
				"without_certificate": "refused", "anonymous": "refused", "declared": "accepted", "declared_rights.publish": true, "rights.admin": "(not_asked)",
				"excess_rights": []string{"admin", "publish:*"},
			},
		},
		{
			name: "TLS that demands a client certificate, with ours, and a login", scheme: "kafkas", certificate: true, auth: login, connections: 6,
			opts: withSASL(tls.RequireAndVerifyClientCert, kfake.Superuser("SCRAM-SHA-512", "app", secret)),
			want: map[string]any{"without_certificate": "refused", "anonymous": "refused", "declared": "accepted", "random_credential": "refused", "declared_rights.admin": true},
		},
		{
			name: "TLS that takes client certificates", scheme: "kafkas", opts: []kfake.Opt{overTLS(tls.RequestClientCert)}, patch: cluster.withoutSASL, connections: 3,
			want: map[string]any{"without_certificate": "accepted", "anonymous": "accepted"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := start(t, tt.opts...)
			if tt.patch != nil {
				tt.patch(c)
			}
			l := channeltest.Link(t, tt.scheme, c.addr)
			l.Auth, l.Permissions = tt.auth, tt.permissions
			l.Probe.Consent = []inventory.Consent{inventory.ConsentDefaultCredentials}
			if tt.certificate {
				l.TLS.ClientCert, l.TLS.ClientKey = inventory.NewSecret(p.ClientCertPEM, ""), inventory.NewSecret(p.ClientKeyPEM, "")
			}
			facts, o := channeltest.Survey(t, l, channeltest.Visit{Roots: testserver.Pool(p.Root), Level: tt.level, Limits: patient}, Survey)
			channeltest.Check(t, facts, tt.want)
			for _, e := range o.Evidence {
				if tt.certificate && tt.auth.Type != "" && strings.Contains(e.Text, "Metadata without a login") {
					t.Errorf("a certificate that is half of a login is tried alone: %s", e.Text)
				}
			}
			fewer := 0
			if facts["without_certificate"] == "refused" {
				fewer = 1 // whether the alert is lost, and asked for again, is a race of the server's
			}
			// Over TLS, one of them is the handshake that all probes share.
			if n := int(c.connections.Load()); n > tt.connections || n < tt.connections-fewer || n > o.Connections+1 {
				t.Errorf("%d connections, want %d; %d are counted", n, tt.connections, o.Connections)
			}
			if t.Failed() {
				t.Logf("%v\n%v", facts, o.Evidence)
			}
		})
	}
}

// TestAtLeast holds the table of releases against the versions of each.
func TestAtLeast(t *testing.T) {
	t.Parallel()
	for name, of := range map[string]struct {
		versions *kversion.Versions
		want     string
	}{
		"0.9": {kversion.V0_9_0(), ""}, "0.10.0": {kversion.V0_10_0(), "0.10.0"}, "0.10.1": {kversion.V0_10_1(), "0.10.1"}, "0.10.2": {kversion.V0_10_2(), "0.10.1"},
		"0.11": {kversion.V0_11_0(), "0.11"}, "1.0": {kversion.V1_0_0(), "1.0"}, "1.1": {kversion.V1_1_0(), "1.1"}, "2.0": {kversion.V2_0_0(), "2.0"},
		"2.1": {kversion.V2_1_0(), "2.1"}, "2.2": {kversion.V2_2_0(), "2.1"}, "2.3": {kversion.V2_3_0(), "2.3"}, "2.6": {kversion.V2_6_0(), "2.3"},
		"2.7": {kversion.V2_7_0(), "2.7"}, "3.0": {kversion.V3_0_0(), "2.7"}, "3.1": {kversion.V3_1_0(), "3.1"}, "3.4": {kversion.V3_4_0(), "3.1"},
		"3.5": {kversion.V3_5_0(), "3.5"}, "3.6": {kversion.V3_6_0(), "3.5"}, "3.7": {kversion.V3_7_0(), "3.7"}, "3.8": {kversion.V3_8_0(), "3.7"},
		"3.9": {kversion.V3_9_0(), "3.9"}, "4.0": {kversion.V4_0_0(), "3.9"}, "4.1": {kversion.V4_1_0(), "4.1"}, "4.4": {kversion.V4_4_0(), "4.1"},
	} {
		known := versions{requests: map[int16]span{}}
		of.versions.EachMaxKeyVersion(func(key, most int16) { known.requests[key] = span{0, most} })
		if got := known.atLeast(); got != of.want {
			t.Errorf("%s: at least %q, want %q", name, got, of.want)
		}
	}
	if got := (versions{}).atLeast(); got != "" {
		t.Errorf("of nothing: %q", got)
	}
}
