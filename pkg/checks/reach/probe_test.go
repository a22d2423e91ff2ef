package reach

import (
	"crypto/tls"
	"net"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
)

func TestNetwork(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"127.0.0.1": "loopback", "127.255.0.1": "loopback", "::1": "loopback", "0.0.0.0": "loopback", "::ffff:127.0.0.1": "loopback",
		"10.1.2.3": "private", "172.31.0.1": "private", "192.168.1.1": "private", "169.254.169.254": "private",
		"100.64.0.1": "private", "fd00::1": "private", "fe80::1%eth0": "private",
		"172.32.0.1": "public", "100.128.0.1": "public", "192.0.2.1": "public", "2001:db8::1": "public",
	} {
		if got := network(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}

// TestReached: whatever the server does once it is connected, it is reachable.
func TestReached(t *testing.T) {
	t.Parallel()
	leaf := testserver.SelfSigned(t, nil)
	config := &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}}
	for _, test := range []struct {
		name, scheme string
		handle       func(net.Conn, int)
		connections  int
	}{
		{"TLS", "mqtts", func(c net.Conn, _ int) { testserver.ServeTLS(c, config, nil) }, 1},
		{"plain", "mqtt", testserver.Stall, 1},
		{"plain HTTP", "http", testserver.Stall, 1},
		{"garbage instead of TLS", "mqtts", testserver.Endless, 1},
		{"alert", "mqtts", testserver.Alert(70), 1},
		{"plain text instead of TLS", "https", testserver.Say("HTTP/1.1 400 Bad Request\r\n\r\n"), 1},
		{"reset instead of TLS", "mqtts", testserver.Reset, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := testserver.Raw(t, test.handle)
			o := testserver.Observe(t, s.Link(t, test.scheme, ""), nil, Probe())[0]
			f, ok := o.Facts.(*Facts)
			if !ok {
				t.Fatalf("no facts: %+v", o)
			}
			if f.LatencyMS == nil || *f.LatencyMS <= 0 || *f.LatencyMS > 1000 {
				t.Errorf("latency %v ms", f.LatencyMS)
			}
			f.LatencyMS = nil
			want := &Facts{Reachable: new(true), Addresses: []string{"127.0.0.1"}, Address: new("127.0.0.1"), Network: new("loopback"), Drift: []string{}}
			if diff := cmp.Diff(f, want); diff != "" {
				t.Errorf("facts (-got +want):\n%s", diff)
			}
			if got := s.Connections(t); got != test.connections || o.Connections != got {
				t.Errorf("%d connections, noted %d; want %d", got, o.Connections, test.connections)
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"mqtt", "mqtts"} {
		o := testserver.Observe(t, testserver.Refused(t).Link(t, scheme, ""), nil, Probe())[0]
		if o.Outcome != checks.Unreachable || o.Reason != checks.ReasonRefused {
			t.Errorf("%s: %+v", scheme, o)
		}
		want := &Facts{Reachable: new(false), Addresses: []string{"127.0.0.1"}}
		if diff := cmp.Diff(o.Facts, any(want)); diff != "" {
			t.Errorf("%s: facts (-got +want):\n%s", scheme, diff)
		}
	}
}
