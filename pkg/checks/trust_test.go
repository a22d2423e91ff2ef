package checks

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

func poolOf(tb testing.TB, certificates ...tls.Certificate) *x509.CertPool {
	tb.Helper()
	pool := x509.NewCertPool()
	for _, c := range certificates {
		leaf, err := x509.ParseCertificate(c.Certificate[0])
		if err != nil {
			tb.Fatal(err)
		}
		pool.AddCert(leaf)
	}
	return pool
}

func TestVerifyGuardsSecrets(t *testing.T) {
	t.Parallel()
	certificate, stranger := certify(t, nil), certify(t, nil)
	p := tlsPeer(t, &tls.Config{Certificates: []tls.Certificate{certificate}})
	dir := t.TempDir()
	write := func(name string, content []byte) inventory.Secret {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
		return inventory.NewSecret("file:"+filepath.Join(dir, name), dir)
	}
	good := write("ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]}))
	other := write("other.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: stranger.Certificate[0]}))
	empty := write("empty.pem", []byte("hunter2-not-a-certificate"))
	tests := []struct {
		name    string
		ca      inventory.Secret
		roots   *x509.CertPool
		server  string
		now     time.Time
		perLink bool
		err     string // "" when the peer is proven
	}{
		{name: "trusted by the link", ca: good, perLink: true},
		{name: "trusted by the run", roots: poolOf(t, certificate)},
		{name: "trusted, by name", ca: good, server: "test.example", perLink: true},
		{name: "wrong name", ca: good, server: "other.example", perLink: true, err: "not other.example"},
		{name: "expired", ca: good, now: time.Now().AddDate(1, 0, 0), perLink: true, err: "expired"},
		{name: "another authority", ca: other, perLink: true, err: "signed by unknown authority"},
		{name: "the link's anchors replace the run's", ca: other, roots: poolOf(t, certificate), perLink: true, err: "unknown authority"},
		{name: "this machine's anchors", err: "unknown authority"},
		{name: "no certificate in tls.ca", ca: empty, perLink: true, err: "holds no certificate"},
		{name: "no such file", ca: inventory.NewSecret("file:"+filepath.Join(dir, "absent.pem"), dir), perLink: true, err: "tls.ca"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			link := testLink(t, "l", p.url("https"))
			link.TLS.CA, link.TLS.ServerName = tt.ca, tt.server
			r := Runner{Limits: patient, Roots: tt.roots}
			if !tt.now.IsZero() {
				r.Now = func() time.Time { return tt.now }
			}
			visitOne(t, r, link, func(ctx context.Context, v *Visit) (*testFacts, error) {
				h, err := v.Handshake(ctx)
				if err != nil {
					t.Fatal(err)
				}
				_, perLink, _ := v.Anchors()
				if perLink != tt.perLink {
					t.Errorf("perLink = %v", perLink)
				}
				err = v.Verify(h)
				if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
					t.Errorf("Verify = %v, want %q", err, tt.err)
				}
				if err != nil && strings.Contains(err.Error(), "hunter2") {
					t.Error("the content of a secret file is in the error")
				}
				return &testFacts{}, nil
			})
		})
	}
}
