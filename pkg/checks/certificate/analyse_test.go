package certificate

import (
	"crypto"
	"crypto/x509"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
)

// pki is a small world of certificates: a root that is trusted, one that is
// not, and intermediates below them.
type pki struct {
	root, sub, stranger, strangerSub *testserver.Issued
}

func newPKI(t testing.TB) pki {
	t.Helper()
	root := testserver.Root(t, "Root")
	stranger := testserver.Root(t, "Stranger")
	return pki{root, root.Authority(t, "Sub"), stranger, stranger.Authority(t, "Stranger Sub")}
}

// judge analyses a chain for testserver.Host against the trusted root, which
// this machine does not know.
func judge(t testing.TB, world pki, chain [][]byte, change ...func(*presented)) (*Facts, map[string]checks.Reason) {
	t.Helper()
	p := presented{
		fetch: func(string, string, []byte, int64) ([]byte, error) {
			return nil, checks.Because(checks.ReasonNotAsked, "not allowed")
		},
		chain: chain, host: testserver.Host, now: testserver.Now,
		anchors: testserver.Pool(world.root), machine: testserver.Pool(testserver.Root(t, "Machine")),
	}
	for _, c := range change {
		c(&p)
	}
	reasons := make(map[string]checks.Reason)
	f := analyse(p, func(fact string, err error) { _, reasons[fact] = checks.Classify(err) })
	if lost := lostFacts(f, reasons); len(lost) > 0 {
		t.Errorf("neither known nor unknown: %v", lost)
	}
	return f, reasons
}

// lostFacts names facts that are not set and not reported either.
func lostFacts(f *Facts, reasons map[string]checks.Reason) []string {
	known := make(map[string]any)
	checks.Flatten("", f, known)
	var lost []string
	for _, leaf := range checks.LeavesOf("", f) {
		if leaf.Name == "without_sni" {
			continue // the probe asks for it
		}
		_, isKnown := known[leaf.Name]
		_, reported := reasons[leaf.Name]
		if _, all := reasons[""]; !isKnown && !reported && !all {
			lost = append(lost, leaf.Name)
		}
	}
	return lost
}

// verdicts are the facts about a chain that are true or false.
type verdicts struct {
	Trusted, Complete, SelfSigned, Public, Host, Expired, NotYet, Weak, Server, Ordered, InDate *bool
}

func verdictsOf(f *Facts) verdicts {
	return verdicts{
		f.Trusted, f.ChainComplete, f.SelfSigned, f.PublicCA, f.HostnameMatches,
		f.Expired, f.NotYetValid, f.WeakSignature, f.ServerAuth, f.ChainOrdered, f.IntermediatesInDate,
	}
}

// good is what a proper leaf of the trusted root shows.
func good() verdicts {
	return verdicts{
		new(true), new(true), new(false), new(false), new(true),
		new(false), new(false), new(false), new(true), new(true), new(true),
	}
}

func TestChains(t *testing.T) {
	t.Parallel()
	w := newPKI(t)
	now := testserver.Now
	past := testserver.Valid(now.AddDate(0, -2, 0), now.AddDate(0, 0, -20))
	oldSub := w.root.Authority(t, "Old Sub", past)
	foreign := testserver.Root(t, "Foreign")
	impostor := testserver.Root(t, "Root").Authority(t, "Sub")
	none := (*bool)(nil)
	v := func(change func(*verdicts)) verdicts { g := good(); change(&g); return g }
	join := func(chains ...[][]byte) (all [][]byte) {
		for _, c := range chains {
			all = append(all, c...)
		}
		return all
	}
	leaf := w.sub.Leaf(t, nil)
	self := testserver.SelfSigned(t, nil)
	sha1Key := testserver.RSA(t, 2048)
	rsaRoot := testserver.Root(t, "RSA Root")
	rsaSub := rsaSubOf(t, w, sha1Key)

	for _, test := range []struct {
		name  string
		chain [][]byte
		want  verdicts
		wrong []string
	}{
		{"good", leaf.Chain(), good(), []string{}},
		{"with root", join(leaf.Chain(), [][]byte{w.root.Cert.Raw}), good(), []string{}},
		{"directly below the root", w.root.Leaf(t, nil).Chain(), good(), []string{}},
		{
			"expired", w.sub.Leaf(t, nil, past).Chain(), v(func(v *verdicts) { v.Expired = new(true) }),
			[]string{"expired: leaf expired 2026-11-01"},
		},
		{
			"not yet valid", w.sub.Leaf(t, nil, testserver.Valid(now.AddDate(0, 1, 0), now.AddDate(0, 2, 0))).Chain(),
			v(func(v *verdicts) { v.NotYet = new(true) }),
			[]string{"not yet valid: leaf is valid from 2026-12-21"},
		},
		{
			"wrong host", w.sub.Leaf(t, nil, testserver.For("b.example", "a.example")).Chain(), v(func(v *verdicts) { v.Host = new(false) }),
			[]string{"wrong host: leaf is for a.example, b.example, asked for api.acme.example"},
		},
		{
			"no names", w.sub.Leaf(t, nil, testserver.For()).Chain(), v(func(v *verdicts) { v.Host = new(false) }),
			[]string{"wrong host: leaf has no subject alternative name, asked for api.acme.example"},
		},
		{
			"self-signed", self.Chain(), v(func(v *verdicts) { v.Trusted, v.SelfSigned = new(false), new(true) }),
			[]string{"self-signed: leaf is its own issuer and no trust anchor"},
		},
		{
			"intermediate missing", leaf.Chain()[:1], v(func(v *verdicts) { v.Trusted, v.Complete, v.Public = new(false), new(false), none }),
			[]string{`issuer not found: "CN=Sub" issued "CN=api.acme.example,O=Acme", and was neither sent nor is it a trust anchor`},
		},
		{
			"root unknown and not sent", w.strangerSub.Leaf(t, nil).Chain(), v(func(v *verdicts) { v.Trusted, v.Complete, v.Public = new(false), none, none }),
			[]string{`issuer not found: "CN=Stranger" issued "CN=Stranger Sub", and was neither sent nor is it a trust anchor`},
		},
		{
			"untrusted root", join(w.strangerSub.Leaf(t, nil).Chain(), [][]byte{w.stranger.Cert.Raw}), v(func(v *verdicts) { v.Trusted = new(false) }),
			[]string{"untrusted root: CN=Stranger is not a trust anchor"},
		},
		{
			"misordered", [][]byte{leaf.Cert.Raw, w.root.Cert.Raw, w.sub.Cert.Raw}, v(func(v *verdicts) { v.Ordered = new(false) }),
			[]string{"misordered: the certificates were not sent from the leaf upwards"},
		},
		{
			"unrelated", join(leaf.Chain(), [][]byte{foreign.Cert.Raw}), v(func(v *verdicts) { v.Ordered = new(false) }),
			[]string{"unrelated: certificate 3, CN=Foreign, issued none that was sent"},
		},
		{
			"leaf twice", join(leaf.Chain(), [][]byte{leaf.Cert.Raw}), v(func(v *verdicts) { v.Ordered = new(false) }),
			[]string{"duplicate: the leaf was sent again as certificate 3"},
		},
		{
			"expired intermediate", oldSub.Leaf(t, nil).Chain(), v(func(v *verdicts) { v.InDate = new(false) }),
			[]string{"expired: intermediate CN=Old Sub expired 2026-11-01"},
		},
		{
			"another key of the same name", [][]byte{leaf.Cert.Raw, impostor.Cert.Raw},
			v(func(v *verdicts) { v.Trusted, v.Complete, v.Public = new(false), new(false), none }),
			[]string{"bad signature: CN=Sub was sent as issuer of CN=api.acme.example,O=Acme but did not sign it"},
		},
		{
			"no server authentication", w.sub.Leaf(t, nil, testserver.Usage(x509.ExtKeyUsageClientAuth)).Chain(), v(func(v *verdicts) { v.Server = new(false) }),
			[]string{"not for server authentication: the extended key usage of the leaf"},
		},
		{
			"issuer without server authentication",
			w.root.Authority(t, "Client CA", testserver.Usage(x509.ExtKeyUsageClientAuth)).Leaf(t, nil).Chain(), good(),
			[]string{"not for server authentication: the extended key usage of an issuer"},
		},
		{
			"no extended key usage", w.sub.Leaf(t, nil, testserver.Usage()).Chain(), good(), []string{},
		},
		{
			"name constraint",
			w.root.Authority(t, "Narrow", func(c *x509.Certificate) { c.PermittedDNSDomains = []string{"other.example"} }).Leaf(t, nil).Chain(),
			v(func(v *verdicts) { v.Trusted, v.Public = new(false), none }),
			[]string{"name constraint: an issuer may not issue for a name of the leaf"},
		},
		{
			"not a CA", belowLeaf(t, w).Chain(), v(func(v *verdicts) { v.Trusted, v.Public = new(false), none }),
			[]string{"not a CA: CN=api.acme.example,O=Acme issues certificates without being one"},
		},
		{
			"path length",
			w.root.Authority(t, "Short", func(c *x509.Certificate) { c.MaxPathLenZero = true }).Authority(t, "Below").Leaf(t, nil).Chain(),
			v(func(v *verdicts) { v.Trusted, v.Public = new(false), none }),
			[]string{"path length: CN=Short allows 0 intermediates below it, there are 1"},
		},
		{
			"SHA-1", rsaSub.Leaf(t, nil, testserver.Signed(x509.SHA1WithRSA)).Chain(),
			v(func(v *verdicts) { v.Trusted, v.Public, v.Weak = new(false), none, new(true) }),
			[]string{"weak signature: CN=api.acme.example,O=Acme is signed with SHA1-RSA"},
		},
		{
			"MD5", rsaSub.Leaf(t, testserver.RSA(t, 2048)).MD5(t).Chain(),
			v(func(v *verdicts) { v.Trusted, v.Public, v.Weak = new(false), none, new(true) }),
			[]string{"weak signature: CN=api.acme.example,O=Acme is signed with MD5-RSA"},
		},
		{
			"everything at once",
			join(w.strangerSub.Leaf(t, nil, past, testserver.For("b.example"), testserver.Usage(x509.ExtKeyUsageClientAuth)).Chain(),
				[][]byte{w.stranger.Cert.Raw, rsaRoot.Cert.Raw, []byte("junk")}),
			v(func(v *verdicts) {
				v.Trusted, v.Expired, v.Host, v.Server, v.Ordered = new(false), new(true), new(false), new(false), new(false)
			}),
			[]string{
				"expired: leaf expired 2026-11-01",
				"wrong host: leaf is for b.example, asked for api.acme.example",
				"not for server authentication: the extended key usage of the leaf",
				"untrusted root: CN=Stranger is not a trust anchor",
				"unrelated: certificate 4, CN=RSA Root, issued none that was sent",
				"unreadable: certificate 5: x509: malformed certificate",
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f, _ := judge(t, w, test.chain)
			if diff := cmp.Diff(verdictsOf(f), test.want); diff != "" {
				t.Errorf("verdicts (-got +want):\n%s", diff)
			}
			if diff := cmp.Diff(f.ChainErrors, test.wrong); diff != "" {
				t.Errorf("chain errors (-got +want):\n%s", diff)
			}
			if got := *f.ChainLength; got != len(test.chain) {
				t.Errorf("chain length %d, want %d", got, len(test.chain))
			}
		})
	}
}

// rsaSubOf is an intermediate with an RSA key, which may sign with SHA-1.
func rsaSubOf(t *testing.T, w pki, key crypto.Signer) *testserver.Issued {
	t.Helper()
	return w.root.Leaf(t, key, func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
		c.Subject.CommonName = "RSA Sub"
	})
}

// belowLeaf is issued by a leaf.
func belowLeaf(t *testing.T, w pki) *testserver.Issued {
	t.Helper()
	return w.root.Leaf(t, nil).Leaf(t, nil, func(c *x509.Certificate) { c.Subject.CommonName = "below a leaf" })
}

func TestHostNames(t *testing.T) {
	t.Parallel()
	w := newPKI(t)
	wild := w.sub.Leaf(t, nil, testserver.For("*.acme.example"))
	address := w.sub.Leaf(t, nil, testserver.For(), func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.ParseIP("::1"), net.IPv4(127, 0, 0, 1)} })
	for _, test := range []struct {
		leaf *testserver.Issued
		host string
		want bool
	}{
		{wild, "api.acme.example", true},
		{wild, "API.Acme.Example", true},
		{wild, "a.b.acme.example", false},
		{wild, "acme.example", false},
		{wild, "127.0.0.1", false},
		{address, "127.0.0.1", true},
		{address, "::1", true},
		{address, "127.0.0.2", false},
		{address, "api.acme.example", false}, // though it is the common name
	} {
		f, _ := judge(t, w, test.leaf.Chain(), func(p *presented) { p.host = test.host })
		if *f.HostnameMatches != test.want {
			t.Errorf("%s for %v: %v", test.host, f.Names, *f.HostnameMatches)
		}
	}
	f, _ := judge(t, w, address.Chain())
	if diff := cmp.Diff(f.Names, []string{"127.0.0.1", "::1"}); diff != "" {
		t.Error(diff)
	}
}

func TestUnreadableLeaf(t *testing.T) {
	t.Parallel()
	f, reasons := judge(t, newPKI(t), [][]byte{[]byte("junk")})
	want := &Facts{Fingerprint: f.Fingerprint, ChainLength: new(1), OCSPStapled: new(false)}
	if diff := cmp.Diff(f, want); diff != "" || reasons[""] != checks.ReasonGarbage {
		t.Errorf("reasons %v, facts (-got +want):\n%s", reasons, diff)
	}
}

func TestDeepChainsEnd(t *testing.T) {
	t.Parallel()
	w := newPKI(t)
	// Many issuers of one name, none of which signed.
	chain := w.sub.Leaf(t, nil).Chain()[:1]
	look := testserver.Root(t, "Root").Authority(t, "Sub")
	for range 400 {
		chain = append(chain, look.Cert.Raw)
	}
	start := time.Now()
	f, _ := judge(t, w, chain)
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	if *f.Trusted || *f.ChainLength != 401 {
		t.Errorf("trusted %v, length %d", *f.Trusted, *f.ChainLength)
	}
	if got := strings.Join(f.ChainErrors, "\n"); !strings.Contains(got, "too long: 401 certificates were sent, of which 32 were looked at") {
		t.Error(got)
	}
}
