package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// authority mints the certificates of a test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

// newAuthority makes the one authority of a test run.
var newAuthority = sync.OnceValues(func() (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "m2mscan test authority"},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(48 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return &authority{cert, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}, err
})

// mint makes a certificate for 127.0.0.1 and localhost that ends at notAfter.
func (a *authority) mint(notAfter time.Time) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "localhost"},
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: notAfter,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

// peer is a server of a test.
type peer struct {
	listener net.Listener
	accepted atomic.Int64
	reached  chan struct{} // closed at the first connection
}

// Accept counts, so that a test can tell that nobody came.
func (p *peer) Accept() (net.Conn, error) {
	conn, err := p.listener.Accept()
	if err == nil && p.accepted.Add(1) == 1 {
		close(p.reached)
	}
	return conn, err
}

// Close frees the port.
func (p *peer) Close() error { return p.listener.Close() }

// Addr is where the peer listens.
func (p *peer) Addr() net.Addr { return p.listener.Addr() }

// kinds of peer.
const (
	peerGood    = "good"    // TLS 1.2 and 1.3, valid certificate
	peerOld     = "tls10"   // TLS 1.0 too
	peerExpired = "expired" // certificate of yesterday
	peerStall   = "stall"   // accepts, and says nothing
	peerReset   = "reset"   // accepts, and resets
	peerGarbage = "garbage" // answers what no protocol knows
	peerRefuse  = "refuse"  // a port where nobody listens
)

// startPeer starts a peer on a loopback port and returns its address.
func startPeer(kind, address string) (*peer, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	p := &peer{listener: listener, reached: make(chan struct{})}
	switch kind {
	case peerStall:
		go p.accept(func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	case peerReset:
		go p.accept(func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) })
	case peerGarbage:
		go p.accept(func(c net.Conn) {
			_, _ = c.Read(make([]byte, 1024))
			_, _ = c.Write([]byte("\x00\xff this is of no protocol \x00\xff\n"))
		})
	case peerRefuse:
		return p, listener.Close()
	default:
		return p, p.serveTLS(kind)
	}
	return p, nil
}

func (p *peer) accept(handle func(net.Conn)) {
	for {
		conn, err := p.Accept()
		if err != nil {
			return
		}
		go func() {
			handle(conn)
			_ = conn.Close()
		}()
	}
}

func (p *peer) serveTLS(kind string) error {
	ca, err := newAuthority()
	if err != nil {
		return err
	}
	notAfter := time.Now().Add(24 * time.Hour)
	if kind == peerExpired {
		notAfter = time.Now().Add(-time.Hour)
	}
	cert, err := ca.mint(notAfter)
	if err != nil {
		return err
	}
	config := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	if kind == peerOld {
		config.MinVersion = tls.VersionTLS10
	}
	server := &http.Server{
		ReadHeaderTimeout: time.Minute,
		ErrorLog:          log.New(io.Discard, "", 0),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusUnauthorized)
		}),
	}
	go func() { _ = server.Serve(tls.NewListener(p, config)) }()
	return nil
}

func (p *peer) address() string { return p.Addr().String() }

// newPeer starts a peer for one test.
func newPeer(t *testing.T, kind string) *peer {
	t.Helper()
	p, err := startPeer(kind, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// running are the peers of one script by name.
type running map[string]*peer

// cmdServe starts a peer: serve NAME KIND. Its address becomes the variable
// NAME, and the authority's certificate the file ca.pem. A NAME that was
// served before gets its port again.
func cmdServe(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: serve NAME KIND")
	}
	name, address := args[0], "127.0.0.1:0"
	if before := ts.Getenv(name); before != "" {
		address = before
	}
	p, err := startPeer(args[1], address)
	ts.Check(err)
	ts.Defer(func() { _ = p.Close() })
	ts.Setenv(name, p.address())
	peersOf(ts)[name] = p
	ca, err := newAuthority()
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("ca.pem"), ca.pem, 0o644))
}

// cmdStop stops a peer: unserve NAME.
func cmdStop(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 || peersOf(ts)[args[0]] == nil {
		ts.Fatalf("usage: unserve NAME, of a peer that runs")
	}
	ts.Check(peersOf(ts)[args[0]].Close())
}

// cmdUntouched makes sure that nobody connected to a peer: untouched NAME.
func cmdUntouched(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 || peersOf(ts)[args[0]] == nil {
		ts.Fatalf("usage: untouched NAME, of a peer that runs")
	}
	if n := peersOf(ts)[args[0]].accepted.Load(); n > 0 {
		ts.Fatalf("%s accepted %d connections", args[0], n)
	}
}

// cmdReached waits until somebody connects to a peer: reached NAME.
func cmdReached(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 || peersOf(ts)[args[0]] == nil {
		ts.Fatalf("usage: reached NAME, of a peer that runs")
	}
	select {
	case <-peersOf(ts)[args[0]].reached:
	case <-time.After(time.Minute):
		ts.Fatalf("nobody connected to %s", args[0])
	}
}

// peersKey is where a script keeps its peers.
type peersKey struct{}

func peersOf(ts *testscript.TestScript) running {
	return ts.Value(peersKey{}).(running)
}
