package certificate

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"strings"
	"testing"

	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
)

// today is a leaf as public CAs issue them: no common name, a list of
// revocations and no OCSP responder, 90 days.
func today(c *x509.Certificate) {
	c.Subject, c.DNSNames, c.IPAddresses = pkix.Name{}, nil, nil
	c.SerialNumber = new(big.Int).SetBytes([]byte("a serial number!"))
	c.IssuingCertificateURL = []string{"http://ca.m2mscan.com/ca.der"}
	c.CRLDistributionPoints = []string{"http://ca.m2mscan.com/1.crl"}
	c.PolicyIdentifiers = []asn1.ObjectIdentifier{{2, 23, 140, 1, 2, 1}}
	c.Policies = []x509.OID{must(x509.OIDFromInts([]uint64{2, 23, 140, 1, 2, 1}))}
	c.ExtraExtensions = []pkix.Extension{
		{Id: oidSAN, Critical: true, Value: append([]byte{0x30, 0x11, 0x82, 0x0f}, "api.m2mscan.com"...)},
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestLintPublic(t *testing.T) {
	t.Parallel()
	w := newPKI(t)
	for _, test := range []struct {
		name    string
		options []testserver.Option
		want    string // the name of one of the lints
	}{
		{"as public CAs issue them", []testserver.Option{today}, ""},
		{"RSA 1024", []testserver.Option{today}, "e_rsa_mod_less_than_2048_bits"},
		{"for a year and more", []testserver.Option{today, testserver.Valid(testserver.Now.AddDate(0, -1, 0), testserver.Now.AddDate(1, 0, 0))}, "e_server_cert_valid_time_longer_than_200_days"},
		{"an underscore", []testserver.Option{testserver.For("a_b.m2mscan.com")}, "e_underscore_not_permissible_in_dnsname"},
	} {
		key := testserver.ECDSA(t)
		if test.name == "RSA 1024" {
			key = testserver.RSA(t, 1024)
		}
		got := lintPublic(w.sub.Leaf(t, key, test.options...).Cert.Raw)
		if all := strings.Join(got, "\n"); !strings.Contains(all, test.want) || (test.want == "" && len(got) > 0) {
			t.Errorf("%s: %s", test.name, all)
		}
	}
	if got := lintPublic([]byte("junk")); len(got) != 1 || !strings.HasPrefix(got[0], "zlint cannot read it: ") {
		t.Errorf("junk: %q", got)
	}
}

// TestOnlyPublicCertificatesAreLinted: a private CA may issue as it likes.
func TestOnlyPublicCertificatesAreLinted(t *testing.T) {
	t.Parallel()
	w := newPKI(t)
	chain := w.sub.Leaf(t, nil).Chain()
	private, _ := judge(t, w, chain)
	public, _ := judge(t, w, chain, func(p *presented) { p.machine = testserver.Pool(w.root) })
	if len(private.Problems) != 0 || len(public.Problems) == 0 || len(public.Problems) > problemsMax+1 {
		t.Errorf("private: %q, public: %q", private.Problems, public.Problems)
	}
}

func FuzzLintPublic(f *testing.F) {
	w := newPKI(f)
	f.Add(w.sub.Leaf(f, nil, today).Cert.Raw)
	f.Add(w.sub.Leaf(f, testserver.RSA(f, 1024)).Cert.Raw)
	f.Fuzz(func(_ *testing.T, der []byte) { lintPublic(der) }) // must not panic
}
