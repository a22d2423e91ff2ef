package channeltest

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
)

// PKI is a root with a server's and a client's certificate, as real brokers
// take them: in files, which end with the test.
type PKI struct {
	Root                        *testserver.Issued
	CAFile, CertFile, KeyFile   string // of the server
	ClientCertPEM, ClientKeyPEM string
}

// NewPKI mints one.
func NewPKI(t testing.TB) PKI {
	t.Helper()
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	root := testserver.Root(t, "broker root")
	p := PKI{Root: root}
	certificate, key := encode(t, root.Leaf(t, nil))
	p.CertFile, p.KeyFile = file("server.pem", certificate), file("server.key", key)
	ca, _ := encode(t, root)
	p.CAFile = file("ca.pem", ca)
	p.ClientCertPEM, p.ClientKeyPEM = encode(t, root.Leaf(t, nil, testserver.Usage(x509.ExtKeyUsageClientAuth), forServers))
	return p
}

func encode(t testing.TB, issued *testserver.Issued) (certificate, key string) {
	t.Helper()
	pair := issued.TLS()
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// forServers makes a certificate valid for years: real brokers hold it against
// the real time, not against that of the tests.
func forServers(c *x509.Certificate) {
	c.NotBefore, c.NotAfter = testserver.Now.AddDate(-1, 0, 0), testserver.Now.AddDate(4, 0, 0)
}
