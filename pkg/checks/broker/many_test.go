package broker

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"testing"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// TestManyBrokers surveys five hundred brokers side by side, a fifth of which
// say nothing: each has its own facts, and no connection is left behind.
func TestManyBrokers(t *testing.T) {
	t.Parallel()
	servers := []struct {
		scheme string
		server *testserver.Server
	}{
		{"redis", testserver.Raw(t, serveRedis)},
		{"mqtt", testserver.Raw(t, serveMQTT)},
		{"nats", testserver.Raw(t, serveNATS)},
		{"stomp", testserver.Raw(t, serveSTOMP)},
		{"redis", testserver.Raw(t, testserver.Stall)},
	}
	const each = 100
	var links []*inventory.Link
	for i := range each {
		for _, s := range servers {
			links = append(links, &inventory.Link{
				Vendor: &inventory.Vendor{ID: "acme"}, ID: fmt.Sprintf("b%d-%d", i, s.server.Port), Kind: inventory.KindBroker,
				URL: &url.URL{Scheme: s.scheme, Host: fmt.Sprintf("b%d.acme.example:%d", i, s.server.Port)},
			})
		}
	}
	runner := &checks.Runner{
		Probes: []checks.Probe{Probe()}, Level: checks.Observe, UserAgent: "m2mscan/test",
		Limits: checks.Limits{StepTimeout: 500 * time.Millisecond, Rate: 1e6, HostRate: 1e6},
		Resolver: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}, nil
		},
	}
	results, err := runner.Run(t.Context(), links)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		o := r.Observations[0]
		silent := i%len(servers) == len(servers)-1
		f, known := checks.FactsOf[channel.Facts](r.Observations)
		switch {
		case silent && (known || o.Reason != checks.ReasonStalled):
			t.Errorf("%s: %s %s, %+v", r.Link.ID, o.Outcome, o.Reason, f)
		case !silent && (!known || f.Anonymous == nil || *f.Anonymous != channel.Refused):
			t.Errorf("%s: %s %s (%s), %+v", r.Link.ID, o.Outcome, o.Reason, o.Detail, f)
		case o.Connections > mostConnections:
			t.Errorf("%s: %d connections", r.Link.ID, o.Connections)
		}
	}
}

// eachLine answers every line of a client.
func eachLine(c net.Conn, answer string) {
	for lines := bufio.NewScanner(c); lines.Scan(); {
		if lines.Text() == "PING" { // of a command in Redis's own form
			_, _ = io.WriteString(c, answer)
		}
	}
}

func serveRedis(c net.Conn, _ int) {
	for lines := bufio.NewScanner(c); lines.Scan(); {
		if word := lines.Text(); word == "PING" || word == "HELLO" {
			_, _ = io.WriteString(c, "-NOAUTH Authentication required.\r\n")
		}
	}
}

func serveMQTT(c net.Conn, _ int) {
	_, _ = c.Read(make([]byte, 512))
	_, _ = io.WriteString(c, "\x20\x03\x00\x87\x00")
	_, _ = io.Copy(io.Discard, c)
}

func serveNATS(c net.Conn, _ int) {
	_, _ = io.WriteString(c, `INFO {"server_id":"X","version":"2.10.1","auth_required":true,"max_payload":1048576}`+"\r\n")
	eachLine(c, "-ERR 'Authorization Violation'\r\n")
}

func serveSTOMP(c net.Conn, _ int) {
	_, _ = c.Read(make([]byte, 512))
	_, _ = io.WriteString(c, "ERROR\nmessage:Bad CONNECT\ncontent-type:text/plain\nversion:1.0,1.1,1.2\ncontent-length:14\n\nAccess refused\x00")
	_, _ = io.Copy(io.Discard, c)
}
