package kafka

import (
	"crypto/tls"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel/channeltest"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// TestApache holds the facts against answers of Apache Kafka and those like it.
func TestApache(t *testing.T) {
	t.Setenv("KAFKA_TEST_PASSWORD", "correct-horse")
	root := testserver.Root(t, "broker root")
	config := &tls.Config{Certificates: []tls.Certificate{root.Leaf(t, nil).TLS()}}
	login := inventory.Auth{Type: inventory.AuthSASL, Username: inventory.NewSecret("app", ""), Password: inventory.NewSecret("${KAFKA_TEST_PASSWORD}", "")}
	wrong, odd, token := login, login, inventory.Auth{Type: inventory.AuthSASL, Token: login.Password}
	wrong.Password = inventory.NewSecret("not-it", "")
	odd.Mechanism = "GSSAPI"
	const secret = "correct-horse"
	read, write := kmsg.ACLOperationRead, kmsg.ACLOperationWrite
	for _, tt := range []struct {
		name        string
		scheme      string
		broker      apache
		auth        inventory.Auth
		level       checks.Level
		consent     bool
		connections int // the handshake that all probes share among them
		want        map[string]any
	}{
		{
			name: "no SASL, no authorizer", scheme: "kafka", connections: 2,
			broker: apache{authorizer: 54, cluster: 1 << 7, brokers: []kmsg.MetadataResponseBroker{at("mq-2.acme.internal", 9092), at("10.0.0.1", 9092), at("::1", 9092), at("mq-2.acme.internal", 9092)}},
			want: map[string]any{
				"anonymous": "accepted", "rights.subscribe_all": true, "rights.publish": true, "rights.admin": true, "rights.proof": "introspection",
				"plaintext": true, "plaintext_login": false, "mechanisms": "(not_asked)", "limits": []string{"protocol_at_least=3.9"},
				"advertised_hosts": []string{"10.0.0.1:9092", "[::1]:9092", "mq-2.acme.internal:9092"},
			},
		},
		{
			name: "no SASL, over TLS", scheme: "kafkas", connections: 3, broker: apache{authorizer: 31}, auth: login,
			want: map[string]any{"anonymous": "accepted", "rights.admin": false, "without_certificate": "accepted", "declared": "(not_asked)", "plaintext": "(not_asked)"},
		},
		{
			name: "SASL, PLAIN only", scheme: "kafkas", connections: 5, auth: login,
			broker: apache{sasl: []string{"PLAIN"}, password: secret, refusal: sayWrong, authorizer: 31, lifetime: 3600000, throttle: 40},
			want: map[string]any{
				"mechanisms": []string{"PLAIN"}, "plain_only": true, "anonymous": "refused", "rights.admin": "(not_asked)", "declared": "accepted",
				"random_credential": "refused", "verbose_errors": false, "declared_rights.admin": false,
				"limits": []string{"protocol_at_least=3.9", "session_lifetime_ms=3600000", "throttle_time_ms=40"},
			},
		},
		{
			name: "SASL, the password is wrong", scheme: "kafkas", connections: 5, auth: wrong,
			broker: apache{sasl: []string{"PLAIN"}, password: secret, refusal: sayWrong},
			want:   map[string]any{"declared": "refused", "random_credential": "refused", "declared_rights.admin": "(not_tested)"},
		},
		{
			name: "SASL, the refusal names the user", scheme: "kafkas", connections: 5, auth: wrong,
			broker: apache{sasl: []string{"PLAIN"}, password: secret, refusal: "Password of App does not match"},
			want:   map[string]any{"declared": "refused", "verbose_errors": true},
		},
		{
			name: "SASL, SCRAM is refused", scheme: "kafkas", connections: 5, auth: login,
			broker: apache{sasl: []string{"SCRAM-SHA-512", "PLAIN", "ANONYMOUS"}, refusal: scram58},
			want: map[string]any{
				"mechanisms": []string{"ANONYMOUS", "PLAIN", "SCRAM-SHA-512"}, "anonymous_offered": true, "plain_only": false,
				"declared": "refused", "random_credential": "refused", "verbose_errors": false,
			},
		},
		{
			name: "SASL, a broker that only pretends to know the password", scheme: "kafkas", connections: 5, auth: login,
			broker: apache{sasl: []string{"SCRAM-SHA-512"}, challenge: "theirs,s=c2FsdA==,i=4096"},
			want:   map[string]any{"declared": "(ambiguous)", "random_credential": "(ambiguous)", "declared_rights.admin": "(not_tested)"},
		},
		{
			name: "SASL, a broker that asks for too few rounds", scheme: "kafkas", connections: 5, auth: login,
			broker: apache{sasl: []string{"SCRAM-SHA-512"}, challenge: "theirs,s=c2FsdA==,i=1"},
			want:   map[string]any{"declared": "(not_tested)", "random_credential": "(not_tested)"},
		},
		{
			name: "SASL, any password will do", scheme: "kafkas", connections: 5, auth: login,
			broker: apache{sasl: []string{"PLAIN"}, password: "*"},
			want:   map[string]any{"anonymous": "refused", "declared": "accepted", "random_credential": "accepted"},
		},
		{
			name: "SASL, a token", scheme: "kafkas", connections: 5, auth: token,
			broker: apache{sasl: []string{"OAUTHBEARER"}, password: secret, refusal: `{"status":"invalid_token"}`, authorizer: 54},
			want: map[string]any{
				"plain_only": false, "declared": "accepted", "random_credential": "refused", "declared_rights.publish": true, "verbose_errors": false,
			},
		},
		{
			name: "SASL, Kerberos is stated", scheme: "kafkas", connections: 3, auth: odd, broker: apache{sasl: []string{"GSSAPI"}},
			want: map[string]any{"mechanisms": []string{"GSSAPI"}, "plain_only": false, "declared": "(not_tested)", "random_credential": "(not_tested)"},
		},
		{
			name: "SASL, Kerberos alone", scheme: "kafkas", connections: 3, auth: login, broker: apache{sasl: []string{"GSSAPI"}},
			want: map[string]any{"declared": "(not_tested)"},
		},
		{
			name: "2.3 knows ApiVersions of version 2", scheme: "kafka", connections: 2, broker: apache{release: kversion.V2_3_0(), authorizer: 54},
			want: map[string]any{"protocol": "Kafka", "rights.publish": true, "limits": []string{"protocol_at_least=2.3"}, "extensions": []string{}},
		},
		{
			name: "0.11 lists the mechanisms of other listeners", scheme: "kafka", connections: 2, broker: apache{release: kversion.V0_11_0(), listed: []string{"GSSAPI"}, authorizer: 31},
			want: map[string]any{"mechanisms": "(not_asked)", "plaintext_login": false, "anonymous": "accepted", "rights.admin": false, "rights.proof": "denial"},
		},
		{
			name: "0.11 takes a login outside of requests", scheme: "kafkas", connections: 5, auth: login, broker: apache{release: kversion.V0_11_0(), sasl: []string{"PLAIN"}},
			want: map[string]any{"mechanisms": []string{"PLAIN"}, "anonymous": "refused", "declared": "(not_tested)", "random_credential": "(not_tested)"},
		},
		{
			name: "Metadata of version 0 would name every topic", scheme: "kafka", connections: 2, broker: apache{release: with(3, 0)},
			want: map[string]any{"protocol": "Kafka", "anonymous": "(not_tested)", "rights.admin": "(not_tested)", "advertised_hosts": "(not_tested)"},
		},
		{
			name: "0.10.0 knows no rights", scheme: "kafka", connections: 2, broker: apache{release: kversion.V0_10_0()},
			want: map[string]any{"anonymous": "accepted", "rights.admin": "(not_tested)", "rights.proof": "(ambiguous)"},
		},
		{
			name: "Azure-like: rights are not told", scheme: "kafkas", connections: 5, auth: login, level: checks.Active,
			broker: apache{release: azure(), sasl: []string{"PLAIN", "OAUTHBEARER"}, password: secret},
			want: map[string]any{
				"mechanisms": []string{"OAUTHBEARER", "PLAIN"}, "plain_only": false, "declared": "accepted", "declared_rights.admin": "(not_tested)",
				"declared_rights.publish": "(not_tested)", "excess_rights": "(not_asked)",
			},
		},
		{
			name: "every topic is readable, the broker's own among them", scheme: "kafka", connections: 2, level: checks.Active,
			broker: apache{authorizer: 31, topics: []kmsg.MetadataResponseTopic{topic(true, read), topic(false, read)}},
			want:   map[string]any{"rights.subscribe_all": true, "rights.publish": false, "rights.admin": false},
		},
		{
			name: "one topic is writable", scheme: "kafka", connections: 2, level: checks.Active,
			broker: apache{authorizer: 31, topics: []kmsg.MetadataResponseTopic{topic(false, write), topic(false, read)}},
			want:   map[string]any{"rights.subscribe_all": false, "rights.publish": true},
		},
		{
			name: "topics whose rights are not told", scheme: "kafka", connections: 2, level: checks.Active,
			broker: apache{authorizer: 31, topics: []kmsg.MetadataResponseTopic{kmsg.NewMetadataResponseTopic()}},
			want:   map[string]any{"rights.subscribe_all": "(ambiguous)", "rights.publish": "(ambiguous)"},
		},
		{
			name: "CLUSTER_ACTION reads everything", scheme: "kafka", connections: 2, broker: apache{cluster: 1 << 9},
			want: map[string]any{"rights.subscribe_all": true, "rights.publish": "(not_tested)", "rights.admin": true},
		},
		{
			name: "no SASL, and Metadata ends the connection", scheme: "kafka", connections: 2, broker: apache{closesOn: 3},
			want: map[string]any{"anonymous": "(reset)", "rights.admin": "(reset)", "plaintext": true, "plaintext_login": false},
		},
		{
			name: "SaslHandshake ends the connection", scheme: "kafka", connections: 2, broker: apache{closesOn: 17, sasl: []string{"PLAIN"}},
			want: map[string]any{"anonymous": "(reset)", "mechanisms": "(reset)", "plaintext_login": "(reset)", "protocol": "Kafka"},
		},
		{
			name: "the documentation's login", scheme: "kafka", connections: 4, level: checks.Consented, consent: true,
			broker: apache{sasl: []string{"PLAIN"}, password: "admin-secret", refusal: sayWrong},
			want:   map[string]any{"default_credentials": true, "random_credential": "refused", "declared": "(not_asked)"},
		},
		{
			name: "not the documentation's login", scheme: "kafka", connections: 4, level: checks.Consented, consent: true,
			broker: apache{sasl: []string{"PLAIN"}, password: secret, refusal: sayWrong},
			want:   map[string]any{"default_credentials": false, "random_credential": "refused", "verbose_errors": false},
		},
		{
			name: "any login will do", scheme: "kafka", connections: 3, level: checks.Consented, consent: true,
			broker: apache{sasl: []string{"PLAIN"}, password: "*"},
			want:   map[string]any{"default_credentials": "(not_asked)", "random_credential": "accepted"},
		},
		{
			name: "an open broker has no default login", scheme: "kafka", connections: 2, level: checks.Consented, consent: true,
			broker: apache{authorizer: 54}, want: map[string]any{"default_credentials": "(not_asked)"},
		},
		{
			name: "no default login for SCRAM", scheme: "kafka", connections: 2, level: checks.Consented, consent: true,
			broker: apache{sasl: []string{"SCRAM-SHA-512"}}, want: map[string]any{"default_credentials": "(not_asked)"},
		},
		{
			name: "a default login without consent", scheme: "kafka", connections: 2, level: checks.Consented,
			broker: apache{sasl: []string{"PLAIN"}, password: "admin-secret"}, want: map[string]any{"default_credentials": "(not_asked)", "random_credential": "(not_asked)"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.broker.t = t
			var s *testserver.Server
			if tt.scheme == "kafkas" {
				s = testserver.TLS(t, config, func(c *tls.Conn) {
					tt.broker.serve(c)
					_ = c.Close()
				})
			} else {
				s = testserver.Raw(t, func(c net.Conn, _ int) { tt.broker.serve(c) })
			}
			l := s.Link(t, tt.scheme, "")
			l.Auth = tt.auth
			if tt.consent {
				l.Probe.Consent = []inventory.Consent{inventory.ConsentDefaultCredentials}
			}
			facts, o := channeltest.Survey(t, l, channeltest.Visit{Roots: testserver.Pool(root), Level: tt.level, Limits: patient}, Survey)
			channeltest.Check(t, facts, tt.want)
			if n := s.Connections(t); n != tt.connections {
				t.Errorf("%d connections, want %d", n, tt.connections)
			}
			for _, e := range o.Evidence {
				if strings.Contains(e.Text, "secret-name") || strings.Contains(e.Text, secret) {
					t.Errorf("evidence %q", e.Text)
				}
			}
			if t.Failed() {
				t.Logf("%v\n%v", facts, o.Evidence)
			}
		})
	}
}

// with is Kafka 3.9 but for the versions of one request.
func with(key, most int16) *kversion.Versions {
	v := kversion.V3_9_0()
	v.SetMaxKeyVersion(key, most)
	return v
}

// azure is what Event Hubs takes: old versions of few requests.
func azure() *kversion.Versions {
	v := kversion.V1_0_0()
	for _, key := range []int16{4, 5, 6, 7, 29, 30, 31, 36} {
		v.SetMaxKeyVersion(key, -1)
	}
	v.SetMaxKeyVersion(3, 7)
	v.SetMaxKeyVersion(36, 1)
	return v
}

func TestOthers(t *testing.T) {
	t.Parallel()
	self := inventory.Target{Host: "mq.acme.example", Port: 9092}
	got := others([]kmsg.MetadataResponseBroker{at("mq.acme.example", 9092), at("mq.acme.example", 9093), at("a\r\nb", 1), at("x", -1), at("y", 70000)}, self)
	if want := []string{"a??b:1", "mq.acme.example:9093"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	var many []kmsg.MetadataResponseBroker
	for port := range int32(50) {
		many = append(many, at(strings.Repeat("h", 400), port))
	}
	if got := others(many, self); len(got) != hostsMax || len(got[0]) > 260 {
		t.Errorf("%d hosts, the first of %d bytes", len(got), len(got[0]))
	}
}

func TestIsTelling(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		sayWrong: false, scram58: false, "Authentication failed": false, "": false, "Invalid user credentials": false,
		"Authentication failed: Invalid JAAS configuration": false, "security: Invalid credentials": false,
		"Unknown user": true, "user does not exist": true, "Wrong password": true, "javax.naming.NamingException: [LDAP: error code 49]": true,
		"no entry for billing-app": true,
	} {
		if got := isTelling(text, "billing-app"); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
	if isTelling(sayWrong, "in") {
		t.Error("a user name of two letters is found in any text")
	}
}
