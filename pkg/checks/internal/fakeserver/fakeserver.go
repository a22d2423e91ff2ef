// Package fakeserver answers hellos as a server of any age would, from lists
// of what it supports: SSL 2.0, EXPORT, NULL and the like, which no packaged
// server speaks any more, and the ways in which servers misbehave. It goes no
// further than its first flight. It is not linked into the program.
package fakeserver

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/m2mscan/m2mscan/pkg/checks/hello"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
)

// Config says what a server supports, and how it behaves. The zero value of a
// field means what its comment says.
type Config struct {
	Versions []hello.Version // accepted

	// Suites are those supported, in the server's order. A suite is used in
	// the versions that the registry has it for.
	Suites []hello.Suite
	// SuitesOf replaces Suites for one version.
	SuitesOf map[hello.Version][]hello.Suite
	// Groups are those supported, in the server's order. Without one in common
	// with the client no ECDHE suite is used, nor TLS 1.3.
	Groups []hello.Group
	// ClientPreference follows the client's order of suites and groups.
	ClientPreference bool

	Chain       [][]byte            // DER, sent up to TLS 1.2
	Chains      map[string][][]byte // in place of Chain, by SuiteInfo.Authentication, such as "ECDSA"
	DHPrime     []byte              // big-endian; nil is ffdhe2048's size in ones
	ExportPrime []byte              // of DHE suites of export strength; nil means DHPrime
	Request     *hello.CertificateRequest

	// Extensions are answered when they were offered, up to TLS 1.2 and where
	// they make sense: encrypt-then-MAC with a block cipher alone.
	Extensions []uint16
	Deflate    bool // compress where the client offers it
	Fallback   bool // refuse TLS_FALLBACK_SCSV below the highest version (RFC 7507)

	RefuseVersion uint8                   // alert for want of a common version; zero means 70, protocol_version
	RefuseSuites  uint8                   // alert for want of a common suite or group; zero means 40, handshake_failure
	Warning       uint8                   // alert of level warning before the ServerHello; zero means none
	Alerts        map[hello.Version]uint8 // fatal alert to every hello of this highest version

	// Drop says which hellos get no answer; nil means none. Size is that of
	// the handshake message, with its header.
	Drop func(h *hello.ClientHello, size int) bool
	// Silent makes a dropped hello wait in vain; otherwise it is reset.
	Silent bool

	// Modern serves the hellos of crypto/tls, which are known by a key share
	// that is not empty. Without it they are answered like the rest, which
	// tells such a client a version and not much more.
	Modern *tls.Config
}

// recordHeader is the length of a TLS record's header.
const recordHeader = 5

// Server is a server on loopback that counts its connections.
type Server struct {
	*testserver.Server

	mu     sync.Mutex
	hellos []*hello.ClientHello
}

// Hellos are those that came, in the order of their arrival.
func (s *Server) Hellos() []*hello.ClientHello {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.hellos)
}

// Start starts a server that lives as long as the test.
func Start(t testing.TB, config Config) *Server {
	t.Helper()
	s := &Server{}
	s.Server = testserver.Raw(t, func(c net.Conn, _ int) { s.Serve(c, config) })
	return s
}

// Serve answers one connection. It is for servers with a limit or a mood, in
// the handler of a [testserver.Raw].
func (s *Server) Serve(c net.Conn, config Config) {
	var taken bytes.Buffer
	h, err := hello.ReadClientHello(io.TeeReader(c, &taken))
	if err != nil {
		return
	}
	s.mu.Lock()
	s.hellos = append(s.hellos, h)
	s.mu.Unlock()
	switch {
	case config.Drop != nil && config.Drop(h, taken.Len()-recordHeader):
		if !config.Silent {
			_ = c.(*net.TCPConn).SetLinger(0)
			return
		}
	case config.Modern != nil && len(h.KeyShares) > 0:
		serveModern(&replayed{Conn: c, ahead: &taken}, config.Modern)
		return
	default:
		flight, err := config.Answer(h).Marshal()
		if err != nil {
			panic(err) // a defect of the test
		}
		_, _ = c.Write(flight)
		_ = c.(*net.TCPConn).CloseWrite()
	}
	_, _ = io.Copy(io.Discard, c)
}

func serveModern(c *replayed, config *tls.Config) {
	server := tls.Server(c, config)
	if server.Handshake() == nil {
		testserver.Quiet(server)
		return
	}
	// Closed with what the client sent unread, the alert would be lost.
	_ = c.Conn.(*net.TCPConn).CloseWrite()
	_, _ = io.Copy(io.Discard, c.Conn)
}

// replayed reads again what was read ahead.
type replayed struct {
	net.Conn
	ahead *bytes.Buffer
}

func (r *replayed) Read(b []byte) (int, error) {
	if r.ahead.Len() > 0 {
		return r.ahead.Read(b)
	}
	return r.Conn.Read(b)
}
