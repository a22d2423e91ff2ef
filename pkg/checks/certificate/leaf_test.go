package certificate

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/cryptobyte"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/dername"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
)

func TestKeysAndSignatures(t *testing.T) {
	t.Parallel()
	w := newPKI(t)
	rsaSub := rsaSubOf(t, w, testserver.RSA(t, 2048))
	for _, test := range []struct {
		key       crypto.Signer
		up        *testserver.Issued
		algorithm x509.SignatureAlgorithm
		keyType   string
		bits      int
		signature string
	}{
		{testserver.RSA(t, 2048), w.sub, 0, "RSA", 2048, "ECDSA-SHA256"},
		{testserver.RSA(t, 3072), rsaSub, x509.SHA384WithRSA, "RSA", 3072, "SHA384-RSA"},
		{testserver.ECDSA(t), rsaSub, x509.SHA256WithRSAPSS, "ECDSA", 256, "SHA256-RSAPSS"},
		{testserver.ECDSA(t), w.sub, x509.ECDSAWithSHA512, "ECDSA", 256, "ECDSA-SHA512"},
		{testserver.Ed25519(t), nil, 0, "Ed25519", 256, "Ed25519"},
	} {
		leaf := testserver.SelfSigned(t, test.key)
		if test.up != nil {
			leaf = test.up.Leaf(t, test.key, testserver.Signed(test.algorithm))
		}
		f, _ := judge(t, w, leaf.Chain())
		if *f.KeyType != test.keyType || *f.KeyBits != test.bits || *f.Signature != test.signature || *f.WeakSignature {
			t.Errorf("got %s %d %s weak %v, want %s %d %s", *f.KeyType, *f.KeyBits, *f.Signature, *f.WeakSignature, test.keyType, test.bits, test.signature)
		}
	}
}

func TestPSSDefaultsToSHA1(t *testing.T) {
	t.Parallel()
	type identifier struct {
		Algorithm  asn1.ObjectIdentifier
		Parameters struct {
			Hash pkix.AlgorithmIdentifier `asn1:"optional,explicit,tag:0"`
		}
	}
	pss := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}
	for _, test := range []struct {
		hash asn1.ObjectIdentifier
		want algorithm
	}{
		{nil, algorithm{"SHA1-RSAPSS", true, true, 0}},
		{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}, algorithm{"SHA384-RSAPSS", false, true, x509.SHA384WithRSAPSS}},
		{asn1.ObjectIdentifier{1, 2, 3}, algorithm{oidPSS, false, false, 0}},
	} {
		value := identifier{Algorithm: pss}
		value.Parameters.Hash.Algorithm = test.hash
		der, err := asn1.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		s := cryptobyte.String(der)
		got, err := readAlgorithm(&s)
		if err != nil || got != test.want {
			t.Errorf("hash %v: %+v, %v; want %+v", test.hash, got, err, test.want)
		}
	}
}

func TestExtensions(t *testing.T) {
	t.Parallel()
	w := newPKI(t)
	scts := []byte{4, 10, 0, 8, 0, 2, 1, 1, 0, 2, 2, 2} // two timestamps of two bytes
	for _, test := range []struct {
		name    string
		options []testserver.Option
		sent    [][]byte
		staple  *bool
		count   *int
	}{
		{"plain", nil, nil, new(false), new(0)},
		{"must-staple", []testserver.Option{testserver.Extension([]byte{0x30, 3, 2, 1, 5}, oidTLSFeature...)}, nil, new(true), new(0)},
		{"other features", []testserver.Option{testserver.Extension([]byte{0x30, 3, 2, 1, 17}, oidTLSFeature...)}, nil, new(false), new(0)},
		{"embedded", []testserver.Option{testserver.Extension(scts, oidSCTs...)}, nil, new(false), new(2)},
		{"embedded and sent", []testserver.Option{testserver.Extension(scts, oidSCTs...)}, [][]byte{{1}}, new(false), new(3)},
		{"malformed", []testserver.Option{
			testserver.Extension([]byte{4, 3, 0, 9, 0}, oidSCTs...), testserver.Extension([]byte{1}, oidTLSFeature...),
		}, nil, nil, nil},
	} {
		f, reasons := judge(t, w, w.sub.Leaf(t, nil, test.options...).Chain(), func(p *presented) { p.scts = test.sent })
		if diff := cmp.Diff([]any{f.MustStaple, f.SCTCount}, []any{test.staple, test.count}); diff != "" {
			t.Errorf("%s (-got +want):\n%s", test.name, diff)
		}
		if test.count == nil && (reasons["sct_count"] != checks.ReasonGarbage || reasons["must_staple"] != checks.ReasonGarbage) {
			t.Errorf("%s: reasons %v", test.name, reasons)
		}
	}
}

func TestDays(t *testing.T) {
	t.Parallel()
	now := testserver.Now
	for _, test := range []struct {
		after time.Duration
		want  int
	}{
		{-25 * time.Hour, -2}, {-24 * time.Hour, -1}, {-time.Second, -1}, {0, 0},
		{23 * time.Hour, 0}, {24 * time.Hour, 1}, {49 * time.Hour, 2},
	} {
		if got := daysLeft(now.Add(test.after), now); got != test.want {
			t.Errorf("%v left: %d days, want %d", test.after, got, test.want)
		}
	}
	year := func(y int) time.Time { return time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC) }
	for _, test := range []struct {
		from, to time.Time
		want     int
	}{
		{now, now.AddDate(0, 0, 90).Add(-time.Second), 90},
		{now, now.AddDate(0, 0, 90), 91}, // both ends are included
		{now, now, 1},
		{now, now.AddDate(0, 0, -5), 0},
		{year(1950), year(9999), 2939838}, // more than a time.Duration holds
	} {
		if got := lifetimeDays(test.from, test.to); got != test.want {
			t.Errorf("%v to %v: %d days, want %d", test.from, test.to, got, test.want)
		}
	}
}

func TestLifetimeLimits(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		from string
		want int
	}{
		{"2020-01-01T00:00:00Z", 398},
		{"2026-03-14T23:59:59Z", 398},
		{"2026-03-15T00:00:00Z", 200},
		{"2027-03-14T23:59:59Z", 200},
		{"2027-03-15T00:00:00Z", 100},
		{"2029-03-14T23:59:59Z", 100},
		{"2029-03-15T00:00:00Z", 47},
	} {
		from, err := time.Parse(time.RFC3339, test.from)
		if err != nil {
			t.Fatal(err)
		}
		if got := maxLifetimeDays(from); got != test.want {
			t.Errorf("issued %s: %d days, want %d", test.from, got, test.want)
		}
	}
}

func TestNamesDoNotSteerTerminals(t *testing.T) {
	t.Parallel()
	w := newPKI(t)
	leaf := w.sub.Leaf(t, nil, func(c *x509.Certificate) {
		c.Subject = pkix.Name{CommonName: "a\x1b[31mred\r\nb ü", Organization: []string{strings.Repeat("x", 4000)}}
	})
	f, _ := judge(t, w, leaf.Chain())
	if !strings.HasPrefix(*f.Subject, `CN=a\1B[31mred\0D\0Ab ü,O=xxx`) || len(*f.Subject) > dername.Max+10 {
		t.Errorf("subject %.80q of %d bytes", *f.Subject, len(*f.Subject))
	}
}
