package certificate

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks/internal/dername"
)

// chainErrors lists everything wrong with the chain, leaf first. Each starts
// with a phrase that does not change, then says where. It sets the facts that
// are about a whole class of errors.
func (a *analysis) chainErrors(sent []*link, w path, t trust) []string {
	found := []string{}
	add := func(format string, args ...any) {
		text := fmt.Sprintf(format, args...)
		if !slices.Contains(found, text) {
			found = append(found, text)
		}
	}
	a.leafErrors(add)
	a.usageErrors(sent, t, add)
	way := wayUp(w, t)
	for i, c := range way[1:] {
		a.dateErrors(c, roleOf(c, i == len(way)-2), add)
	}
	before := len(found)
	for i, l := range w.links {
		if l.outline.signature.weak && (i == 0 || !l.selfSigned) {
			add("weak signature: %s is signed with %s", subjectText(l), l.outline.signature.name)
		}
	}
	for i, l := range w.links[1:] {
		issuerErrors(l, i, add)
	}
	if t.err != nil {
		a.trustErrors(w, t.err, add)
		if len(found) == before { // a reason that has no phrase here
			add("not trusted: %s", dername.Printable(strings.TrimPrefix(t.err.Error(), "x509: ")))
		}
	}
	orderErrors(sent, w, add)
	if len(a.chain) > chainMax {
		add("too long: %d certificates were sent, of which %d were looked at", len(a.chain), chainMax)
	}
	a.facts.ChainOrdered = new(!anyStarts(found, "misordered:", "duplicate:", "unrelated:"))
	a.facts.IntermediatesInDate = new(!anyStarts(found, "expired: intermediate", "not yet valid: intermediate"))
	return found
}

// anyStarts reports whether any of the errors starts with one of the phrases.
func anyStarts(found []string, phrases ...string) bool {
	return slices.ContainsFunc(found, func(text string) bool {
		return slices.ContainsFunc(phrases, func(phrase string) bool { return strings.HasPrefix(text, phrase) })
	})
}

// known reports whether a fact is known to have a value.
func known(fact *bool, value bool) bool { return fact != nil && *fact == value }

type adder func(format string, args ...any)

// wayUp is the verified way to the anchor, or as far as the sent ones lead.
func wayUp(w path, t trust) []*x509.Certificate {
	if t.err == nil {
		return t.chain
	}
	var way []*x509.Certificate
	for _, l := range w.links {
		way = append(way, l.cert)
	}
	return way
}

func roleOf(c *x509.Certificate, last bool) string {
	if last && selfIssued(c) {
		return "root"
	}
	return "intermediate"
}

func (a *analysis) leafErrors(add adder) {
	a.dateErrors(a.leaf, "leaf", add)
	if known(a.facts.HostnameMatches, false) {
		add("wrong host: %s", hostError(a.facts.Names, a.host))
	}
}

// dateErrors names a certificate unless it is the leaf, of which there is one.
func (a *analysis) dateErrors(c *x509.Certificate, role string, add adder) {
	if c.NotAfter.IsZero() {
		return // they cannot be read, which orderErrors says
	}
	who := role
	if role != "leaf" {
		who = role + " " + subjectText(&link{cert: c})
	}
	if a.now.After(c.NotAfter) {
		add("expired: %s expired %s", who, c.NotAfter.UTC().Format(time.DateOnly))
	}
	if a.now.Before(c.NotBefore) {
		add("not yet valid: %s is valid from %s", who, c.NotBefore.UTC().Format(time.DateOnly))
	}
}

// namesShown caps how many of a leaf's names an error lists.
const namesShown = 3

func hostError(names []string, host string) string {
	switch {
	case len(names) == 0:
		return "leaf has no subject alternative name, asked for " + host
	case len(names) > namesShown:
		return fmt.Sprintf("leaf is for %s and %d more, asked for %s",
			strings.Join(names[:namesShown], ", "), len(names)-namesShown, host)
	}
	return fmt.Sprintf("leaf is for %s, asked for %s", strings.Join(names, ", "), host)
}

// issuerErrors checks that a certificate above the leaf may issue (RFC 5280
// section 6.1.4). below is how many intermediates stand under it.
func issuerErrors(l *link, below int, add adder) {
	c := l.cert
	switch {
	case c.Version == 3 && (!c.BasicConstraintsValid || !c.IsCA):
		add("not a CA: %s issues certificates without being one", subjectText(l))
	case c.KeyUsage != 0 && c.KeyUsage&x509.KeyUsageCertSign == 0:
		add("not a CA: the key usage of %s does not allow to sign certificates", subjectText(l))
	case c.BasicConstraintsValid && c.MaxPathLen >= 0 && below > c.MaxPathLen:
		add("path length: %s allows %d intermediates below it, there are %d", subjectText(l), c.MaxPathLen, below)
	}
}

func (a *analysis) usageErrors(sent []*link, t trust, add adder) {
	if known(a.facts.ServerAuth, false) {
		add("not for server authentication: the extended key usage of the leaf")
		return
	}
	if t.err == nil && verifyFor(sent, a.anchors, a.now, x509.ExtKeyUsageServerAuth).err != nil {
		add("not for server authentication: the extended key usage of an issuer")
	}
}

// trustErrors says why there is no way to an anchor.
func (a *analysis) trustErrors(w path, err error, add adder) {
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if invalid.Reason == x509.CANotAuthorizedForThisName || invalid.Reason == x509.UnconstrainedName {
			add("name constraint: an issuer may not issue for a name of the leaf")
			return
		}
	}
	top := w.top()
	switch {
	case len(w.links) == 1 && top.selfSigned:
		add("self-signed: leaf is its own issuer and no trust anchor")
	case trust{err: err}.unchecked():
		stuck := cmp.Or(w.unchecked, top)
		add("unverifiable: signatures of type %s, as on %s, cannot be checked here", stuck.outline.signature.name, subjectText(stuck))
	case anchored(top.cert, a.anchors, a.now): // what is wrong is on the way
	case !top.selfSigned && top.outline.signature.weak: // said already
	case top.selfSigned:
		add("untrusted root: %s is not a trust anchor", subjectText(top))
	case w.badSignature != nil:
		add("bad signature: %s was sent as issuer of %s but did not sign it", subjectText(w.badSignature), subjectText(top))
	default:
		add("issuer not found: %q issued %q, and was neither sent nor is it a trust anchor", issuerText(top), subjectText(top))
	}
}

// orderErrors compares the order sent with the way up. In TLS 1.2 each
// certificate must certify the one before it (RFC 5246 section 7.4.2); TLS 1.3
// leaves it at should.
func orderErrors(sent []*link, w path, add adder) {
	if !slices.IsSortedFunc(w.links, func(a, b *link) int { return a.position - b.position }) {
		add("misordered: the certificates were not sent from the leaf upwards")
	}
	for _, l := range sent {
		if l.cert == nil {
			add("unreadable: certificate %d: %s", l.position+1, dername.Printable(l.err.Error()))
			continue
		}
		if l.err != nil {
			add("malformed: strict clients refuse certificate %d: %s", l.position+1, dername.Printable(strings.TrimPrefix(l.err.Error(), "x509: ")))
		}
		if l.position == 0 || slices.Contains(w.links, l) {
			continue
		}
		switch {
		case l.cert.Equal(sent[0].cert):
			add("duplicate: the leaf was sent again as certificate %d", l.position+1)
		case issued(sent[0], l):
			add("misordered: the first certificate is an issuer of certificate %d", l.position+1)
		case !slices.ContainsFunc(sent, func(other *link) bool { return issued(l, other) }):
			add("unrelated: certificate %d, %s, issued none that was sent", l.position+1, subjectText(l))
		}
	}
}

// issued reports whether a is named as the issuer of b.
func issued(a, b *link) bool {
	return a != b && b.cert != nil && !b.selfSigned && string(a.cert.RawSubject) == string(b.cert.RawIssuer)
}

// subjectText names a certificate for people.
func subjectText(l *link) string { return orderedName(l.cert.RawSubject) }

func issuerText(l *link) string { return orderedName(l.cert.RawIssuer) }

func orderedName(der []byte) string {
	text, err := dername.Text(der)
	if err != nil || text == "" {
		return "a certificate without a name"
	}
	return text
}
