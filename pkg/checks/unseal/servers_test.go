// The module sets both the other way; here crypto/tls shall refuse what it
// can, whatever the module sets.
//
//go:debug rsa1024min=1
//go:debug x509negativeserial=0
package unseal_test

import (
	"crypto/tls"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/internal/peers"
	"github.com/m2mscan/m2mscan/pkg/checks/unseal"
)

// mint makes a key and a certificate for itself with the openssl command,
// which does what crypto/x509 refuses.
func mint(t *testing.T, args ...string) (cert, key string) {
	t.Helper()
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	args = append([]string{"req", "-x509", "-nodes", "-subj", "/CN=api.acme.example", "-out", cert, "-keyout", key}, args...)
	if said, err := exec.CommandContext(t.Context(), peers.Find(t, "openssl"), args...).CombinedOutput(); err != nil {
		t.Fatalf("openssl req: %v\n%s", err, said)
	}
	return cert, key
}

// der is what stands in a certificate's file.
func der(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	return block.Bytes
}

// Each suite, as OpenSSL seals it.
func TestSuites(t *testing.T) {
	t.Parallel()
	cert, key := mint(t, "-newkey", "rsa:2048")
	for _, suite := range []uint16{tls.TLS_AES_128_GCM_SHA256, tls.TLS_AES_256_GCM_SHA384, tls.TLS_CHACHA20_POLY1305_SHA256} {
		t.Run(tls.CipherSuiteName(suite), func(t *testing.T) {
			t.Parallel()
			addr := peers.OpenSSL(t, "-cert", cert, "-key", key, "-ciphersuites", tls.CipherSuiteName(suite),
				"-max_early_data", "16384", "-groups", "P-384")
			c := shake(t, addr, &tls.Config{})
			if c.state.CipherSuite != suite || !c.state.HelloRetryRequest {
				t.Fatalf("suite %s, HelloRetryRequest %v, error %v", tls.CipherSuiteName(c.state.CipherSuite), c.state.HelloRetryRequest, c.err)
			}
			got := open(t, c)
			ticket := unseal.Ticket{Lifetime: 7200, EarlyData: true, MaxEarlyData: 16384}
			want := unseal.Flight{
				Chain: [][]byte{der(t, cert)}, Finished: true, Alert: new(uint8(0)),
				Tickets: []unseal.Ticket{ticket, ticket},
			}
			if diff := cmp.Diff(*got, want); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
			tickets, err := unseal.Tickets(c.bytes, c.log.Secrets())
			if diff := cmp.Diff(tickets, want.Tickets); diff != "" || err != nil {
				t.Errorf("Tickets: error %v (-got +want):\n%s", err, diff)
			}
		})
	}
}

// Certificates that crypto/tls refuses are read all the same.
func TestRefusedCertificates(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		args []string
	}{
		// No less can sign a TLS 1.3 handshake, with RSA-PSS and SHA-256.
		{"RSA of 528 bits", []string{"-newkey", "rsa:528"}},
		{"RSA of 768 bits", []string{"-newkey", "rsa:768"}},
		{"negative serial", []string{"-newkey", "rsa:2048", "-set_serial", "-5"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			cert, key := mint(t, test.args...)
			addr := peers.OpenSSL(t, "-cert", cert, "-key", key, "-cipher", "ALL:@SECLEVEL=0", "-tls1_3")
			c := shake(t, addr, &tls.Config{})
			if c.err == nil {
				t.Fatal("crypto/tls accepts the certificate")
			}
			got, err := unseal.Open(c.bytes, c.log.Secrets())
			if diff := cmp.Diff(got.Chain, [][]byte{der(t, cert)}); diff != "" {
				t.Errorf("error %v; chain (-got +want):\n%s", err, diff)
			}
		})
	}
}

// GnuTLS asks for a client certificate, offers early data, and its alert for
// want of a certificate is sealed.
func TestGnuTLS(t *testing.T) {
	t.Parallel()
	cert, key := mint(t, "-newkey", "rsa:2048")
	args := []string{"--x509certfile", cert, "--x509keyfile", key}

	got := open(t, shake(t, peers.GnuTLS(t, append(args, "--earlydata", "--maxearlydata", "1234", "--disable-client-cert")...), &tls.Config{}))
	if len(got.Chain) != 1 || got.CertificateRequest || len(got.Tickets) == 0 || got.Tickets[0].MaxEarlyData != 1234 {
		t.Errorf("got %+v", got)
	}

	got = open(t, shake(t, peers.GnuTLS(t, append(args, "--require-client-cert", "--x509cafile", cert)...), &tls.Config{}))
	if !got.CertificateRequest || len(got.CAs) != 1 || !strings.Contains(string(got.CAs[0]), "api.acme.example") {
		t.Errorf("request %v, CAs %q", got.CertificateRequest, got.CAs)
	}
	if len(got.SignatureSchemes) == 0 || got.Alert == nil || *got.Alert != 116 {
		t.Errorf("signature schemes %v, alert %v", got.SignatureSchemes, got.Alert)
	}
}
