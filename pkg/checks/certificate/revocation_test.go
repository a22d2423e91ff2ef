package certificate

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/crypto/ocsp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
)

// answering is how an OCSP response differs from a good one.
type answering func(*ocsp.Response, *signer)

// signer is who signs it, and in whose name.
type signer struct {
	as, responder *testserver.Issued
}

// answer signs an OCSP response about a leaf, valid at testserver.Now.
func answer(t testing.TB, leaf, issuer *testserver.Issued, change ...answering) []byte {
	t.Helper()
	response := ocsp.Response{
		Status: ocsp.Good, SerialNumber: leaf.Cert.SerialNumber, IssuerHash: crypto.SHA1,
		ThisUpdate: testserver.Now.Add(-time.Hour), NextUpdate: testserver.Now.Add(time.Hour),
	}
	who := &signer{issuer, issuer}
	for _, c := range change {
		c(&response, who)
	}
	der, err := ocsp.CreateResponse(who.as.Cert, who.responder.Cert, response, who.responder.Key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// appoint issues the certificate of an OCSP responder.
func appoint(t testing.TB, issuer *testserver.Issued, options ...testserver.Option) *testserver.Issued {
	t.Helper()
	return issuer.Leaf(t, nil, append([]testserver.Option{testserver.Usage(x509.ExtKeyUsageOCSPSigning)}, options...)...)
}

func delegated(responder *testserver.Issued) answering {
	return func(r *ocsp.Response, who *signer) { who.responder, r.Certificate = responder, responder.Cert }
}

func TestStapledResponse(t *testing.T) {
	t.Parallel()
	w := newPKI(t)
	leaf, other := w.sub.Leaf(t, nil), w.sub.Leaf(t, nil)
	now := testserver.Now
	is := func(status int) answering { return func(r *ocsp.Response, _ *signer) { r.Status = status } }
	at := func(from, to time.Duration) answering {
		return func(r *ocsp.Response, _ *signer) { r.ThisUpdate, r.NextUpdate = now.Add(from), now.Add(to) }
	}
	const day = 24 * time.Hour
	namesake := testserver.Root(t, "Root").Authority(t, "Sub") // another key of the same name
	for _, test := range []struct {
		name    string
		staple  []byte
		status  string // empty when not valid
		revoked *bool
		problem string
	}{
		{"good", answer(t, leaf, w.sub), "good", new(false), ""},
		{"SHA-256 identifiers", answer(t, leaf, w.sub, func(r *ocsp.Response, _ *signer) { r.IssuerHash = crypto.SHA256 }), "good", new(false), ""},
		{"revoked", answer(t, leaf, w.sub, is(ocsp.Revoked)), "revoked", new(true), ""},
		{"unknown", answer(t, leaf, w.sub, is(ocsp.Unknown)), "unknown", nil, ""},
		{"by a delegate", answer(t, leaf, w.sub, delegated(appoint(t, w.sub))), "good", new(false), ""},
		{"with the issuer's own certificate", answer(t, leaf, w.sub, delegated(w.sub)), "good", new(false), ""},
		{"responder's clock is a little ahead", answer(t, leaf, w.sub, at(time.Minute, day)), "good", new(false), ""},
		{
			"a delegate without the right", answer(t, leaf, w.sub, delegated(w.sub.Leaf(t, nil))), "", nil,
			"its signer may not sign OCSP responses: the extended key usage lacks OCSPSigning",
		},
		{
			"an expired delegate", answer(t, leaf, w.sub, delegated(appoint(t, w.sub, testserver.Valid(now.AddDate(-1, 0, 0), now.AddDate(0, 0, -1))))), "", nil,
			"the certificate of its signer is not valid now",
		},
		{
			"a delegate of another issuer", answer(t, leaf, w.sub, delegated(appoint(t, w.root))), "", nil,
			"neither the issuer nor a responder of the issuer's signed it",
		},
		{
			"signed by a namesake", answer(t, leaf, w.sub, func(_ *ocsp.Response, who *signer) { who.responder = namesake }), "", nil,
			"neither the issuer nor a responder of the issuer's signed it",
		},
		{
			"about a namesake", answer(t, leaf, w.sub, func(_ *ocsp.Response, who *signer) { who.as = namesake }), "", nil,
			"it is for another certificate",
		},
		{"for another leaf", answer(t, other, w.sub), "", nil, "no response matching the supplied certificate"},
		{"expired", answer(t, leaf, w.sub, at(-9*day, -2*day)), "", nil, "it expired on 2026-11-19"},
		{"of the future", answer(t, leaf, w.sub, at(day, 2*day)), "", nil, "it is of the future, from 2026-11-22"},
		{"try later", ocsp.TryLaterErrorResponse, "", nil, "the responder answered with an error: try later"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f, reasons := judge(t, w, leaf.Chain(), func(p *presented) { p.ocsp = test.staple })
			if test.status != "" {
				if !known(f.OCSPResponseValid, true) || *f.OCSPStatus != test.status || len(f.Problems) > 0 {
					t.Errorf("valid %v, problems %q; want a valid response", f.OCSPResponseValid, f.Problems)
				}
			} else if want := "the stapled OCSP response is not valid: " + test.problem; !known(f.OCSPResponseValid, false) ||
				f.OCSPStatus != nil || len(f.Problems) != 1 || f.Problems[0] != want {
				t.Errorf("problems %q, want %q", f.Problems, want)
			}
			switch {
			case test.revoked == nil && (f.Revoked != nil || reasons["revoked"] != checks.ReasonNotAsked):
				t.Errorf("revoked %v, %s; want not asked", f.Revoked, reasons["revoked"])
			case test.revoked != nil && !known(f.Revoked, *test.revoked):
				t.Errorf("revoked %v, want %v", f.Revoked, *test.revoked)
			}
		})
	}
}

func TestStapleThatCannotBeJudged(t *testing.T) {
	t.Parallel()
	w := newPKI(t)
	leaf := w.sub.Leaf(t, nil)
	for name, test := range map[string]struct {
		chain  [][]byte
		staple []byte
		want   checks.Reason
	}{
		"the issuer was not sent": {leaf.Chain()[:1], answer(t, leaf, w.sub), checks.ReasonAmbiguous},
		"too large":               {leaf.Chain(), make([]byte, ocspMax+1), checks.ReasonTooLarge},
		"none":                    {leaf.Chain(), nil, checks.ReasonNotAsked},
	} {
		f, reasons := judge(t, w, test.chain, func(p *presented) { p.ocsp = test.staple })
		if f.OCSPResponseValid != nil || reasons["ocsp_response_valid"] != test.want || reasons["ocsp_status"] != test.want {
			t.Errorf("%s: valid %v, reasons %v", name, f.OCSPResponseValid, reasons)
		}
	}
}

// listing is how a CRL differs from a good one.
type listing func(*x509.RevocationList)

// list signs a CRL that lists a leaf, valid at testserver.Now.
func list(t testing.TB, issuer, leaf *testserver.Issued, change ...listing) []byte {
	t.Helper()
	template := &x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: testserver.Now.Add(-time.Hour), NextUpdate: testserver.Now.Add(time.Hour),
		RevokedCertificateEntries: []x509.RevocationListEntry{
			{SerialNumber: big.NewInt(77), RevocationTime: testserver.Now},
			{SerialNumber: leaf.Cert.SerialNumber, RevocationTime: testserver.Now, ReasonCode: 1},
		},
	}
	for _, c := range change {
		c(template)
	}
	der, err := x509.CreateRevocationList(rand.Reader, template, issuer.Cert, issuer.Key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func critical(value []byte, oid ...int) listing {
	return func(l *x509.RevocationList) {
		l.ExtraExtensions = append(l.ExtraExtensions, pkix.Extension{Id: oid, Critical: true, Value: value})
	}
}

// forPoint says that the list is of one address only. Flags are those of
// RFC 5280 section 5.2.5 that are set: 1 only user certificates, 2 only CAs,
// 4 indirect, 5 only attribute certificates.
func forPoint(address string, flags ...uint8) listing {
	tag := func(n uint8) cbasn1.Tag { return cbasn1.Tag(n).ContextSpecific() }
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		if address != "" {
			b.AddASN1(tag(0).Constructed(), func(b *cryptobyte.Builder) {
				b.AddASN1(tag(0).Constructed(), func(b *cryptobyte.Builder) {
					b.AddASN1(tagURI, func(b *cryptobyte.Builder) { b.AddBytes([]byte(address)) })
				})
			})
		}
		for _, flag := range flags {
			b.AddASN1(tag(flag), func(b *cryptobyte.Builder) { b.AddUint8(0xff) })
		}
	})
	return critical(b.BytesOrPanic(), oidIssuingPoint...)
}

func TestLookUp(t *testing.T) {
	t.Parallel()
	w := newPKI(t)
	const responder, crl = "http://ca.example/ocsp", "http://ca.example/crl"
	sources := func(responders, lists []string) *testserver.Issued {
		return w.sub.Leaf(t, nil, func(c *x509.Certificate) { c.OCSPServer, c.CRLDistributionPoints = responders, lists })
	}
	both, onlyList := sources([]string{responder}, []string{crl}), sources(nil, []string{crl})
	other := w.sub.Leaf(t, nil)
	mute := w.root.Leaf(t, nil, func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
		c.Subject.CommonName = "Mute"
	})
	muted := mute.Leaf(t, nil, func(c *x509.Certificate) { c.CRLDistributionPoints = []string{crl} })
	now := testserver.Now
	for _, test := range []struct {
		name    string
		leaf    *testserver.Issued
		ocsp    []byte // nil is a failure
		crl     []byte
		revoked *bool
		reason  checks.Reason
	}{
		{"the responder says good", both, answer(t, both, w.sub), nil, new(false), ""},
		{"the responder says revoked", both, answer(t, both, w.sub, func(r *ocsp.Response, _ *signer) { r.Status = ocsp.Revoked }), nil, new(true), ""},
		{"the responder is asked first", both, answer(t, both, w.sub), list(t, w.sub, both), new(false), ""},
		{
			"the responder does not know, the list does", both,
			answer(t, both, w.sub, func(r *ocsp.Response, _ *signer) { r.Status = ocsp.Unknown }), list(t, w.sub, both), new(true), "",
		},
		{"the responder lies, the list does not", both, answer(t, both, w.stranger), list(t, w.sub, both), new(true), ""},
		{"listed", onlyList, nil, list(t, w.sub, onlyList), new(true), ""},
		{"not listed", onlyList, nil, list(t, w.sub, other), new(false), ""},
		{"listed at this address", onlyList, nil, list(t, w.sub, onlyList, forPoint(crl, 1)), new(true), ""},
		{"a list of the leaf's kind", onlyList, nil, list(t, w.sub, other, forPoint("", 1)), new(false), ""},
		{"a list of another address", onlyList, nil, list(t, w.sub, other, forPoint("http://ca.example/2")), nil, checks.ReasonGarbage},
		{"a list of CAs", onlyList, nil, list(t, w.sub, other, forPoint(crl, 2)), nil, checks.ReasonGarbage},
		{"an indirect list", onlyList, nil, list(t, w.sub, other, forPoint(crl, 4)), nil, checks.ReasonAmbiguous},
		{"a list of changes", onlyList, nil, list(t, w.sub, other, critical([]byte{2, 1, 1}, oidDeltaCRL...)), nil, checks.ReasonGarbage},
		{"a list with a foreign critical extension", onlyList, nil, list(t, w.sub, other, critical([]byte{5, 0}, 1, 2, 3)), nil, checks.ReasonAmbiguous},
		{"an old list", onlyList, nil, list(t, w.sub, other, func(l *x509.RevocationList) {
			l.ThisUpdate, l.NextUpdate = now.AddDate(0, 0, -9), now.AddDate(0, 0, -1)
		}), nil, checks.ReasonGarbage},
		{"a list of the future", onlyList, nil, list(t, w.sub, other, func(l *x509.RevocationList) {
			l.ThisUpdate, l.NextUpdate = now.AddDate(0, 0, 1), now.AddDate(0, 0, 9)
		}), nil, checks.ReasonGarbage},
		{"a list of a stranger", onlyList, nil, list(t, w.strangerSub, other), nil, checks.ReasonGarbage},
		{"a list by a namesake", onlyList, nil, list(t, testserver.Root(t, "Root").Authority(t, "Sub"), other), nil, checks.ReasonGarbage},
		{"an issuer that may not sign lists", muted, nil, list(t, mayList(mute), other), nil, checks.ReasonGarbage},
		{"junk", onlyList, nil, []byte("junk"), nil, checks.ReasonGarbage},
		{"nobody answers", both, nil, nil, nil, checks.ReasonStalled},
		{"no sources", other, nil, nil, nil, checks.ReasonNotAsked},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f, reasons := judge(t, w, test.leaf.Chain(), func(p *presented) {
				p.fetch = func(address, contentType string, body []byte, most int64) ([]byte, error) {
					document, limit, kind := test.crl, int64(crlMax), ""
					if address == responder {
						document, limit, kind = test.ocsp, ocspMax, "application/ocsp-request"
						if _, err := ocsp.ParseRequest(body); err != nil {
							t.Errorf("the request: %v", err)
						}
					}
					if most != limit || contentType != kind || (address != responder && address != crl) {
						t.Errorf("fetched %s, at most %d bytes, with %q", address, most, contentType)
					}
					if document == nil {
						return nil, checks.Because(checks.ReasonStalled, "no answer in time")
					}
					return document, nil
				}
			})
			if test.revoked == nil {
				if f.Revoked != nil || reasons["revoked"] != test.reason {
					t.Errorf("revoked %v, %s; want %s", f.Revoked, reasons["revoked"], test.reason)
				}
			} else if !known(f.Revoked, *test.revoked) {
				t.Errorf("revoked %v, %s; want %v", f.Revoked, reasons["revoked"], *test.revoked)
			}
		})
	}
}

// mayList gives an issuer the right to sign CRLs, for crypto/x509 to do it.
func mayList(c *testserver.Issued) *testserver.Issued {
	cert := *c.Cert
	cert.KeyUsage |= x509.KeyUsageCRLSign
	if cert.SubjectKeyId == nil {
		cert.SubjectKeyId = []byte{1}
	}
	return &testserver.Issued{Cert: &cert, Key: c.Key, Up: c.Up}
}
