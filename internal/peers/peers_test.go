package peers_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/m2mscan/m2mscan/internal/peers"
)

// Both kinds of server answer a TLS client with the certificate they were given.
func TestServersAnswer(t *testing.T) {
	t.Parallel()
	cert, key := mint(t)
	nginx := peers.Nginx(t,
		fmt.Sprintf("ssl_certificate %s; ssl_certificate_key %s; ssl_protocols TLSv1.2 TLSv1.3; return 204;", cert, key),
		fmt.Sprintf("ssl_certificate %s; ssl_certificate_key %s; ssl_protocols TLSv1.2; return 204;", cert, key))
	tests := []struct {
		name, addr string
		version    uint16
	}{
		{"nginx", nginx[0], tls.VersionTLS13},
		{"nginx, second block", nginx[1], tls.VersionTLS12},
		{"openssl", peers.OpenSSL(t, "-cert", cert, "-key", key), tls.VersionTLS13},
		{"openssl, one version", peers.OpenSSL(t, "-cert", cert, "-key", key, "-tls1_2"), tls.VersionTLS12},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			conn, err := tls.Dial("tcp", test.addr, &tls.Config{InsecureSkipVerify: true})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			state := conn.ConnectionState()
			if state.Version != test.version {
				t.Errorf("version = %s, want %s", tls.VersionName(state.Version), tls.VersionName(test.version))
			}
			if got := state.PeerCertificates[0].Subject.CommonName; got != "peer.test" {
				t.Errorf("subject = %q, want peer.test", got)
			}
		})
	}
}

func mint(t *testing.T) (cert, key string) {
	t.Helper()
	priv, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	template.Subject.CommonName = "peer.test"
	der, err := x509.CreateCertificate(rand.Reader, template, template, priv.Public(), priv)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(priv)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{
		cert: {Type: "CERTIFICATE", Bytes: der},
		key:  {Type: "PRIVATE KEY", Bytes: keyDER},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}
