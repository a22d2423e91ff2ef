package checks

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// testFacts is a small fact struct with every kind of leaf.
type testFacts struct {
	Name  *string  `json:"name,omitzero"`
	Count *int     `json:"count,omitzero"`
	List  []string `json:"list,omitzero"`
	Sub   struct {
		A *bool `json:"a,omitzero"`
		B *bool `json:"b,omitzero"`
	} `json:"sub"`
}

func testProbe(name string, run func(context.Context, *Visit) (*testFacts, error)) Probe {
	return New(Spec{
		Name: name, Doc: "A probe for tests.", Level: Observe,
		Applies: func(*inventory.Link) bool { return true },
		Plan:    func(Scope) Cost { return Cost{Connections: 2, Asks: []string{"GET /"}, MoreAsks: 1} },
	}, run)
}

func testLink(tb testing.TB, id, rawURL string) *inventory.Link {
	tb.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		tb.Fatal(err)
	}
	vendor := &inventory.Vendor{ID: "acme"}
	return &inventory.Link{Vendor: vendor, ID: id, Kind: inventory.KindEndpoint, URL: u}
}

// peer is a server on loopback that counts its connections.
type peer struct {
	net.Listener
	accepted atomic.Int64
	serving  sync.WaitGroup
}

// serve starts a peer that runs handle on each connection and closes it after.
func serve(tb testing.TB, handle func(net.Conn)) *peer {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p := &peer{Listener: l}
	p.serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.accepted.Add(1)
			p.serving.Go(func() {
				defer func() { _ = c.Close() }()
				handle(c)
			})
		}
	})
	tb.Cleanup(func() {
		_ = l.Close()
		p.serving.Wait()
	})
	return p
}

func (p *peer) url(scheme string) string { return scheme + "://" + p.Addr().String() }

// Hostile ways to handle a connection. All of them end when the client does.

func stall(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

func reset(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) }

// resetAfterHello reads the ClientHello first.
func resetAfterHello(c net.Conn) {
	_, _ = c.Read(make([]byte, 4096))
	reset(c)
}

func closeAfterHello(c net.Conn) { _, _ = c.Read(make([]byte, 16<<10)) }

func say(text string) func(net.Conn) {
	return func(c net.Conn) {
		_, _ = c.Read(make([]byte, 4096))
		_, _ = io.WriteString(c, text)
		_, _ = io.Copy(io.Discard, c)
	}
}

func endless(c net.Conn) {
	for b := make([]byte, 32<<10); ; {
		if _, err := c.Write(b); err != nil {
			return
		}
	}
}

// drip sends a byte of a TLS record now and then.
func drip(c net.Conn) {
	for _, b := range append([]byte{22, 3, 3, 64, 0}, make([]byte, 16384)...) {
		if _, err := c.Write([]byte{b}); err != nil {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// certify mints a certificate for 127.0.0.1 and test.example, signed by itself.
func certify(tb testing.TB, key crypto.Signer) tls.Certificate {
	tb.Helper()
	if key == nil {
		var err error
		if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			tb.Fatal(err)
		}
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"test.example"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// tlsPeer is a peer that shakes hands and then echoes.
func tlsPeer(tb testing.TB, config *tls.Config) *peer {
	tb.Helper()
	if len(config.Certificates) == 0 {
		config.Certificates = []tls.Certificate{certify(tb, nil)}
	}
	return serve(tb, func(c net.Conn) {
		s := tls.Server(c, config)
		if s.Handshake() == nil {
			_, _ = io.Copy(s, s)
		}
	})
}

// quick are limits for tests that run into a step deadline.
var quick = Limits{StepTimeout: 400 * time.Millisecond, Rate: 1e6, HostRate: 1e6, RequestRate: 1e6}

// patient are limits for tests that must not run into a step deadline.
var patient = Limits{Rate: 1e6, HostRate: 1e6, RequestRate: 1e6}

// visitOne runs one function on one link and returns its observation.
func visitOne(tb testing.TB, r Runner, l *inventory.Link, run func(context.Context, *Visit) (*testFacts, error)) Observation {
	tb.Helper()
	r.Probes = []Probe{testProbe("test", run)}
	if r.Level == "" {
		r.Level = Observe
	}
	results, err := r.Run(tb.Context(), []*inventory.Link{l})
	if err != nil {
		tb.Fatal(err)
	}
	return results[0].Observations[0]
}
