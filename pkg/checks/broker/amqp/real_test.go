package amqp

import (
	"testing"
	"time"

	"github.com/m2mscan/m2mscan/internal/peers"
	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel/channeltest"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// mode is a way to look at a real broker, and what is to be seen.
type mode struct {
	name        string
	at          string // the listener
	scheme      string
	path        string
	auth        inventory.Auth
	permissions []string
	certificate bool
	consent     bool
	level       checks.Level
	connections int
	want        map[string]any
}

func run(t *testing.T, addrs map[string]string, p channeltest.PKI, modes []mode) {
	t.Helper()
	for _, tt := range modes {
		t.Run(tt.name, func(t *testing.T) {
			l := channeltest.Link(t, tt.scheme, addrs[tt.at])
			l.URL.Path = tt.path
			l.Auth, l.Permissions = tt.auth, tt.permissions
			if tt.certificate {
				l.TLS.ClientCert, l.TLS.ClientKey = inventory.NewSecret(p.ClientCertPEM, ""), inventory.NewSecret(p.ClientKeyPEM, "")
			}
			if tt.consent {
				l.Probe.Consent = []inventory.Consent{inventory.ConsentDefaultCredentials}
			}
			facts, o := channeltest.Survey(t, l, channeltest.Visit{
				Roots: testserver.Pool(p.Root), Level: tt.level,
				Limits: checks.Limits{StepTimeout: 5 * time.Second}, // two brokers start at once
			}, Survey)
			channeltest.Check(t, facts, tt.want)
			fewer := 0
			if facts["without_certificate"] == "refused" {
				fewer = 1 // whether the alert is lost, and asked for again, is a race of the server's
			}
			if o.Connections > tt.connections || o.Connections < tt.connections-fewer {
				t.Errorf("%d connections, want %d", o.Connections, tt.connections)
			}
			if t.Failed() {
				t.Logf("%v\n%v\n%s %s", facts, o.Evidence, o.Outcome, o.Detail)
			}
		})
	}
}

func basic(user, password string) inventory.Auth {
	return inventory.Auth{Type: inventory.AuthBasic, Username: inventory.NewSecret(user, ""), Password: inventory.NewSecret(password, "")}
}

// TestRabbitMQ holds the facts against RabbitMQ 3, which in AMQP 0-9-1 offers no
// ANONYMOUS.
func TestRabbitMQ(t *testing.T) {
	t.Parallel()
	p := channeltest.NewPKI(t)
	addrs := peers.RabbitMQ(t, peers.RabbitMQNode{
		Plugins: []string{"auth_mechanism_ssl"},
		CAFile:  p.CAFile, CertFile: p.CertFile, KeyFile: p.KeyFile,
		AMQPS: map[string]string{
			"required": "{verify,verify_peer},{fail_if_no_peer_cert,true}",
			"optional": "{verify,verify_peer},{fail_if_no_peer_cert,false}",
		},
		Users: []peers.RabbitMQUser{
			{Name: "billing", Password: "correct-horse", Configure: ".*", Write: ".*", Read: ".*"},
			{Name: "app", Password: "correct-horse", Configure: "^app", Write: "^app", Read: "^app"},
			{Name: testserver.Host, Configure: "^$", Write: ".*", Read: "^app"}, // whom our certificate names
		},
		Conf: "auth_mechanisms.1 = PLAIN\nauth_mechanisms.2 = AMQPLAIN\nauth_mechanisms.3 = EXTERNAL\nssl_cert_login_from = common_name\n",
	})
	extensions := []string{
		"authentication_failure_close", "basic.nack", "connection.blocked", "consumer_cancel_notify", "consumer_priorities",
		"direct_reply_to", "exchange_exchange_bindings", "per_consumer_qos", "publisher_confirms",
	}
	run(t, addrs, p, []mode{
		{
			name: "without TLS", at: "amqp", scheme: "amqp", connections: 2,
			want: map[string]any{
				"protocol": "AMQP 0-9-1", "product": "RabbitMQ", "plaintext": true, "plaintext_login": true, "plain_only": true,
				"mechanisms": []string{"AMQPLAIN", "PLAIN"}, "anonymous": "refused", "anonymous_offered": false, "rights.publish": "(not_asked)",
				"declared": "(not_asked)", "default_credentials": "(not_asked)", "without_certificate": "(not_asked)", "limits": "(not_asked)",
				"heartbeat": "(not_asked)", "verbose_errors": "(not_asked)", "extensions": extensions, "max_packet": "(not_asked)",
			},
		},
		{
			name: "without TLS, a login is declared", at: "amqp", scheme: "amqp", auth: basic("billing", "correct-horse"), connections: 4,
			want: map[string]any{"declared": "(not_tested)", "random_credential": "(not_tested)", "declared_rights.publish": "(not_asked)"},
		},
		{
			name: "default credentials", at: "amqp", scheme: "amqp", level: checks.Consented, consent: true, connections: 4,
			want: map[string]any{
				"random_credential": "refused", "default_credentials": true, "anonymous": "refused", "verbose_errors": false, "heartbeat": 60,
			},
		},
		{
			name: "default credentials without consent", at: "amqp", scheme: "amqp", level: checks.Consented, connections: 2,
			want: map[string]any{"random_credential": "(not_asked)", "default_credentials": "(not_asked)"},
		},
		{
			name: "TLS", at: "amqps", scheme: "amqps", auth: basic("billing", "correct-horse"), connections: 5,
			want: map[string]any{
				"without_certificate": "accepted", "plaintext": "(not_asked)", "anonymous": "refused", "declared": "accepted", "random_credential": "refused",
				"limits": []string{"channel_max=2047", "frame_max=131072"}, "heartbeat": 60, "verbose_errors": false,
				"mechanisms": []string{"AMQPLAIN", "EXTERNAL", "PLAIN"}, "plain_only": false, "declared_rights.publish": "(not_asked)",
			},
		},
		{
			name: "TLS, wrong password", at: "amqps", scheme: "amqps", auth: basic("billing", "not-it"), level: checks.Active, connections: 5,
			want: map[string]any{"declared": "refused", "random_credential": "refused", "declared_rights.publish": "(not_asked)", "verbose_errors": false},
		},
		{
			name: "TLS, all rights", at: "amqps", scheme: "amqps", auth: basic("billing", "correct-horse"), level: checks.Active,
			permissions: []string{"publish:*", "subscribe:fleet"}, connections: 5,
			want: map[string]any{
				"declared": "accepted", "declared_rights.subscribe_all": true, "declared_rights.publish": true, "declared_rights.admin": "(not_asked)",
				"declared_rights.proof": "denial", "excess_rights": []string{"subscribe:*"},
			},
		},
		{
			name: "TLS, few rights", at: "amqps", scheme: "amqps", auth: basic("app", "correct-horse"), level: checks.Active,
			permissions: []string{"publish:app"}, connections: 5,
			want: map[string]any{
				"declared": "accepted", "declared_rights.subscribe_all": false, "declared_rights.publish": false, "declared_rights.proof": "denial",
				"excess_rights": []string{},
			},
		},
		{
			name: "TLS, a virtual host that is not there", at: "amqps", scheme: "amqps", path: "/nope", auth: basic("app", "correct-horse"), connections: 5,
			want: map[string]any{"declared": "accepted", "verbose_errors": true, "declared_rights.publish": "(not_tested)"},
		},
		{
			name: "TLS, another mechanism is declared", at: "amqps", scheme: "amqps", connections: 3,
			auth: inventory.Auth{Type: inventory.AuthSASL, Mechanism: "SCRAM-SHA-256", Username: inventory.NewSecret("app", ""), Password: inventory.NewSecret("x", "")},
			want: map[string]any{"declared": "(not_tested)", "random_credential": "(not_tested)"},
		},
		{
			name: "TLS, default credentials after a declared login", at: "amqps", scheme: "amqps", auth: basic("app", "correct-horse"),
			level: checks.Consented, consent: true, connections: 6,
			want: map[string]any{"declared": "accepted", "random_credential": "refused", "default_credentials": true},
		},
		{
			name: "client certificate required", at: "required", scheme: "amqps", connections: 3,
			want: map[string]any{"without_certificate": "refused", "anonymous": "refused", "protocol": "(not_tested)", "rights.admin": "(not_tested)"},
		},
		{
			name: "client certificate required, with ours", at: "required", scheme: "amqps", certificate: true, level: checks.Active, connections: 5,
			auth: inventory.Auth{Type: inventory.AuthMTLS}, permissions: []string{"publish:fleet"},
			want: map[string]any{
				"without_certificate": "refused", "anonymous": "refused", "declared": "accepted", "random_credential": "(not_asked)",
				"declared_rights.subscribe_all": false, "declared_rights.publish": true, "excess_rights": []string{"publish:*"},
				"rights.publish": "(not_asked)", "heartbeat": 60,
			},
		},
		{
			name: "client certificate required, with ours and a password", at: "required", scheme: "amqps", certificate: true, connections: 6,
			auth: basic("app", "correct-horse"),
			want: map[string]any{"without_certificate": "refused", "anonymous": "refused", "declared": "accepted", "random_credential": "refused"},
		},
		{
			name: "client certificate optional", at: "optional", scheme: "amqps", connections: 3,
			want: map[string]any{"without_certificate": "accepted", "anonymous": "refused", "declared": "(not_asked)"},
		},
		{
			name: "client certificate optional, ours is the login", at: "optional", scheme: "amqps", certificate: true, connections: 4,
			auth: inventory.Auth{Type: inventory.AuthMTLS},
			want: map[string]any{"without_certificate": "accepted", "anonymous": "refused", "declared": "accepted", "random_credential": "(not_asked)"},
		},
		{
			name: "no client certificate is asked for, and ours is the login", at: "amqps", scheme: "amqps", certificate: true, connections: 4,
			auth: inventory.Auth{Type: inventory.AuthMTLS},
			want: map[string]any{"declared": "(not_tested)"},
		},
	})
}

// TestRabbitMQOfBothProtocols is RabbitMQ with AMQP 1.0, where the same port lets
// in over the one who is not let in over the other.
func TestRabbitMQOfBothProtocols(t *testing.T) {
	t.Parallel()
	p := channeltest.NewPKI(t)
	addrs := peers.RabbitMQ(t, peers.RabbitMQNode{
		Plugins: []string{"amqp1_0"}, CAFile: p.CAFile, CertFile: p.CertFile, KeyFile: p.KeyFile,
	})
	run(t, addrs, p, []mode{
		{
			name: "without TLS", at: "amqp", scheme: "amqp", connections: 2, level: checks.Consented, consent: true,
			want: map[string]any{
				"protocol": "AMQP 0-9-1", "mechanisms": []string{"AMQPLAIN", "PLAIN"}, "anonymous_offered": false, "anonymous": "accepted",
				"rights.publish": "(not_tested)", "default_credentials": "(not_asked)", "plaintext": true,
			},
		},
		{
			name: "TLS", at: "amqps", scheme: "amqps", connections: 5, auth: basic("guest", "guest"),
			want: map[string]any{
				"protocol": "AMQP 0-9-1", "anonymous": "accepted", "declared": "accepted", "random_credential": "refused", "rights.publish": "(not_tested)",
			},
		},
	})
}
