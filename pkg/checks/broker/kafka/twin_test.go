package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/m2mscan/m2mscan/internal/peers"
	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// ownAddress is an address of loopback where the well-known ports are free.
const ownAddress = "127.90.92.93"

func listenAt(t *testing.T, port string, serve func(net.Conn)) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", net.JoinHostPort(ownAddress, port))
	if err != nil {
		peers.LeftOut(t, "port %s of %s: %v", port, ownAddress, err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				serve(c)
			}()
		}
	}()
}

// TestPlaintextTwin looks at port 9092 beside a broker on port 9093.
func TestPlaintextTwin(t *testing.T) {
	root := testserver.Root(t, "broker root")
	config := &tls.Config{Certificates: []tls.Certificate{root.Leaf(t, nil).TLS()}}
	overTLS := func(c net.Conn) {
		testserver.ServeTLS(c, config, func(c *tls.Conn) { (&apache{t: t, sasl: []string{"PLAIN"}}).serve(c) })
	}
	for _, tt := range []struct {
		name             string
		twin             func(net.Conn)
		plaintext, login string
	}{
		{"nobody listens", nil, "false", "false"},
		{"it takes a login", func(c net.Conn) { (&apache{t: t, sasl: []string{"PLAIN"}}).serve(c) }, "true", "true"},
		{"it takes no login", func(c net.Conn) { (&apache{t: t}).serve(c) }, "true", "false"},
		{"it ends on SaslHandshake", func(c net.Conn) { (&apache{t: t, closesOn: 17}).serve(c) }, "true", "reset"},
		{"it says that it speaks TLS", func(c net.Conn) { testserver.Alert(70)(c, 0) }, "false", "false"},
		{"it speaks TLS and does not say so", overTLS, "reset", "reset"},
		{"it says nothing", func(c net.Conn) { testserver.Stall(c, 0) }, "stalled", "stalled"},
		{"it closes", func(net.Conn) {}, "reset", "reset"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			listenAt(t, "9093", overTLS)
			if tt.twin != nil {
				listenAt(t, "9092", tt.twin)
			}
			facts, unknown := surveyAt(t, testserver.Pool(root))
			got := func(name string, fact *bool) string {
				if fact == nil {
					return string(unknown[name])
				}
				return map[bool]string{true: "true", false: "false"}[*fact]
			}
			if p, l := got("plaintext", facts.Plaintext), got("plaintext_login", facts.PlaintextLogin); p != tt.plaintext || l != tt.login {
				t.Errorf("plaintext %s, login %s; want %s, %s", p, l, tt.plaintext, tt.login)
			}
		})
	}
}

func surveyAt(t *testing.T, roots *x509.CertPool) (*channel.Facts, map[string]checks.Reason) {
	t.Helper()
	facts := &channel.Facts{}
	probe := checks.New(checks.Spec{Name: "broker", Doc: "For tests.", Level: checks.Observe}, func(ctx context.Context, v *checks.Visit) (*channel.Facts, error) {
		return facts, Survey(ctx, &channel.Survey{Visit: v, Facts: facts})
	})
	runner := &checks.Runner{
		Probes: []checks.Probe{probe}, Level: checks.Observe, Roots: roots, UserAgent: "m2mscan/test",
		Limits: checks.Limits{StepTimeout: time.Second, LinkTimeout: 20 * time.Second, Rate: 1e6, HostRate: 1e6, RequestRate: 1e6},
		Now:    func() time.Time { return testserver.Now },
		Resolver: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr(ownAddress)}, nil
		},
	}
	l := &inventory.Link{
		Vendor: &inventory.Vendor{ID: "acme"}, ID: "broker", Kind: inventory.KindBroker,
		URL: &url.URL{Scheme: "kafkas", Host: testserver.Host},
	}
	results, err := runner.Run(t.Context(), []*inventory.Link{l})
	if err != nil {
		t.Fatal(err)
	}
	unknown := map[string]checks.Reason{}
	for _, u := range results[0].Observations[0].Unknown {
		unknown[strings.TrimPrefix(u.Fact, "broker.")] = u.Reason
	}
	return facts, unknown
}
