package certificate

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// presented is what a server showed, and what it is held against.
type presented struct {
	chain [][]byte // DER, at least one
	ocsp  []byte
	scts  [][]byte
	host  string // name or address that was asked for, without a final dot
	now   time.Time

	anchors    *x509.CertPool // of the link, or of this machine
	anchorsErr error
	machine    *x509.CertPool // of this machine
	machineErr error
}

// analysis fills facts; what it cannot, it reports by name.
type analysis struct {
	presented
	facts   *Facts
	unknown func(fact string, err error)
	leaf    *x509.Certificate
}

// analyse reads all facts. Each that stays nil was reported to unknown.
func analyse(p presented, unknown func(fact string, err error)) *Facts {
	a := &analysis{presented: p, facts: &Facts{}, unknown: unknown}
	fingerprint := sha256.Sum256(p.chain[0])
	a.facts.Fingerprint = new(hex.EncodeToString(fingerprint[:]))
	a.facts.ChainLength = new(len(p.chain))
	a.facts.OCSPStapled = new(len(p.ocsp) > 0)

	sent := readChain(p.chain)
	a.outline(sent[0])
	if sent[0].err != nil {
		unknown("", unreadable(sent[0].err))
		return a.facts
	}
	a.leaf = sent[0].cert
	a.readLeaf()
	a.readKey(sent[0].outline)
	a.readExtensions()
	a.judgeChain(sent)
	return a.facts
}

// unreadable is the reason for what crypto/x509 refuses to read.
func unreadable(err error) error {
	return checks.Because(checks.ReasonGarbage, "the certificate cannot be read: %w", err)
}

// outline sets what is read even from a certificate that crypto/x509 refuses.
func (a *analysis) outline(leaf *link) {
	if leaf.outlineErr != nil {
		return // then crypto/x509 refused it as well, which covers these facts
	}
	o := leaf.outline
	a.name("subject", o.subject, &a.facts.Subject)
	a.name("issuer", o.issuer, &a.facts.Issuer)
	a.facts.Signature = new(o.signature.name)
	a.facts.NotBefore = new(o.notBefore.UTC().Format(time.RFC3339))
	a.facts.NotAfter = new(o.notAfter.UTC().Format(time.RFC3339))
	a.facts.NotYetValid = new(a.now.Before(o.notBefore))
	a.facts.Expired = new(a.now.After(o.notAfter))
	a.facts.DaysLeft = new(daysLeft(o.notAfter, a.now))
	a.facts.LifetimeDays = new(lifetimeDays(o.notBefore, o.notAfter))
	a.facts.MaxLifetimeDays = new(maxLifetimeDays(o.notBefore))
}

func (a *analysis) name(fact string, der []byte, out **string) {
	text, err := nameText(der)
	if err != nil {
		a.unknown(fact, unreadable(err))
		return
	}
	*out = &text
}

func (a *analysis) readLeaf() {
	names := []string{}
	for _, name := range a.leaf.DNSNames {
		names = append(names, printable(name))
	}
	for _, ip := range a.leaf.IPAddresses {
		names = append(names, ip.String())
	}
	slices.Sort(names)
	a.facts.Names = slices.Compact(names)
	a.facts.HostnameMatches = new(a.leaf.VerifyHostname(a.host) == nil)
	a.facts.ServerAuth = new(allowsServerAuth(a.leaf))
	a.selfSigned()
}

// allowsServerAuth reads the extended key usage; without one all uses are allowed.
func allowsServerAuth(c *x509.Certificate) bool {
	return len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) == 0 ||
		slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageServerAuth) ||
		slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny)
}

// selfSigned goes by the signature. The names only decide where the signature
// cannot be checked: a certificate whose issuer has another name is signed by
// that issuer.
func (a *analysis) selfSigned() {
	err := signedWith(a.leaf, a.leaf.PublicKey)
	if errors.Is(err, x509.ErrUnsupportedAlgorithm) && selfIssued(a.leaf) {
		a.unknown("self_signed", checks.Because(checks.ReasonAmbiguous,
			"the signature names the subject as issuer and cannot be checked: %w", err))
		return
	}
	a.facts.SelfSigned = new(err == nil)
}

func (a *analysis) readKey(o outline) {
	name, bits := keyOf(a.leaf.PublicKey, o.key)
	a.facts.KeyType = &name
	if bits == 0 {
		a.unknown("key_bits", checks.Because(checks.ReasonAmbiguous, "the size of a key of type %s is not comparable", name))
		return
	}
	a.facts.KeyBits = &bits
}

func (a *analysis) readExtensions() {
	if staple, err := mustStaple(a.leaf); err != nil {
		a.unknown("must_staple", err)
	} else {
		a.facts.MustStaple = &staple
	}
	if embedded, err := countSCTs(a.leaf); err != nil {
		a.unknown("sct_count", err)
	} else {
		a.facts.SCTCount = new(embedded + len(a.scts))
	}
}

// judgeChain sets the facts that need more than the leaf.
func (a *analysis) judgeChain(sent []*link) {
	w := walk(sent)
	t := trust{err: a.anchorsErr}
	if a.anchorsErr == nil {
		t = verify(sent, a.anchors, a.now)
	}
	a.weakSignature(w)
	a.publicCA(sent, w, t)
	if a.anchorsErr == nil {
		a.facts.Trusted = new(t.err == nil)
		a.chainComplete(w, t)
		a.facts.ChainErrors = a.chainErrors(sent, w, t)
		return
	}
	if w.top().selfSigned {
		a.facts.ChainComplete = new(true)
	}
	for _, fact := range []string{"trusted", "chain_complete", "chain_errors", "chain_ordered", "intermediates_in_date"} {
		a.unknown(fact, a.anchorsErr)
	}
}

// weakSignature looks at every signature on the way that someone else made.
func (a *analysis) weakSignature(w path) {
	var unknown *link
	for i, l := range w.links {
		switch {
		case i > 0 && l.selfSigned:
		case l.outline.signature.weak:
			a.facts.WeakSignature = new(true)
			return
		case !l.outline.signature.known:
			unknown = l
		}
	}
	if unknown != nil {
		a.unknown("weak_signature", checks.Because(checks.ReasonAmbiguous,
			"signature algorithm %s is not known here", unknown.outline.signature.name))
		return
	}
	a.facts.WeakSignature = new(false)
}

// chainComplete tells a missing intermediate from a root that is not trusted.
// A leaf alone whose issuer is no anchor lacks its issuer. Where intermediates
// came, the issuer of the last may be a private root, which servers rightly
// leave out (RFC 8446 section 4.4.2): nothing tells that from a further
// intermediate that is missing.
func (a *analysis) chainComplete(w path, t trust) {
	top := w.top()
	switch {
	case t.err == nil || top.selfSigned || anchored(top.cert, a.anchors, a.now):
		a.facts.ChainComplete = new(true)
	case top.outline.signature.weak:
		a.unknown("chain_complete", checks.Because(checks.ReasonAmbiguous,
			"whether a trust anchor made a signature with %s is not checked", top.outline.signature.name))
	case len(w.links) == 1 || w.badSignature != nil:
		a.facts.ChainComplete = new(false)
	default:
		a.unknown("chain_complete", checks.Because(checks.ReasonAmbiguous,
			"the issuer of the last intermediate is neither sent nor a trust anchor: one more is missing, or its root is not trusted"))
	}
}

// publicCA holds the chain against this machine's own store. Where the link
// names anchors, the verified way to them may hold an issuer that was not sent.
func (a *analysis) publicCA(sent []*link, w path, t trust) {
	if a.machineErr != nil {
		a.unknown("public_ca", a.machineErr)
		return
	}
	top, known := w.top(), sent
	if t.err == nil {
		anchor := t.chain[len(t.chain)-1]
		top = &link{cert: anchor, selfSigned: signedWith(anchor, anchor.PublicKey) == nil}
		known = append(slices.Clone(sent), top)
	}
	switch {
	case verify(known, a.machine, a.now).err == nil:
		a.facts.PublicCA = new(true)
	case top.selfSigned:
		a.facts.PublicCA = new(false)
	default:
		a.unknown("public_ca", checks.Because(checks.ReasonAmbiguous,
			"the chain does not show its root: the issuer %s was not sent", issuerText(top)))
	}
}
