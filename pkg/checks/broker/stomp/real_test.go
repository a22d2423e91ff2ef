package stomp

import (
	"testing"
	"time"

	"github.com/m2mscan/m2mscan/internal/peers"
	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel/channeltest"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

func basic(user, password string) inventory.Auth {
	return inventory.Auth{Type: inventory.AuthBasic, Username: inventory.NewSecret(user, ""), Password: inventory.NewSecret(password, "")}
}

// schemeTLS is the scheme of STOMP over TLS. Until the inventory knows it, one
// that opens connections in the same way stands for it.
func schemeTLS() string {
	if _, ok := inventory.LookupScheme("stomps"); ok {
		return "stomps"
	}
	return "amqps"
}

// TestRabbitMQ holds the facts against RabbitMQ, which takes a client without a
// login for its user guest.
func TestRabbitMQ(t *testing.T) {
	t.Parallel()
	p := channeltest.NewPKI(t)
	addrs := peers.RabbitMQ(t, peers.RabbitMQNode{
		Plugins: []string{"stomp"}, CAFile: p.CAFile, CertFile: p.CertFile, KeyFile: p.KeyFile,
		Users: []peers.RabbitMQUser{{Name: "app", Password: "correct-horse", Configure: "^app", Write: "^app", Read: "^app"}},
	})
	for _, tt := range []struct {
		name        string
		at, scheme  string
		path        string
		auth        inventory.Auth
		consent     bool
		connections int
		want        map[string]any
	}{
		{
			name: "without TLS", at: "stomp", scheme: "stomp", connections: 1, consent: true,
			want: map[string]any{
				"protocol": "STOMP 1.2", "product": "RabbitMQ", "version": "3.10.8", "anonymous": "accepted", "plaintext": true, "plaintext_login": true,
				"heartbeat": 0, "rights.publish": "(not_tested)", "rights.proof": "(not_tested)", "default_credentials": "(not_asked)",
				"random_credential": "(not_asked)", "without_certificate": "(not_asked)", "declared": "(not_asked)", "mechanisms": "(not_asked)",
			},
		},
		{
			name: "without TLS, a login is declared", at: "stomp", scheme: "stomp", auth: basic("app", "correct-horse"), connections: 3,
			want: map[string]any{"declared": "(not_tested)", "random_credential": "(not_tested)", "anonymous": "accepted"},
		},
		{
			name: "a virtual host that is not there", at: "stomp", scheme: "stomp", path: "/nope", connections: 1,
			want: map[string]any{"protocol": "STOMP 1.2", "plaintext": true, "anonymous": "(ambiguous)"},
		},
		{
			name: "TLS", at: "stomps", scheme: schemeTLS(), auth: basic("app", "correct-horse"), connections: 4,
			want: map[string]any{
				"without_certificate": "accepted", "anonymous": "accepted", "declared": "accepted", "random_credential": "refused", "verbose_errors": true,
				"declared_rights.publish": "(not_tested)", "plaintext": "(not_asked)",
			},
		},
		{
			name: "TLS, wrong password", at: "stomps", scheme: schemeTLS(), auth: basic("app", "not-it"), connections: 4,
			want: map[string]any{"declared": "refused", "random_credential": "refused", "verbose_errors": true},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := channeltest.Link(t, tt.scheme, addrs[tt.at])
			l.URL.Path, l.Auth = tt.path, tt.auth
			visit := channeltest.Visit{Roots: testserver.Pool(p.Root), Limits: checks.Limits{StepTimeout: 5 * time.Second}}
			if tt.consent {
				l.Probe.Consent = []inventory.Consent{inventory.ConsentDefaultCredentials}
				visit.Level = checks.Consented
			}
			facts, o := channeltest.Survey(t, l, visit, Survey)
			channeltest.Check(t, facts, tt.want)
			if o.Connections != tt.connections {
				t.Errorf("%d connections, want %d", o.Connections, tt.connections)
			}
			if t.Failed() {
				t.Logf("%v\n%v\n%s %s", facts, o.Evidence, o.Outcome, o.Detail)
			}
		})
	}
}
