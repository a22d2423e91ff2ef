// Package testserver starts servers on loopback for the tests of probes, and
// mints their certificates. It is not linked into the program.
package testserver

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// Server is a server on loopback that counts its connections.
type Server struct {
	Port uint16

	mu      sync.Mutex
	clients []string      // addresses, in the order accepted
	changed chan struct{} // closed when clients grows
}

func newServer(l net.Listener) *Server {
	return &Server{Port: l.Addr().(*net.TCPAddr).AddrPort().Port(), changed: make(chan struct{})}
}

// accepted notes a connection and gives its number, from 1.
func (s *Server) accepted(c net.Conn) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clients = append(s.clients, c.RemoteAddr().String())
	close(s.changed)
	s.changed = make(chan struct{})
	return len(s.clients)
}

// Connections is how many connections were made, those included that still
// wait to be accepted: it makes one more and waits until that is accepted.
func (s *Server) Connections(t testing.TB) int {
	t.Helper()
	last, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.Port))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = last.Close() }()
	for {
		s.mu.Lock()
		n, changed := slices.Index(s.clients, last.LocalAddr().String()), s.changed
		s.mu.Unlock()
		if n >= 0 {
			return n
		}
		<-changed
	}
}

// Raw serves each connection with handle, and closes it then. The handler gets
// the connection's number, from 1. It must end when the client closes.
func Raw(t testing.TB, handle func(c net.Conn, number int)) *Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(l)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			number := s.accepted(c)
			serving.Go(func() {
				defer func() { _ = c.Close() }()
				handle(c, number)
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		serving.Wait()
	})
	return s
}

// TLS shakes hands and then serves with handle; nil reads until the end.
func TLS(t testing.TB, config *tls.Config, handle func(*tls.Conn)) *Server {
	t.Helper()
	return Raw(t, func(c net.Conn, _ int) { ServeTLS(c, config, handle) })
}

// ServeTLS is what TLS does with one connection.
func ServeTLS(c net.Conn, config *tls.Config, handle func(*tls.Conn)) {
	s := tls.Server(c, config)
	if s.Handshake() != nil {
		// Closed with what the client sent unread, the alert would be lost.
		_ = c.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, c)
		return
	}
	if handle == nil {
		handle = Quiet
	}
	handle(s)
}

// Quiet reads until the client closes.
func Quiet(c *tls.Conn) { _, _ = io.Copy(io.Discard, c) }

// HTTP serves HTTP over TLS, with HTTP/2 when the configuration offers h2.
func HTTP(t testing.TB, config *tls.Config, handler http.HandlerFunc) *Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(l)
	server := &http.Server{
		Handler: handler, ErrorLog: log.New(io.Discard, "", 0), TLSConfig: config,
		ReadHeaderTimeout: 10 * time.Second,
		ConnState: func(c net.Conn, state http.ConnState) {
			if state == http.StateNew {
				s.accepted(c)
			}
		},
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.ServeTLS(l, "", "")
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return s
}

// Hostile ways to serve a connection. All end when the client does.

// Stall reads and says nothing.
func Stall(c net.Conn, _ int) { _, _ = io.Copy(io.Discard, c) }

// Reset resets the connection once the client has spoken.
func Reset(c net.Conn, _ int) {
	_, _ = c.Read(make([]byte, 4096))
	_ = c.(*net.TCPConn).SetLinger(0)
}

// Endless writes bytes that are no protocol.
func Endless(c net.Conn, _ int) {
	for b := make([]byte, 32<<10); ; {
		if _, err := c.Write(b); err != nil {
			return
		}
	}
}

// Say answers the client's first bytes with a text.
func Say(text string) func(net.Conn, int) {
	return func(c net.Conn, _ int) {
		_, _ = c.Read(make([]byte, 4096))
		_, _ = io.WriteString(c, text)
		_, _ = io.Copy(io.Discard, c)
	}
}

// Alert answers a ClientHello with a fatal TLS alert.
func Alert(code byte) func(net.Conn, int) { return Say(string([]byte{21, 3, 3, 0, 2, 2, code})) }

// Refused is a port on loopback that nobody listens on.
func Refused(t testing.TB) *Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return newServer(l)
}

// Link is a link to the server, by the name Host.
func (s *Server) Link(t testing.TB, scheme, path string) *inventory.Link {
	t.Helper()
	u, err := url.Parse(fmt.Sprintf("%s://%s:%d%s", scheme, Host, s.Port, path))
	if err != nil {
		t.Fatal(err)
	}
	known, _ := inventory.LookupScheme(scheme)
	return &inventory.Link{Vendor: &inventory.Vendor{ID: "acme"}, ID: "link", Kind: known.Kinds[0], URL: u}
}

// Observe visits one link with the probes, at Now, without pacing. Host
// resolves to 127.0.0.1. A defect fails the test.
func Observe(t testing.TB, l *inventory.Link, roots *x509.CertPool, list ...checks.Probe) []checks.Observation {
	t.Helper()
	return ObserveAt(t, Now, l, roots, list...)
}

// ObserveAt is Observe at another moment: that of certificates which other
// programs minted.
func ObserveAt(t testing.TB, now time.Time, l *inventory.Link, roots *x509.CertPool, list ...checks.Probe) []checks.Observation {
	t.Helper()
	runner := &checks.Runner{
		Probes: list, Level: checks.Observe, Roots: roots, UserAgent: "m2mscan/test",
		Now: func() time.Time { return now },
		Limits: checks.Limits{
			StepTimeout: time.Second, LinkTimeout: 15 * time.Second,
			Rate: 1e6, HostRate: 1e6, RequestRate: 1e6,
		},
		Resolver: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}, nil
		},
	}
	results, err := runner.Run(t.Context(), []*inventory.Link{l})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range results[0].Observations {
		for _, u := range o.Unknown {
			if u.Reason == checks.ReasonBug {
				t.Errorf("unknown by a defect: %+v", u)
			}
		}
	}
	return results[0].Observations
}

// Reasons maps the unknown facts of an observation to their reasons.
func Reasons(o checks.Observation) map[string]checks.Reason {
	reasons := make(map[string]checks.Reason)
	for _, u := range o.Unknown {
		reasons[u.Fact] = u.Reason
	}
	return reasons
}
