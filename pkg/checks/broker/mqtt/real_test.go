package mqtt

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/m2mscan/m2mscan/internal/peers"
	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel/channeltest"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// TestMosquitto holds the facts against mosquitto in each of its modes.
func TestMosquitto(t *testing.T) {
	t.Setenv("MQTT_TEST_PASSWORD", "correct-horse")
	p := channeltest.NewPKI(t)
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	passwords := file("passwd", "")
	if out, err := exec.CommandContext(t.Context(), peers.Find(t, "mosquitto_passwd"), "-b", passwords, "fleet", "correct-horse").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	acl := file("acl", "topic read public/#\n")
	secure := fmt.Sprintf("cafile %s\ncertfile %s\nkeyfile %s\n", p.CAFile, p.CertFile, p.KeyFile)
	closed := "allow_anonymous false\npassword_file " + passwords + "\n"
	login := inventory.Auth{Type: inventory.AuthBasic, Username: inventory.NewSecret("fleet", ""), Password: inventory.NewSecret("${MQTT_TEST_PASSWORD}", "")}
	for _, tt := range []struct {
		name        string
		scheme      string
		listener    string
		level       checks.Level
		auth        inventory.Auth
		permissions []string
		certificate bool
		connections int
		want        map[string]any
	}{
		{
			name: "open", scheme: "mqtt", listener: "allow_anonymous true\nmax_packet_size 65536", connections: 1,
			want: map[string]any{
				"protocol": "MQTT 5", "anonymous": "accepted", "plaintext": true, "plaintext_login": true, "max_packet": 65536,
				"rights.subscribe_all": "(not_tested)", "rights.publish": "(not_tested)", "rights.admin": "(not_asked)", "product": "(not_asked)",
			},
		},
		{
			name: "open, level active", scheme: "mqtt", listener: "allow_anonymous true", level: checks.Active, connections: 1,
			want: map[string]any{
				"anonymous": "accepted", "rights.subscribe_all": true, "rights.publish": true, "rights.proof": "delivery", "product": "mosquitto", "max_packet": 0,
			},
		},
		{
			// The subscription is granted, and nothing is delivered.
			name: "an access list, level active", scheme: "mqtt", listener: "allow_anonymous true\nacl_file " + acl, level: checks.Active, connections: 1,
			want: map[string]any{"anonymous": "accepted", "rights.subscribe_all": "(ambiguous)", "rights.publish": false, "rights.proof": "denial", "product": "(not_asked)"},
		},
		{
			name: "password", scheme: "mqtt", listener: closed, connections: 1,
			want: map[string]any{"anonymous": "refused", "plaintext_login": true, "rights.publish": "(not_asked)", "verbose_errors": false, "max_packet": "(not_asked)"},
		},
		{
			name: "TLS and a login", scheme: "mqtts", listener: secure + closed, auth: login, level: checks.Active, permissions: []string{"subscribe:fleet/#"}, connections: 4,
			want: map[string]any{
				"anonymous": "refused", "declared": "accepted", "random_credential": "refused", "without_certificate": "accepted",
				"declared_rights.subscribe_all": true, "declared_rights.publish": true, "excess_rights": []string{"publish:*", "subscribe:*"}, "plaintext": "(not_asked)",
			},
		},
		{
			name: "any login will do", scheme: "mqtts", listener: secure + "allow_anonymous true\n", auth: login, connections: 4,
			want: map[string]any{"anonymous": "accepted", "declared": "accepted", "random_credential": "accepted", "default_credentials": "(not_asked)"},
		},
		{
			name: "client certificate demanded", scheme: "mqtts", listener: secure + "require_certificate true\nallow_anonymous true\n", connections: 3,
			want: map[string]any{"without_certificate": "refused", "anonymous": "refused", "protocol": "(not_tested)"},
		},
		{
			name: "client certificate demanded, with ours", scheme: "mqtts", listener: secure + "require_certificate true\nuse_identity_as_username true\n", certificate: true, connections: 4,
			want: map[string]any{"without_certificate": "refused", "anonymous": "refused", "declared": "accepted", "protocol": "MQTT 5", "rights.publish": "(not_asked)"},
		},
		{
			name: "WebSocket", scheme: "ws", listener: "protocol websockets\nallow_anonymous true", connections: 2,
			want: map[string]any{"protocol": "MQTT 5", "anonymous": "accepted", "foreign_origin": true, "plaintext": true},
		},
		{
			name: "WebSocket over TLS", scheme: "wss", listener: secure + "protocol websockets\n" + closed, auth: login, connections: 5,
			want: map[string]any{"anonymous": "refused", "declared": "accepted", "random_credential": "refused", "foreign_origin": true},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			// mosquitto 2.0.11 ends when all its listeners are WebSockets.
			l := channeltest.Link(t, tt.scheme, peers.Mosquitto(t, "", tt.listener)[1])
			l.Auth, l.Permissions = tt.auth, tt.permissions
			if tt.certificate {
				l.TLS.ClientCert, l.TLS.ClientKey = inventory.NewSecret(p.ClientCertPEM, ""), inventory.NewSecret(p.ClientKeyPEM, "")
			}
			facts, o := channeltest.Survey(t, l, channeltest.Visit{Level: tt.level, Roots: testserver.Pool(p.Root)}, Survey)
			channeltest.Check(t, facts, tt.want)
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
		})
	}
}
