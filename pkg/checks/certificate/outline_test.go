package certificate

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/dername"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
)

// freely signs a leaf that crypto/x509 may refuse to read again.
func freely(t *testing.T, issuer *testserver.Issued, options ...testserver.Option) [][]byte {
	t.Helper()
	template := *issuer.Leaf(t, nil).Cert
	template.ExtraExtensions, template.Extensions = nil, nil
	for _, option := range options {
		option(&template)
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, issuer.Cert, testserver.ECDSA(t).Public(), issuer.Key)
	if err != nil {
		t.Fatal(err)
	}
	return append([][]byte{der}, issuer.Chain()...)
}

// altered changes bytes of a signed leaf, which spoils its signature.
func altered(t *testing.T, chain [][]byte, old, replacement string) [][]byte {
	t.Helper()
	if !bytes.Contains(chain[0], []byte(old)) || len(old) != len(replacement) {
		t.Fatalf("%x is not there, or not as long as %x", old, replacement)
	}
	changed := slices.Clone(chain)
	changed[0] = bytes.Replace(chain[0], []byte(old), []byte(replacement), 1)
	return changed
}

// TestMalformed reads what is wrong with a leaf, and everything else in it.
func TestMalformed(t *testing.T) {
	t.Parallel()
	w := newPKI(t)
	good := w.sub.Leaf(t, nil).Chain()
	extended := func(oid asn1.ObjectIdentifier, value ...byte) testserver.Option {
		return func(c *x509.Certificate) {
			if oid.Equal(oidSAN) {
				c.DNSNames, c.IPAddresses = nil, nil
			}
			c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: oid, Value: value})
		}
	}
	names := func(list ...string) testserver.Option {
		value := []byte{}
		for _, name := range list {
			value = append(append(value, 0x82, byte(len(name))), name...)
		}
		return extended(oidSAN, append([]byte{0x30, byte(len(value))}, value...)...)
	}
	const p256, otherCurve = "\x2a\x86\x48\xce\x3d\x03\x01\x07", "\x2a\x86\x48\xce\x3d\x03\x01\x18"
	for _, test := range []struct {
		name    string
		chain   [][]byte
		refused bool // by crypto/x509
		want    []string
	}{
		{"good", good, false, nil},
		{"a curve without a name", altered(t, good, p256, otherCurve), true, []string{"the key is on a curve that is not known here, 1.2.840.10045.3.1.24"}},
		{"no point on the curve", altered(t, good, "\x03\x42\x00\x04", "\x03\x42\x00\x09"), true, []string{"the key is no point on its curve, P-256"}},
		{"bytes behind it", [][]byte{append(slices.Clone(good[0]), 1, 2), good[1]}, true, []string{"2 bytes follow the certificate"}},
		{"version 5", altered(t, good, "\xa0\x03\x02\x01\x02", "\xa0\x03\x02\x01\x04"), true, []string{"it says to be of version 5, which there is not"}},
		{
			"version 1", altered(t, good, "\xa0\x03\x02\x01\x02", "\xa0\x03\x02\x01\x00"), false,
			[]string{"it says to be of version 1, and its extensions need version 3 (RFC 5280 section 4.1.2.1)"},
		},
		{"dates", altered(t, good, "261111120000Z", "261311120000Z"), true, []string{"the dates are malformed (RFC 5280 section 4.1.2.5)"}},
		{
			"two signature algorithms", altered(t, good, "\x2a\x86\x48\xce\x3d\x04\x03\x02", "\x2a\x86\x48\xce\x3d\x04\x03\x03"), true,
			[]string{"it names two signature algorithms, and they differ (RFC 5280 section 4.1.1.2)"},
		},
		{
			"an extension twice", freely(t, w.sub, extended(oidSCTs, 4, 0), extended(oidSCTs, 4, 0)), true,
			[]string{"the extension 1.3.6.1.4.1.11129.2.4.2 is there more than once (RFC 5280 section 4.2)"},
		},
		{"key usage", freely(t, w.sub, extended(oidKeyUsage, 5, 0)), true, []string{"the key usage is malformed (RFC 5280 section 4.2.1.3)"}},
		{"constraints", freely(t, w.sub, extended(oidBasicConstraints, 0x30, 3, 2, 1, 0xff)), true, []string{"the basic constraints are malformed (RFC 5280 section 4.2.1.9)"}},
		{"extended key usage", freely(t, w.sub, extended(oidExtKeyUsage, 0x30, 1, 6)), true, []string{"the extended key usage is malformed (RFC 5280 section 4.2.1.12)"}},
		{
			"sources of revocations", freely(t, w.sub, extended(oidAuthorityInfo, 0x30, 2, 0x30, 5), extended(oidListPoints, 5, 0)), true,
			[]string{
				"the authority information access is malformed (RFC 5280 section 4.2.2.1)",
				"the CRL distribution points are malformed (RFC 5280 section 4.2.1.13)",
			},
		},
		{
			"an address of 5 bytes", freely(t, w.sub, extended(oidSAN, 0x30, 7, 0x87, 5, 1, 2, 3, 4, 5)), true,
			[]string{"an IP address of 5 bytes: there are only some of 4 and 16 (RFC 5280 section 4.2.1.6)"},
		},
		{
			"odd names", freely(t, w.sub, names(testserver.Host, "", "10.0.0.1", "a*.acme.example", "*.*.example", "a b.example", "a..example", "b\xc3\xbccher.example", "_dmarc.example")), true,
			[]string{
				`the DNS name "" is empty`,
				`the DNS name "10.0.0.1" is an IP address, which clients look for elsewhere (RFC 5280 section 4.2.1.6)`,
				`the DNS name "a*.acme.example" has a wildcard that is not its whole first label (RFC 9525 section 6.3)`,
				`the DNS name "*.*.example" has a wildcard that is not its whole first label (RFC 9525 section 6.3)`,
				`the DNS name "a b.example" is not a host name (RFC 1034 section 3.5)`,
				`the DNS name "a..example" is not a host name (RFC 1034 section 3.5)`,
				`the DNS name "bücher.example" is not ASCII: an internationalised name starts with xn-- (RFC 9525 section 2)`,
			},
		},
		{
			"no signatures", freely(t, w.sub, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment | x509.KeyUsageCertSign }), false,
			[]string{
				"the key usage lacks digitalSignature, without which clients may refuse it in TLS 1.3 and in ECDHE suites (RFC 8446 section 4.4.2.2)",
				"the key usage allows to sign certificates, but it is no CA (RFC 5280 section 4.2.1.3)",
			},
		},
		{
			"the end before the start", freely(t, w.sub, testserver.Valid(testserver.Now, testserver.Now.AddDate(0, 0, -1))), false,
			[]string{"its validity ends before it begins"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if _, err := x509.ParseCertificate(test.chain[0]); (err != nil) != test.refused {
				t.Fatalf("crypto/x509: %v, want a refusal: %v", err, test.refused)
			}
			f, reasons := judge(t, w, test.chain)
			got := f.Problems
			if test.refused {
				if len(got) == 0 || !strings.HasPrefix(got[0], "strict clients, such as those in Go, refuse it: ") {
					t.Fatalf("problems %q lack the refusal", got)
				}
				got = got[1:]
			}
			if diff := cmp.Diff(got, append([]string{}, test.want...)); diff != "" {
				t.Errorf("problems (-got +want):\n%s", diff)
			}
			if *f.KeyType != "ECDSA" || *f.Issuer != "CN=Sub" || *f.ChainLength != 2 || reasons[""] != "" {
				t.Errorf("the rest is lost: %+v, %v", f, reasons)
			}
		})
	}
}

// TestRefusedIsStillTrusted: who signed a leaf does not depend on a parser.
func TestRefusedIsStillTrusted(t *testing.T) {
	t.Parallel()
	w := newPKI(t)
	broken := func(c *x509.Certificate) {
		c.DNSNames, c.IPAddresses = []string{testserver.Host}, nil
		c.ExtraExtensions = []pkix.Extension{{Id: oidSubjectKey, Value: []byte{5, 0}}}
	}
	want := good()
	for name, test := range map[string]struct {
		chain  [][]byte
		change func(*verdicts)
	}{
		"by an intermediate": {freely(t, w.sub, broken), func(*verdicts) {}},
		"by the root":        {freely(t, w.root, broken), func(*verdicts) {}},
		"by a stranger":      {freely(t, w.strangerSub, broken), func(v *verdicts) { v.Trusted, v.Complete, v.Public = new(false), nil, nil }},
	} {
		expected := want
		test.change(&expected)
		f, _ := judge(t, w, test.chain)
		if diff := cmp.Diff(verdictsOf(f), expected); diff != "" {
			t.Errorf("%s (-got +want):\n%s", name, diff)
		}
		if len(f.Problems) != 1 || !strings.Contains(f.Problems[0], "invalid subject key identifier") {
			t.Errorf("%s: problems %q", name, f.Problems)
		}
	}
	// Its revocation can be looked up, too.
	const address = "http://ca.example/crl"
	chain := freely(t, w.sub, broken, func(c *x509.Certificate) { c.CRLDistributionPoints = []string{address} })
	sent := readLink(0, chain[0])
	f, _ := judge(t, w, chain, func(p *presented) {
		p.fetch = func(from, _ string, _ []byte, _ int64) ([]byte, error) {
			if from != address {
				t.Errorf("fetched %s", from)
			}
			return list(t, w.sub, &testserver.Issued{Cert: sent.cert}), nil
		}
	})
	if !known(f.Revoked, true) {
		t.Errorf("revoked %v, want true", f.Revoked)
	}
	narrow := func(c *x509.Certificate) {
		c.ExtraExtensions = []pkix.Extension{{Id: oidNameConstraints, Value: []byte{0x30, 1, 5}}}
	}
	// An intermediate that may narrow what it issues in a way nobody can read.
	der, err := x509.CreateCertificate(rand.Reader, func() *x509.Certificate { c := *w.sub.Cert; narrow(&c); return &c }(), w.root.Cert, w.sub.Key.Public(), w.root.Key)
	if err != nil {
		t.Fatal(err)
	}
	f, _ = judge(t, w, [][]byte{w.sub.Leaf(t, nil).Cert.Raw, der})
	if !known(f.Trusted, false) || !slices.ContainsFunc(f.ChainErrors, func(s string) bool { return strings.HasPrefix(s, "malformed: strict clients refuse certificate 2") }) {
		t.Errorf("trusted %v, %q", f.Trusted, f.ChainErrors)
	}
}

// TestKeys reads keys that no certificate can be signed for here.
func TestKeys(t *testing.T) {
	t.Parallel()
	type spki struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	type rsaKey struct{ N, E *big.Int }
	encode := func(v any) []byte {
		der, err := asn1.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	rsaOf := func(n, e *big.Int) []byte { return encode(rsaKey{n, e}) }
	oidRSA := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	odd := new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), 2047), big.NewInt(1))
	for _, test := range []struct {
		oid    asn1.ObjectIdentifier
		key    []byte
		name   string
		bits   int
		usable bool
		fault  string
	}{
		{asn1.ObjectIdentifier{1, 3, 101, 113}, []byte{1}, "Ed448", 448, false, ""},
		{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 3, 18}, []byte{1}, "ML-DSA-65", 0, false, ""},
		{asn1.ObjectIdentifier{1, 2, 3, 4}, []byte{1}, "1.2.3.4", 0, false, ""},
		{oidRSA, rsaOf(odd, big.NewInt(65537)), "RSA", 2048, true, ""}, // without the NULL that crypto/x509 demands
		{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}, rsaOf(odd, big.NewInt(3)), "RSA", 2048, true, ""},
		{oidRSA, rsaOf(new(big.Int).Lsh(big.NewInt(1), 1023), big.NewInt(65537)), "RSA", 1024, true, "the RSA modulus is even: anybody can compute the private key"},
		{oidRSA, rsaOf(odd, big.NewInt(4)), "RSA", 2048, true, "the RSA public exponent 4 is not an odd number of 3 or more (RFC 8017 section 3.1)"},
		{oidRSA, rsaOf(big.NewInt(-3), big.NewInt(3)), "RSA", 8, true, "the RSA modulus is negative"},
		{oidRSA, []byte{0x30, 2, 2, 0}, "RSA", 0, false, "the RSA key is malformed"},
		{
			oidRSA, rsaOf(new(big.Int).Add(new(big.Int).Lsh(odd, 20000), big.NewInt(1)), big.NewInt(3)), "RSA", 22048, false,
			"the RSA key of 22048 bits is larger than many clients take; those in Go refuse more than 8192",
		},
	} {
		der := encode(spki{pkix.AlgorithmIdentifier{Algorithm: test.oid}, asn1.BitString{Bytes: test.key, BitLength: 8 * len(test.key)}})
		k, ok := readKey(der)
		if !ok || k.name != test.name || k.bits != test.bits || (k.public != nil) != test.usable || strings.Join(k.faults, "; ") != test.fault {
			t.Errorf("%v: %s %d, usable %v, %q; want %s %d, %v, %q", test.oid, k.name, k.bits, k.public != nil, k.faults, test.name, test.bits, test.usable, test.fault)
		}
	}
}

func TestOddName(t *testing.T) {
	t.Parallel()
	w := newPKI(t)
	chain := w.sub.Leaf(t, nil).Chain()
	// An @ may not be in a PrintableString: encoding/asn1 refuses the name.
	f, _ := judge(t, w, altered(t, chain, "\x13\x04Acme", "\x13\x04A@me"))
	if f.Subject == nil || *f.Subject != "CN=api.acme.example,O=A@me" {
		t.Errorf("subject %v", f.Subject)
	}
	if _, err := dername.Text([]byte{0x30, 2, 0x31, 0x05}); err == nil {
		t.Error("a malformed name has a text")
	}
}

func TestManyProblemsAreCapped(t *testing.T) {
	t.Parallel()
	o := &outline{}
	for i := range problemsMax + 5 {
		o.fault("fault %d", i)
		o.fault("fault %d", i) // the same is told once
	}
	got := problems(o, nil)
	if len(got) != problemsMax+1 || got[problemsMax-1] != "fault 19" || got[problemsMax] != "and 5 more" {
		t.Errorf("%q", got)
	}
}

// TestUncheckedSignatures: what cannot be checked is neither trusted nor not.
func TestUncheckedSignatures(t *testing.T) {
	t.Parallel()
	w := newPKI(t)
	leaf := w.sub.Leaf(t, nil)
	// ecdsa-with-SHA256 becomes ecdsa-with-SHA224, in both places.
	strange := bytes.ReplaceAll(leaf.Cert.Raw, []byte("\x2a\x86\x48\xce\x3d\x04\x03\x02"), []byte("\x2a\x86\x48\xce\x3d\x04\x03\x01"))
	f, reasons := judge(t, w, [][]byte{strange, w.sub.Cert.Raw})
	if f.Trusted != nil || reasons["trusted"] != checks.ReasonAmbiguous || !known(f.SelfSigned, false) || !known(f.ChainOrdered, true) {
		t.Errorf("trusted %v, %v", f.Trusted, reasons)
	}
	want := []string{"unverifiable: signatures of type ECDSA-SHA224, as on CN=api.acme.example,O=Acme, cannot be checked here"}
	if diff := cmp.Diff(f.ChainErrors, want); diff != "" {
		t.Errorf("chain errors (-got +want):\n%s", diff)
	}
}
