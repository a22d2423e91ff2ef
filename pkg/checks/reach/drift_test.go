package reach

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/internal/peers"
	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// node serves one address of a name.
type node func(net.Conn)

// nodes listens on one port of 127.0.0.1, 127.0.0.2, ...; nil leaves an address
// without a server.
func nodes(t *testing.T, handlers ...node) (port uint16, addresses []netip.Addr) {
	t.Helper()
	for i, handle := range handlers {
		address := netip.AddrFrom4([4]byte{127, 0, 0, byte(i + 1)})
		addresses = append(addresses, address)
		if handle == nil {
			continue
		}
		l, err := net.Listen("tcp", netip.AddrPortFrom(address, port).String())
		if err != nil {
			peers.LeftOut(t, "no address %s here: %v", address, err)
		}
		t.Cleanup(func() { _ = l.Close() })
		port = l.Addr().(*net.TCPAddr).AddrPort().Port()
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					defer c.Close()
					handle(c)
				}()
			}
		}()
	}
	return port, addresses
}

func TestDrift(t *testing.T) {
	t.Parallel()
	first, second := testserver.SelfSigned(t, nil).TLS(), testserver.SelfSigned(t, nil).TLS()
	shaking := func(c *tls.Config) node {
		if c.Certificates == nil {
			c.Certificates = []tls.Certificate{first}
		}
		return func(conn net.Conn) { testserver.ServeTLS(conn, c, nil) }
	}
	raw := func(handle func(net.Conn, int)) node { return func(c net.Conn) { handle(c, 1) } }
	modern := shaking(&tls.Config{})
	for _, test := range []struct {
		name, scheme string
		nodes        []node
		want         []string
		reason       checks.Reason
	}{
		{"alike", "mqtts", []node{modern, modern, modern}, []string{}, ""},
		{"another certificate", "mqtts", []node{modern, shaking(&tls.Config{Certificates: []tls.Certificate{second}})}, []string{"certificate"}, ""},
		{
			"an old node among three", "mqtts",
			[]node{modern, modern, shaking(&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}, CurvePreferences: []tls.CurveID{tls.CurveP256}})},
			[]string{"group", "suite", "version"}, "",
		},
		{"asks for a client certificate", "mqtts", []node{modern, shaking(&tls.Config{ClientAuth: tls.RequestClientCert})}, []string{"client_certificate"}, ""},
		{"nobody there", "mqtts", []node{modern, nil}, []string{"reachability"}, ""},
		{"nobody there, in the clear", "mqtt", []node{raw(testserver.Stall), nil}, []string{"reachability"}, ""},
		{"alike in the clear", "mqtt", []node{raw(testserver.Stall), raw(testserver.Stall)}, []string{}, ""},
		{"refuses all handshakes", "mqtts", []node{modern, raw(testserver.Alert(40))}, []string{"handshake"}, ""},
		{"resets: no answer is no difference", "mqtts", []node{modern, raw(testserver.Reset)}, nil, checks.ReasonReset},
		{"garbage", "mqtts", []node{modern, raw(testserver.Say("\x00\x01\x02\x03\x04\x05\x06"))}, nil, checks.ReasonGarbage},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			port, addresses := nodes(t, test.nodes...)
			runner := &checks.Runner{
				Probes: []checks.Probe{Probe()}, Level: checks.Observe, Limits: checks.Limits{Rate: 1e6, HostRate: 1e6},
				Resolver: func(context.Context, string) ([]netip.Addr, error) { return addresses, nil },
			}
			link := &inventory.Link{
				Vendor: &inventory.Vendor{ID: "acme"}, ID: "x", Kind: inventory.KindBroker,
				URL: &url.URL{Scheme: test.scheme, Host: "many.example:" + strconv.Itoa(int(port))},
			}
			results, err := runner.Run(t.Context(), []*inventory.Link{link})
			if err != nil {
				t.Fatal(err)
			}
			o := results[0].Observations[0]
			f, ok := o.Facts.(*Facts)
			if !ok {
				t.Fatalf("no facts: %+v", o)
			}
			if diff := cmp.Diff(f.Drift, test.want); diff != "" {
				t.Errorf("drift (-got +want):\n%s", diff)
			}
			if got := testserver.Reasons(o)["link.address_drift"]; got != test.reason {
				t.Errorf("reason %q, want %q", got, test.reason)
			}
		})
	}
}
