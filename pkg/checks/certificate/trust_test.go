package certificate

import (
	"crypto/x509"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
)

func TestSelfSignedByAnotherKey(t *testing.T) {
	t.Parallel()
	w := newPKI(t)
	// Its issuer has the leaf's own name, but another key.
	twin := testserver.Root(t, "Twin")
	leaf := twin.Leaf(t, nil, func(c *x509.Certificate) { c.Subject = twin.Cert.Subject })
	f, _ := judge(t, w, [][]byte{leaf.Cert.Raw})
	if *f.SelfSigned || *f.ChainComplete {
		t.Errorf("self-signed %v, complete %v; want neither: the names are equal, the keys are not", *f.SelfSigned, *f.ChainComplete)
	}
	// MD5 is recognised though crypto/x509 refuses it.
	md5 := testserver.SelfSigned(t, testserver.RSA(t, 2048)).MD5(t)
	f, _ = judge(t, w, md5.Chain())
	if !*f.SelfSigned || !*f.WeakSignature {
		t.Errorf("self-signed %v, weak %v; want both for MD5", *f.SelfSigned, *f.WeakSignature)
	}
}

func TestPublicCA(t *testing.T) {
	t.Parallel()
	w := newPKI(t)
	leaf := w.sub.Leaf(t, nil)
	machine := func(c *testserver.Issued) func(*presented) {
		return func(p *presented) { p.machine = testserver.Pool(c) }
	}
	anchor := func(c *testserver.Issued) func(*presented) {
		return func(p *presented) { p.anchors = testserver.Pool(c) }
	}
	for _, test := range []struct {
		name    string
		chain   [][]byte
		change  []func(*presented)
		trusted bool
		public  *bool
	}{
		{"public and trusted", leaf.Chain(), []func(*presented){machine(w.root)}, true, new(true)},
		{"public, but the link wants another", leaf.Chain(), []func(*presented){machine(w.root), anchor(w.stranger)}, false, new(true)},
		{"private", leaf.Chain(), nil, true, new(false)},
		{"public intermediate pinned", leaf.Chain()[:1], []func(*presented){machine(w.root), anchor(w.sub)}, true, new(true)},
		{"private intermediate pinned", leaf.Chain()[:1], []func(*presented){anchor(w.sub)}, true, nil},
	} {
		f, reasons := judge(t, w, test.chain, test.change...)
		if *f.Trusted != test.trusted {
			t.Errorf("%s: trusted %v", test.name, *f.Trusted)
		}
		if diff := cmp.Diff(f.PublicCA, test.public); diff != "" {
			t.Errorf("%s: public (-got +want):\n%s", test.name, diff)
		}
		if test.public == nil && reasons["public_ca"] != checks.ReasonAmbiguous {
			t.Errorf("%s: reason %q", test.name, reasons["public_ca"])
		}
	}
}

func TestPinnedLeaf(t *testing.T) {
	t.Parallel()
	w := newPKI(t)
	self := testserver.SelfSigned(t, nil)
	f, _ := judge(t, w, self.Chain(), func(p *presented) { p.anchors = testserver.Pool(self) })
	if !*f.Trusted || !*f.SelfSigned || !*f.ChainComplete || len(f.ChainErrors) != 0 {
		t.Errorf("trusted %v, self-signed %v, complete %v, errors %v", *f.Trusted, *f.SelfSigned, *f.ChainComplete, f.ChainErrors)
	}
}

func TestExpiredAnchor(t *testing.T) {
	t.Parallel()
	w := newPKI(t)
	now := testserver.Now
	w.root = testserver.Root(t, "Old Root", testserver.Valid(now.AddDate(-9, 0, 0), now.AddDate(0, 0, -1)))
	f, _ := judge(t, w, w.root.Leaf(t, nil).Chain())
	if !*f.Trusted || *f.Expired {
		t.Errorf("trusted %v, expired %v; want trust apart from dates", *f.Trusted, *f.Expired)
	}
	if diff := cmp.Diff(f.ChainErrors, []string{"expired: root CN=Old Root expired 2026-11-20"}); diff != "" {
		t.Error(diff)
	}
}

func TestNoAnchors(t *testing.T) {
	t.Parallel()
	w := newPKI(t)
	missing := checks.Because(checks.ReasonNotTested, "no store")
	without := func(p *presented) {
		p.anchors, p.anchorsErr = nil, missing
		p.machine, p.machineErr = nil, missing
	}
	f, reasons := judge(t, w, w.sub.Leaf(t, nil).Chain(), without)
	if f.Trusted != nil || f.PublicCA != nil || f.ChainErrors != nil || f.ChainComplete != nil {
		t.Errorf("trust is known without anchors: %+v", f)
	}
	for _, fact := range []string{"trusted", "public_ca", "chain_complete", "chain_errors"} {
		if reasons[fact] != checks.ReasonNotTested {
			t.Errorf("%s: reason %q", fact, reasons[fact])
		}
	}
	if !*f.HostnameMatches || *f.Expired {
		t.Error("what needs no anchor is lost")
	}
	f, _ = judge(t, w, testserver.SelfSigned(t, nil).Chain(), without)
	if f.ChainComplete == nil || !*f.ChainComplete {
		t.Error("a self-signed certificate lacks no issuer, whatever the anchors")
	}
	if notEmpty(x509.NewCertPool(), "empty") == nil || notEmpty(nil, "nil") == nil || notEmpty(testserver.Pool(w.root), "full") != nil {
		t.Error("notEmpty is wrong about a pool")
	}
}
