package certificate

import (
	"bytes"
	"crypto/x509"
	"slices"
	"testing"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
)

// FuzzOutline holds the outline against crypto/x509, which refuses more, but
// must not read anything else.
func FuzzOutline(f *testing.F) {
	w := newPKI(f)
	for _, seed := range [][]byte{
		w.sub.Leaf(f, nil).Cert.Raw, w.root.Cert.Raw,
		w.sub.Leaf(f, nil, func(c *x509.Certificate) {
			c.OCSPServer, c.CRLDistributionPoints = []string{"http://ca.example/"}, []string{"http://ca.example/crl"}
		}).Cert.Raw,
		w.sub.Leaf(f, testserver.RSA(f, 2048), testserver.Extension([]byte{0x30, 3, 2, 1, 5}, oidTLSFeature...)).Cert.Raw,
		{0x30, 0x80, 0x30},
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		o, err := readOutline(der)
		c, parseErr := x509.ParseCertificate(der)
		if err == nil {
			// What crypto/x509 refuses must still be safe to work on.
			l := readLink(1, der)
			_, _ = signedWith(l.cert, l.cert.PublicKey), verify([]*link{l, l}, testserver.Pool(w.root), testserver.Now)
			if got := problems(&o, parseErr); parseErr != nil && len(got) == 0 {
				t.Fatal("refused, and no word why")
			}
		}
		if parseErr != nil {
			return
		}
		if err != nil {
			t.Fatalf("crypto/x509 reads it, the outline does not: %v", err)
		}
		if c.Version != 3 {
			return // crypto/x509 skips extensions then
		}
		read := o.certificate()
		switch {
		case !read.NotAfter.Equal(c.NotAfter), !read.NotBefore.Equal(c.NotBefore):
			t.Fatalf("dates %v to %v, want %v to %v", read.NotBefore, read.NotAfter, c.NotBefore, c.NotAfter)
		case !bytes.Equal(read.RawSubject, c.RawSubject), !bytes.Equal(read.RawIssuer, c.RawIssuer),
			!bytes.Equal(read.RawTBSCertificate, c.RawTBSCertificate), !bytes.Equal(read.Signature, c.Signature):
			t.Fatal("the parts differ")
		case read.SerialNumber.Cmp(c.SerialNumber) != 0 || read.Version != c.Version:
			t.Fatalf("serial %v, version %d; want %v, %d", read.SerialNumber, read.Version, c.SerialNumber, c.Version)
		case !slices.Equal(read.DNSNames, c.DNSNames):
			t.Fatalf("names %q, want %q", read.DNSNames, c.DNSNames)
		case len(read.IPAddresses) != len(c.IPAddresses), read.KeyUsage != c.KeyUsage, read.IsCA != c.IsCA:
			t.Fatalf("%d addresses, usage %b, CA %v; want %d, %b, %v", len(read.IPAddresses), read.KeyUsage, read.IsCA, len(c.IPAddresses), c.KeyUsage, c.IsCA)
		case len(read.UnknownExtKeyUsage) != len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage):
			t.Fatalf("usages %v, want %v and %v", read.UnknownExtKeyUsage, c.ExtKeyUsage, c.UnknownExtKeyUsage)
		case !slices.Equal(o.sources.responders, c.OCSPServer):
			t.Fatalf("responders %q, want %q", o.sources.responders, c.OCSPServer)
		case len(o.sources.lists) < len(c.CRLDistributionPoints):
			t.Fatalf("lists %q, want %q", o.sources.lists, c.CRLDistributionPoints)
		case c.PublicKey != nil && o.key.bits <= rsaMax && o.key.public == nil:
			t.Fatal("the key is lost")
		}
	})
}

// FuzzOCSP: only what the issuer signed is ever believed.
func FuzzOCSP(f *testing.F) {
	w := newPKI(f)
	leaf := w.sub.Leaf(f, nil)
	good := answer(f, leaf, w.sub)
	f.Add(good)
	f.Add(answer(f, leaf, w.sub, delegated(appoint(f, w.sub))))
	f.Add([]byte{0x30, 3, 0x0a, 1, 3})
	f.Fuzz(func(t *testing.T, der []byte) {
		status, err := readOCSP(der, leaf.Cert, w.sub.Cert, testserver.Now)
		if (status == "") != (err != nil) {
			t.Fatalf("status %q beside %v", status, err)
		}
		if status != "" && status != statusGood {
			t.Fatalf("status %q, which nobody signed", status)
		}
	})
}

// FuzzCRL: what cannot be read to its end lists nothing.
func FuzzCRL(f *testing.F) {
	w := newPKI(f)
	leaf := w.sub.Leaf(f, nil)
	f.Add(list(f, w.sub, leaf))
	f.Add(list(f, w.sub, leaf, forPoint("http://127.0.0.1/crl")))
	sent := readLink(0, leaf.Cert.Raw)
	f.Fuzz(func(t *testing.T, der []byte) {
		c, err := readCRL(der)
		if err != nil {
			return
		}
		covers := c.covers(sent, "http://127.0.0.1/crl", w.sub.Cert, testserver.Now)
		listed, err := c.lists(sent.outline.serial)
		if covers == nil && err == nil && !listed {
			t.Fatal("a list that the issuer signed lost its entry")
		}
	})
}

func FuzzSCTList(f *testing.F) {
	f.Add([]byte{4, 10, 0, 8, 0, 2, 1, 1, 0, 2, 2, 2})
	f.Add([]byte{4, 2, 0, 0})
	f.Fuzz(func(t *testing.T, der []byte) {
		if n, err := readSCTList(der); n < 0 || n > len(der)/3 || (err != nil && n != 0) {
			t.Fatalf("%d timestamps in %d bytes, error %v", n, len(der), err)
		}
	})
}

func FuzzTLSFeatures(f *testing.F) {
	f.Add([]byte{0x30, 3, 2, 1, 5})
	f.Add([]byte{0x30, 0})
	f.Fuzz(func(t *testing.T, der []byte) {
		if features, err := readTLSFeatures(der); len(features) > len(der)/3 || (err != nil && features != nil) {
			t.Fatalf("%d features in %d bytes, error %v", len(features), len(der), err)
		}
	})
}

// FuzzAnalyse feeds a whole chain of foreign bytes, cut at a place of its own.
func FuzzAnalyse(f *testing.F) {
	w := newPKI(f)
	chain := w.sub.Leaf(f, nil).Chain()
	f.Add(chain[0], chain[1])
	f.Add(chain[1], chain[0])
	f.Add([]byte("junk"), []byte{})
	p := presented{
		fetch: func(string, string, []byte, int64) ([]byte, error) { return []byte("junk"), nil },
		host:  testserver.Host, now: testserver.Now, anchors: testserver.Pool(w.root), machine: testserver.Pool(w.stranger),
	}
	f.Fuzz(func(t *testing.T, leaf, issuer []byte) {
		p := p
		p.chain = [][]byte{leaf, issuer}
		reasons := make(map[string]checks.Reason)
		facts := analyse(p, func(fact string, err error) { _, reasons[fact] = checks.Classify(err) })
		if lost := lostFacts(facts, reasons); len(lost) > 0 {
			t.Fatalf("neither known nor unknown: %v", lost)
		}
		if facts.Trusted != nil && !*facts.Trusted && len(facts.ChainErrors) == 0 {
			t.Fatal("not trusted, and no word why")
		}
	})
}
