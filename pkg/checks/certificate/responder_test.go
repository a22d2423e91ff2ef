package certificate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// TestRevocationByOpenSSL asks a responder and fetches a CRL, both of which
// openssl signed, over HTTP.
func TestRevocationByOpenSSL(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	responder := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		document := "list.crl"
		if r.URL.Path == "/ocsp" {
			question, err := io.ReadAll(r.Body)
			if err != nil || r.Method != http.MethodPost {
				t.Errorf("%s: %v", r.Method, err)
			}
			document = "answer.der"
			if err := os.WriteFile(b.path("question.der"), question, 0o600); err != nil {
				t.Error(err)
			}
			b.run("ocsp", "-index", "index.txt", "-CA", "sub.pem", "-rsigner", "sub.pem", "-rkey", "sub.key",
				"-ndays", "1", "-reqin", "question.der", "-respout", document)
		}
		http.ServeFile(w, r, b.path(document))
	}))
	t.Cleanup(responder.Close)

	entry := func(status byte, revoked string, c *testserver.Issued) string {
		return fmt.Sprintf("%c\t400101000000Z\t%s\t%s\tunknown\t/CN=x\n", status, revoked, hexSerial(c))
	}
	leaf := func(change func(*x509.Certificate)) *testserver.Issued {
		return b.sub.Leaf(t, nil, testserver.Valid(b.now.Add(-time.Hour), b.now.AddDate(0, 3, 0)), change)
	}
	asked := func(c *x509.Certificate) { c.OCSPServer = []string{responder.URL + "/ocsp"} }
	listed := func(c *x509.Certificate) { c.CRLDistributionPoints = []string{responder.URL + "/list.crl"} }
	good, revoked, onList, notOnList := leaf(asked), leaf(asked), leaf(listed), leaf(listed)
	const when = "250101000000Z,keyCompromise"
	index := entry('V', "", good) + entry('R', when, revoked) + entry('R', when, onList)
	config := "[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ncrlnumber=number\ndefault_md=sha256\ndefault_crl_days=1\n"
	for name, text := range map[string]string{"index.txt": index, "ca.cnf": config, "number": "01\n"} {
		if err := os.WriteFile(b.path(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b.run("ca", "-config", "ca.cnf", "-gencrl", "-cert", "sub.pem", "-keyfile", "sub.key", "-out", "list.pem")
	b.run("crl", "-in", "list.pem", "-outform", "DER", "-out", "list.crl")

	for _, test := range []struct {
		name    string
		leaf    *testserver.Issued
		allowed bool
		revoked *bool
	}{
		{"good", good, true, new(false)},
		{"revoked", revoked, true, new(true)},
		{"on the list", onList, true, new(true)},
		{"not on the list", notOnList, true, new(false)},
		{"not asked for", revoked, false, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := testserver.TLS(t, &tls.Config{Certificates: []tls.Certificate{test.leaf.TLS()}}, nil)
			runner := &checks.Runner{
				Probes: []checks.Probe{probeFor(newPKI(t))}, Level: checks.Observe, Roots: testserver.Pool(b.root),
				Revocation: test.allowed, Now: func() time.Time { return b.now },
				Resolver: func(context.Context, string) ([]netip.Addr, error) {
					return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}, nil
				},
			}
			results, err := runner.Run(t.Context(), []*inventory.Link{s.Link(t, "mqtts", "")})
			if err != nil {
				t.Fatal(err)
			}
			o := results[0].Observations[0]
			f, ok := o.Facts.(*Facts)
			if !ok {
				t.Fatalf("%s: %s", o.Outcome, o.Detail)
			}
			if test.revoked == nil {
				if reason := testserver.Reasons(o)["certificate.revoked"]; f.Revoked != nil || reason != checks.ReasonNotAsked {
					t.Errorf("revoked %v, %s", f.Revoked, reason)
				}
			} else if !known(f.Revoked, *test.revoked) {
				t.Errorf("revoked %v, want %v: %v", f.Revoked, *test.revoked, o.Unknown)
			}
		})
	}
}

// hexSerial is a serial number as openssl's database has it: in whole bytes.
func hexSerial(c *testserver.Issued) string {
	text := strings.ToUpper(c.Cert.SerialNumber.Text(16))
	if len(text)%2 == 1 {
		return "0" + text
	}
	return text
}
