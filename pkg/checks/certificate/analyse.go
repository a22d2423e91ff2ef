package certificate

import (
	"cmp"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/dername"
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

	// fetch gets what the certificate names as a source of revocations.
	fetch fetcher
}

// analysis fills facts; what it cannot, it reports by name.
type analysis struct {
	presented
	facts   *Facts
	unknown func(fact string, err error)
	leaf    *x509.Certificate
}

// analyse reads all facts but those that take a connection. Each that stays
// nil was reported to unknown.
func analyse(p presented, unknown func(fact string, err error)) *Facts {
	a := &analysis{presented: p, facts: &Facts{}, unknown: unknown}
	fingerprint := sha256.Sum256(p.chain[0])
	a.facts.Fingerprint = new(hex.EncodeToString(fingerprint[:]))
	a.facts.ChainLength = new(len(p.chain))
	a.facts.OCSPStapled = new(len(p.ocsp) > 0)

	sent := readChain(p.chain)
	if sent[0].cert == nil {
		unknown("", unreadable(sent[0].err))
		return a.facts
	}
	a.leaf, a.facts.Problems = sent[0].cert, problems(&sent[0].outline, sent[0].err)
	a.readFields(&sent[0].outline)
	a.readNames(&sent[0].outline)
	a.readExtensions(&sent[0].outline)
	a.selfSigned()
	w, t := a.judgeChain(sent)
	if known(a.facts.PublicCA, true) {
		a.facts.Problems = capped(append(a.facts.Problems, lintPublic(p.chain[0])...))
	}
	a.judgeRevocation(w, t)
	return a.facts
}

// unreadable is the reason for what cannot be read in a certificate.
func unreadable(err error) error {
	return checks.Because(checks.ReasonGarbage, "the certificate cannot be read: %w", err)
}

// readFields sets what the fields of the leaf say whose place is fixed.
func (a *analysis) readFields(o *outline) {
	a.name("subject", o.subject, &a.facts.Subject)
	a.name("issuer", o.issuer, &a.facts.Issuer)
	a.facts.Signature = new(o.signature.name)
	a.facts.KeyType = new(o.key.name)
	if o.key.bits > 0 {
		a.facts.KeyBits = new(o.key.bits)
	} else {
		a.unknown("key_bits", checks.Because(checks.ReasonAmbiguous, "the size of this key of type %s is not known, or not comparable", o.key.name))
	}
	if !o.dated {
		for _, fact := range []string{
			"not_before", "not_after", "not_yet_valid", "expired", "days_left", "lifetime_days", "lifetime_left", "max_lifetime_days",
		} {
			a.unknown(fact, checks.Because(checks.ReasonGarbage, "the certificate's dates are malformed"))
		}
		return
	}
	a.facts.NotBefore = new(o.notBefore.UTC().Format(time.RFC3339))
	a.facts.NotAfter = new(o.notAfter.UTC().Format(time.RFC3339))
	a.facts.NotYetValid = new(a.now.Before(o.notBefore))
	a.facts.Expired = new(a.now.After(o.notAfter))
	a.facts.DaysLeft = new(daysLeft(o.notAfter, a.now))
	a.facts.LifetimeDays = new(lifetimeDays(o.notBefore, o.notAfter))
	a.facts.LifetimeLeft = new(lifetimeLeft(o.notBefore, o.notAfter, a.now))
	a.facts.MaxLifetimeDays = new(maxLifetimeDays(o.notBefore))
}

func (a *analysis) name(fact string, der []byte, out **string) {
	text, err := dername.Text(der)
	if err != nil {
		a.unknown(fact, unreadable(err))
		return
	}
	*out = &text
}

// readNames compares the names with the one that was asked for. Where they
// break off, a match still counts, but its absence does not.
func (a *analysis) readNames(o *outline) {
	a.facts.Names = o.names.texts()
	if matches := o.names.match(a.host); matches || !o.names.broken {
		a.facts.HostnameMatches = &matches
		return
	}
	a.unknown("hostname_matches", checks.Because(checks.ReasonGarbage, "the subject alternative name is malformed"))
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

func (a *analysis) readExtensions(o *outline) {
	if err := o.usage.extendedErr; err != nil {
		a.unknown("server_auth", err)
		a.unknown("client_auth", err)
	} else {
		// Without an extended key usage all uses are allowed.
		a.facts.ServerAuth = new(len(o.usage.extended) == 0 || o.usage.lists(oidServerAuth, oidAnyUsage))
		a.facts.ClientAuth = new(o.usage.lists(oidClientAuth, oidAnyUsage))
	}
	if staple, err := mustStaple(o); err != nil {
		a.unknown("must_staple", err)
	} else {
		a.facts.MustStaple = &staple
	}
	if embedded, err := countSCTs(o); err != nil {
		a.unknown("sct_count", err)
	} else {
		a.facts.SCTCount = new(embedded + len(a.scts))
	}
}

// judgeChain sets the facts that need more than the leaf, and returns the ways
// up that it found.
func (a *analysis) judgeChain(sent []*link) (path, trust) {
	w := walk(sent)
	t := trust{err: a.anchorsErr}
	if a.anchorsErr == nil {
		t = verify(sent, a.anchors, a.now)
	}
	a.weakSignature(w)
	a.publicCA(sent, w, t)
	if a.anchorsErr == nil {
		a.trusted(w, t)
		a.chainComplete(w, t)
		a.facts.ChainErrors = a.chainErrors(sent, w, t)
		return w, t
	}
	if w.top().selfSigned {
		a.facts.ChainComplete = new(true)
	}
	for _, fact := range []string{"trusted", "chain_complete", "chain_errors", "chain_ordered", "intermediates_in_date"} {
		a.unknown(fact, a.anchorsErr)
	}
	return w, t
}

// trusted is unknown where a signature cannot be checked, unless clients
// refuse its kind anyway.
func (a *analysis) trusted(w path, t trust) {
	if t.unchecked() && !known(a.facts.WeakSignature, true) {
		top := cmp.Or(w.unchecked, w.top())
		a.unknown("trusted", checks.Because(checks.ReasonAmbiguous,
			"signatures of type %s, as on %s, cannot be checked here", top.outline.signature.name, subjectText(top)))
		return
	}
	a.facts.Trusted = new(t.err == nil)
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
	case top.outline.signature.weak || t.unchecked():
		a.unknown("chain_complete", checks.Because(checks.ReasonAmbiguous,
			"whether a trust anchor made a signature with %s is not checked", top.outline.signature.name))
	case len(w.links) == 1 || w.badSignature != nil:
		a.facts.ChainComplete = new(false)
	default:
		a.unknown("chain_complete", checks.Because(checks.ReasonAmbiguous,
			"the issuer of the last intermediate is neither sent nor a trust anchor: one more is missing, or its root is not trusted"))
	}
}

// allOn reports that everything sent lies on a verified way.
func allOn(way []*x509.Certificate, sent []*link) bool {
	for _, l := range sent {
		if l.cert == nil || !slices.ContainsFunc(way, l.cert.Equal) {
			return false
		}
	}
	return true
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
		if top.selfSigned && allOn(t.chain, sent) {
			known = []*link{top} // the way to it is verified already, and there is no other
		}
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
