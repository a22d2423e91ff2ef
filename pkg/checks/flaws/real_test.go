package flaws

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/internal/peers"
	"github.com/m2mscan/m2mscan/internal/wire"
	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/hello"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// link is a link to a server at an address.
func link(t *testing.T, addr string) *inventory.Link {
	t.Helper()
	return (&testserver.Server{Port: netip.MustParseAddrPort(addr).Port()}).Link(t, "mqtts", "")
}

// files writes a certificate for the key of the tests, and the key.
func files(t *testing.T) (cert, key, both string) {
	t.Helper()
	issued := testserver.SelfSigned(t, testserver.RSA(t, 2048), func(c *x509.Certificate) {
		c.KeyUsage |= x509.KeyUsageKeyEncipherment // GnuTLS keeps to it
	})
	der, err := x509.MarshalPKCS8PrivateKey(issued.Key)
	if err != nil {
		t.Fatal(err)
	}
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: issued.Cert.Raw})
	private := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	dir := t.TempDir()
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert.pem", chain), write("key.pem", private), write("both.pem", append(chain, private...))
}

// Servers of today have none of the faults, with RSA key exchange or without.
// The connections tell what was tested: two without RSA key exchange, six with
// it, one more with heartbeats, and one of a server that refuses TLS 1.2.
func TestRealServers(t *testing.T) {
	t.Parallel()
	cert, key, both := files(t)
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	openssl := []string{"-cert", cert, "-key", key}
	gnutls := []string{"--x509certfile", cert, "--x509keyfile", key, "--disable-client-cert"}
	block := fmt.Sprintf("ssl_certificate %s; ssl_certificate_key %s; return 204; ", cert, key)
	nginx := peers.Nginx(t, block, block+"ssl_ciphers ECDHE;", block+"ssl_protocols TLSv1.3;")
	config := func(least uint16) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: least}
	}
	rsa := config(0)
	rsa.CipherSuites = []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_RSA_WITH_AES_128_GCM_SHA256}
	rsaOnly := testserver.TLS(t, rsa, nil)

	for _, test := range []struct {
		name, addr  string
		connections int
	}{
		{"openssl", peers.OpenSSL(t, openssl...), 6},
		{"openssl, TLS 1.0", peers.OpenSSL(t, append(openssl, "-tls1", "-cipher", "ALL:@SECLEVEL=0")...), 6},
		{"openssl, ECDHE", peers.OpenSSL(t, append(openssl, "-cipher", "ECDHE")...), 2},
		{"openssl, asks for a certificate", peers.OpenSSL(t, append(openssl, "-verify", "1")...), 6},
		{"openssl, TLS 1.3", peers.OpenSSL(t, append(openssl, "-tls1_3")...), 1},
		{"nginx", nginx[0], 6},
		{"nginx, ECDHE", nginx[1], 2},
		{"nginx, TLS 1.3", nginx[2], 1},
		{"haproxy", peers.HAProxy(t, "ssl crt "+both)[0], 6},
		{"mosquitto", peers.Mosquitto(t, fmt.Sprintf("certfile %s\nkeyfile %s\n", cert, key))[0], 6},
		{"gnutls", peers.GnuTLS(t, gnutls...), 6},
		{"gnutls, heartbeats", peers.GnuTLS(t, append(gnutls, "--heartbeat")...), 7},
		{"gnutls, TLS 1.3", peers.GnuTLS(t, append(gnutls, "--priority=NORMAL:-VERS-ALL:+VERS-TLS1.3")...), hellos},
		{"Go", peers.Go(t, config(0)), 2},
		{"Go, RSA key exchange", fmt.Sprintf("127.0.0.1:%d", rsaOnly.Port), 6},
		{"Go, TLS 1.3", peers.Go(t, config(tls.VersionTLS13)), 1},
		{"Java", peers.LegacyJSSE(t, cert, key, "RSA", "none protocols=TLSv1.2")[0], 6},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			o := visit(t, link(t, test.addr), checks.Active, patient)
			want := result{"false", "false", "false", test.connections}
			if diff := cmp.Diff(resultOf(o), want); diff != "" {
				t.Errorf("(-got +want):\n%s\n%+v", diff, o)
			}
		})
	}
}

// Behind a limit of connections the answers are the same, only later.
func TestLimited(t *testing.T) {
	t.Parallel()
	sound := stack{suites: []hello.Suite{ecdhe, kRSA}, heartbeats: true}
	faulty := sound
	faulty.bleeds, faulty.earlyCCS, faulty.oracle = true, true, always("start", 51)
	for _, test := range []struct {
		name  string
		stack stack
		over  wire.Over
		want  string
	}{
		{"sound, reset", sound, wire.Reset, "false"},
		{"sound, silence", sound, wire.Silence, "false"},
		{"faulty, close", faulty, wire.Close, "true"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := test.stack.start(t)
			proxy, err := wire.New(t.Context(), fmt.Sprintf("127.0.0.1:%d", s.Port),
				wire.Options{Limit: wire.Limit{PerSecond: 3, Over: test.over}})
			if err != nil {
				t.Fatal(err)
			}
			defer proxy.Close()
			o := visit(t, link(t, proxy.Addr()), checks.Active, patient)
			if diff := cmp.Diff(resultOf(o), result{test.want, test.want, test.want, o.Connections}); diff != "" {
				t.Errorf("(-got +want):\n%s\n%+v", diff, o)
			}
			if proxy.Stats().Refused == 0 {
				t.Error("the limit was never met")
			}
		})
	}
}
