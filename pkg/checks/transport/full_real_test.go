package transport

import (
	"bytes"
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/internal/peers"
	"github.com/m2mscan/m2mscan/internal/wire"
	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/hello"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// surveyed runs the full profile against a server at an address.
func surveyed(t *testing.T, addr string) (*Facts, checks.Observation) {
	t.Helper()
	return surveyedWithin(t, addr, fullCost()+handshakesMax+queriesMax)
}

// surveyedWithin does so with a number of connections.
func surveyedWithin(t *testing.T, addr string, connections int) (*Facts, checks.Observation) {
	t.Helper()
	runner := &checks.Runner{
		Probes: []checks.Probe{Probe()}, Level: checks.Observe, TLS: checks.TLSFull, UserAgent: "m2mscan/test",
		Now: func() time.Time { return testserver.Now },
		Limits: checks.Limits{
			StepTimeout: 5 * time.Second, LinkTimeout: time.Minute, PerHost: 16, Connections: connections,
			Rate: 1e6, HostRate: 1e6, BytesPerProbe: 64 << 20,
		},
		Resolver: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}, nil
		},
	}
	link := (&testserver.Server{Port: netip.MustParseAddrPort(addr).Port()}).Link(t, "mqtts", "")
	results, err := runner.Run(t.Context(), []*inventory.Link{link})
	if err != nil {
		t.Fatal(err)
	}
	o := results[0].Observations[0]
	f, ok := o.Facts.(*Facts)
	if !ok {
		t.Fatalf("observation %+v", o)
	}
	return f, o
}

// pair writes a certificate and its key for a real server.
func pair(t *testing.T, key crypto.Signer) (certFile, keyFile string) {
	t.Helper()
	issued := testserver.SelfSigned(t, key, func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageKeyEncipherment })
	der, err := x509.MarshalPKCS8PrivateKey(issued.Key)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, content []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert.pem", "CERTIFICATE", issued.Cert.Raw), write("key.pem", "PRIVATE KEY", der)
}

// TestRealServers holds the suites that are found against those that nmap and
// sslscan list on the same server, where they are installed, and counts the
// connections of the whole probe.
func TestRealServers(t *testing.T) {
	t.Parallel()
	rsaCert, rsaKey := pair(t, testserver.RSA(t, 2048))
	rsaPair, err := tls.LoadX509KeyPair(rsaCert, rsaKey)
	if err != nil {
		t.Fatal(err)
	}
	ecCert, ecKey := pair(t, testserver.ECDSA(t))
	edCert, edKey := pair(t, testserver.Ed25519(t))
	block := func(cert, key string) string {
		return fmt.Sprintf("ssl_certificate %s; ssl_certificate_key %s; return 204; ", cert, key)
	}
	rsa, both := block(rsaCert, rsaKey), block(rsaCert, rsaKey)+strings.TrimSuffix(block(ecCert, ecKey), "return 204; ")
	all := "ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; ssl_ciphers ALL:COMPLEMENTOFALL:@SECLEVEL=0; "
	hardened := "ssl_ciphers ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305; ssl_prefer_server_ciphers on;"
	nginx := peers.Nginx(t,
		rsa+"ssl_protocols TLSv1.2 TLSv1.3;",
		rsa+"ssl_protocols TLSv1.2 TLSv1.3; ssl_prefer_server_ciphers on;",
		rsa+hardened+"ssl_protocols TLSv1.2 TLSv1.3;",
		rsa+all,
		both+"ssl_protocols TLSv1.2; ssl_ecdh_curve secp384r1;",
		rsa+"ssl_protocols TLSv1.3;",
	)
	openssl := func(args ...string) string {
		return peers.OpenSSL(t, append([]string{"-cert", rsaCert, "-key", rsaKey}, args...)...)
	}
	goTLS := &tls.Config{Certificates: []tls.Certificate{rsaPair}, MinVersion: tls.VersionTLS10}
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		goTLS.CipherSuites = append(goTLS.CipherSuites, suite.ID)
	}
	for _, test := range []struct {
		name, addr string
		most       int // connections
		order      bool
		types      []string
	}{
		{"nginx", nginx[0], 60, false, []string{"RSA"}},
		{"nginx, own order", nginx[1], 60, true, []string{"RSA"}},
		{"nginx, hardened", nginx[2], 32, true, []string{"RSA"}},
		{"nginx, all of it", nginx[3], 140, false, []string{"RSA"}},
		{"nginx, two certificates", nginx[4], 60, false, []string{"ECDSA", "RSA"}},
		{"nginx, TLS 1.3", nginx[5], 32, false, []string{"RSA"}},
		{"openssl, ChaCha20 first for those who want it", openssl("-serverpref", "-prioritize_chacha", "-cipher", "ECDHE"), 60, true, []string{"RSA"}},
		{"openssl, Ed25519", peers.OpenSSL(t, "-cert", edCert, "-key", edKey, "-dcert", ecCert, "-dkey", ecKey), 60, false, []string{"ECDSA", "Ed25519"}},
		{"openssl, DHE", openssl("-cipher", "ALL:@SECLEVEL=0", "-named_curve", "auto"), 120, false, []string{"RSA"}},
		{"apache", peers.Apache(t, "SSLProtocol all\nSSLCipherSuite ALL\nSSLCertificateFile "+rsaCert+"\nSSLCertificateKeyFile "+rsaKey)[0], 120, false, []string{"RSA"}},
		{"go", peers.Go(t, goTLS), 64, true, []string{"RSA"}},
		{"gnutls", peers.GnuTLS(t, "--x509certfile", rsaCert, "--x509keyfile", rsaKey, "--disable-client-cert",
			"--priority=NORMAL:+VERS-SSL3.0:+VERS-TLS1.0:+VERS-TLS1.1:+ARCFOUR-128:+3DES-CBC:+DHE-RSA:+ANON-DH"), 140, false, []string{"RSA"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			// A machine that is busy lets questions time out, which are then
			// put again: the best of three counts.
			f, o := counted(t, test.addr)
			for range 2 {
				if o.Connections > test.most {
					f, o = counted(t, test.addr)
				}
			}
			reasons := testserver.Reasons(o)
			for _, fact := range []string{"suites", "groups", "server_preference", "key_types", "dh_bits", "dh_prime"} {
				if reason, ok := reasons["tls."+fact]; ok {
					t.Errorf("%s is unknown: %s", fact, reason)
				}
			}
			if t.Failed() {
				t.Fatalf("%+v", o)
			}
			if o.Connections > test.most {
				t.Errorf("%d connections, want at most %d", o.Connections, test.most)
			}
			t.Logf("%d connections, %d suites, groups %v, %d ms", o.Connections, len(f.Suites), f.Groups, o.DurationMS)
			if *f.ServerPreference != test.order {
				t.Errorf("server preference %v", *f.ServerPreference)
			}
			if diff := cmp.Diff(f.KeyTypes, test.types); diff != "" {
				t.Errorf("key types (-got +want):\n%s", diff)
			}
			for _, other := range []func(*testing.T, string) []string{nmapSuites, sslscanSuites} {
				if want := other(t, test.addr); want != nil {
					if diff := cmp.Diff(f.Suites, want); diff != "" {
						t.Errorf("suites (-got +theirs):\n%s", diff)
					}
				}
			}
		})
	}
}

// counted surveys a server through a proxy that counts the connections.
func counted(t *testing.T, addr string) (*Facts, checks.Observation) {
	t.Helper()
	proxy, err := wire.New(t.Context(), addr, wire.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	f, o := surveyed(t, proxy.Addr())
	if got := proxy.Stats().Connections; got != int64(o.Connections) {
		t.Errorf("%d connections, noted %d", got, o.Connections)
	}
	return f, o
}

// nmapSuites are those that nmap lists; nil where it is not installed.
func nmapSuites(t *testing.T, addr string) []string {
	t.Helper()
	nmap, err := exec.LookPath("nmap")
	if err != nil {
		return nil
	}
	host, port, _ := net.SplitHostPort(addr)
	out, err := exec.CommandContext(t.Context(), nmap, "-Pn", "-n", "-p", port, "--script", "+ssl-enum-ciphers", host).Output()
	if err != nil {
		t.Fatal(err)
	}
	return distinct(regexp.MustCompile(`(?m)^\|\s+(TLS_\S+)`).FindAllSubmatch(out, -1), func(name string) string {
		return strings.Replace(name, "TLS_AKE_WITH_", "TLS_", 1) // its name for those of TLS 1.3
	})
}

// sslscanSuites are those that sslscan lists; nil where it is not installed.
func sslscanSuites(t *testing.T, addr string) []string {
	t.Helper()
	sslscan, err := exec.LookPath("sslscan")
	if err != nil {
		return nil
	}
	out, err := exec.CommandContext(t.Context(), sslscan, "--xml=-", "--no-groups", "--no-heartbleed", "--no-check-certificate", addr).Output()
	if err != nil {
		t.Fatal(err)
	}
	return distinct(regexp.MustCompile(`<cipher [^>]* id="0x([0-9A-F]+)"`).FindAllSubmatch(out, -1), func(id string) string {
		var code uint32
		_, _ = fmt.Sscanf(id, "%x", &code)
		return hello.Suite(code).String()
	})
}

func distinct(matches [][][]byte, name func(string) string) []string {
	found := []string{}
	for _, m := range matches {
		found = append(found, name(string(bytes.TrimSpace(m[1]))))
	}
	slices.Sort(found)
	return slices.Compact(found)
}
