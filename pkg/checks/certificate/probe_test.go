package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
)

func probeFor(w pki) checks.Probe {
	return newProbe(func() (*x509.CertPool, error) { return testserver.Pool(w.stranger), nil })
}

// TestOverTheWire reads a certificate from real handshakes of both kinds.
func TestOverTheWire(t *testing.T) {
	t.Parallel()
	w := newPKI(t)
	leaf := w.sub.Leaf(t, testserver.RSA(t, 2048))
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		certificate := leaf.TLS()
		certificate.OCSPStaple = answer(t, leaf, w.sub)
		certificate.SignedCertificateTimestamps = [][]byte{{1}, {2}}
		s := testserver.TLS(t, &tls.Config{
			Certificates: []tls.Certificate{certificate}, MaxVersion: version,
		}, nil)
		o := testserver.Observe(t, s.Link(t, "mqtts", ""), testserver.Pool(w.root), probeFor(w))
		if len(o[0].Unknown) > 0 || o[0].Connections != 2 {
			t.Errorf("%s: unknown %v, %d connections", tls.VersionName(version), o[0].Unknown, o[0].Connections)
		}
		f, ok := checks.FactsOf[Facts](o)
		if !ok {
			t.Fatalf("%s: no facts: %+v", tls.VersionName(version), o[0])
		}
		want := &Facts{
			Subject: new("CN=api.acme.example,O=Acme"), Issuer: new("CN=Sub"),
			Names: []string{"127.0.0.1", "api.acme.example"}, Fingerprint: f.Fingerprint,
			NotBefore: new("2026-11-11T12:00:00Z"), NotAfter: new("2027-02-09T11:59:59Z"),
			Expired: new(false), NotYetValid: new(false), DaysLeft: new(79), LifetimeDays: new(90), LifetimeLeft: new(0.889), MaxLifetimeDays: new(200),
			HostnameMatches: new(true), Trusted: new(true), SelfSigned: new(false), ChainComplete: new(true),
			ChainErrors: []string{}, ChainOrdered: new(true), IntermediatesInDate: new(true), ChainLength: new(2), PublicCA: new(false),
			KeyType: new("RSA"), KeyBits: new(2048), Signature: new("ECDSA-SHA256"), WeakSignature: new(false),
			ServerAuth: new(true), ClientAuth: new(false), Problems: []string{}, SCTCount: new(2), WithoutSNI: new("same"),
			MustStaple: new(false), OCSPStapled: new(true), OCSPResponseValid: new(true), OCSPStatus: new("good"), Revoked: new(false),
		}
		if diff := cmp.Diff(f, want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", tls.VersionName(version), diff)
		}
	}
}

// TestClientCertificateMissing: the certificate is known though TLS 1.2 fails.
func TestClientCertificateMissing(t *testing.T) {
	t.Parallel()
	w := newPKI(t)
	s := testserver.TLS(t, &tls.Config{
		Certificates: []tls.Certificate{w.sub.Leaf(t, nil).TLS()}, MaxVersion: tls.VersionTLS12,
		ClientAuth: tls.RequireAnyClientCert,
	}, nil)
	f, ok := checks.FactsOf[Facts](testserver.Observe(t, s.Link(t, "mqtts", ""), testserver.Pool(w.root), probeFor(w)))
	if !ok || !*f.Trusted || len(f.ChainErrors) > 0 {
		t.Errorf("facts %+v", f)
	}
}

func TestNoCertificate(t *testing.T) {
	t.Parallel()
	w := newPKI(t)
	for _, test := range []struct {
		name    string
		handle  func(net.Conn, int)
		outcome checks.Outcome
		reason  checks.Reason
	}{
		{"stall", testserver.Stall, checks.Inconclusive, checks.ReasonStalled},
		{"reset", testserver.Reset, checks.Inconclusive, checks.ReasonReset},
		{"garbage", testserver.Endless, checks.Inconclusive, checks.ReasonGarbage},
		{"plaintext", testserver.Say("HTTP/1.1 400 Bad Request\r\n\r\n"), checks.Inconclusive, checks.ReasonPlaintext},
		{"alert", testserver.Alert(40), checks.Inconclusive, checks.ReasonAmbiguous},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := testserver.Raw(t, test.handle)
			o := testserver.Observe(t, s.Link(t, "mqtts", ""), testserver.Pool(w.root), probeFor(w))[0]
			if o.Outcome != test.outcome || o.Reason != test.reason || o.Facts != nil {
				t.Errorf("%s, %s, %s; want %s, %s", o.Outcome, o.Reason, o.Detail, test.outcome, test.reason)
			}
		})
	}
}

// TestUnreadableOverTheWire: that there is a certificate is known, if no more.
func TestUnreadableOverTheWire(t *testing.T) {
	t.Parallel()
	w := newPKI(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		s := testserver.TLS(t, &tls.Config{
			Certificates: []tls.Certificate{w.sub.Leaf(t, nil).TLS([]byte("junk"))}, MaxVersion: version,
		}, nil)
		o := testserver.Observe(t, s.Link(t, "mqtts", ""), testserver.Pool(w.root), probeFor(w))[0]
		f, ok := o.Facts.(*Facts)
		if !ok || f.Fingerprint == nil || *f.ChainLength != 1 || testserver.Reasons(o)["certificate.expired"] != checks.ReasonGarbage {
			t.Errorf("%s: %s, %+v, %v", tls.VersionName(version), o.Outcome, f, o.Unknown)
		}
	}
}
