package certificate

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"time"
)

const (
	// chainMax is how many certificates of a chain are looked at.
	chainMax = 32
	// signatureMax is how many signatures are checked to find the way up. A
	// hostile chain of look-alikes must not cost more.
	signatureMax = 100
)

// link is one certificate that was sent.
type link struct {
	position int // in the order sent, from 0
	outline  outline
	// cert is what crypto/x509 works on: as it parsed it, or where it refused
	// to (err), as much as the outline holds. It is nil when there is not even
	// an outline.
	cert       *x509.Certificate
	err        error
	selfSigned bool // as far as it can be checked
}

func readChain(chain [][]byte) []*link {
	links := make([]*link, 0, min(len(chain), chainMax))
	for i, der := range chain[:min(len(chain), chainMax)] {
		links = append(links, readLink(i, der))
	}
	return links
}

func readLink(position int, der []byte) *link {
	l := &link{position: position}
	l.cert, l.err = x509.ParseCertificate(der)
	var err error
	if l.outline, err = readOutline(der); err != nil {
		l.cert, l.err = nil, cmp.Or(l.err, err)
		return l
	}
	if l.err != nil {
		l.cert = l.outline.certificate()
	}
	// The outline knows a few keys more, and leaves out those that are too
	// large to check signatures with.
	l.cert.PublicKey, l.cert.PublicKeyAlgorithm = l.outline.key.public, l.outline.key.algorithm()
	if selfIssued(l.cert) {
		err := signedWith(l.cert, l.cert.PublicKey)
		l.selfSigned = err == nil || (position > 0 && errors.Is(err, x509.ErrUnsupportedAlgorithm))
	}
	return l
}

func selfIssued(c *x509.Certificate) bool { return bytes.Equal(c.RawSubject, c.RawIssuer) }

// path is the way up from the leaf, among the certificates that were sent.
type path struct {
	links []*link // leaf first; at least one
	// unchecked is the first link whose signature cannot be checked here. The
	// way goes on by the names alone.
	unchecked *link
	// badSignature was named as the issuer of the last link, but did not sign it.
	badSignature *link
}

func (p path) top() *link { return p.links[len(p.links)-1] }

// walk finds the way up by names and signatures, whatever the order.
func walk(sent []*link) path {
	p := path{links: []*link{sent[0]}}
	left := signatureMax
	for !p.top().selfSigned {
		var next, unchecked *link
		for _, candidate := range sent[1:] {
			if left == 0 || !mayIssue(candidate, p) {
				continue
			}
			left--
			err := signedWith(p.top().cert, candidate.cert.PublicKey)
			if err == nil {
				next = candidate
				break
			}
			switch {
			case !errors.Is(err, x509.ErrUnsupportedAlgorithm):
				p.badSignature = cmp.Or(p.badSignature, candidate)
			case unchecked == nil:
				unchecked = candidate
			}
		}
		if next == nil {
			if unchecked == nil {
				return p
			}
			next, p.unchecked = unchecked, cmp.Or(p.unchecked, p.top())
		}
		p.links, p.badSignature = append(p.links, next), nil
	}
	return p
}

func mayIssue(candidate *link, p path) bool {
	return candidate.cert != nil && !slices.Contains(p.links, candidate) &&
		bytes.Equal(candidate.cert.RawSubject, p.top().cert.RawIssuer)
}

// trust is how holding a chain against anchors ended.
type trust struct {
	chain []*x509.Certificate // leaf to anchor, when err is nil
	err   error
}

// unchecked reports whether no way was found for a signature that cannot be
// checked here. crypto/x509 tells it only in words when it is about an issuer.
func (t trust) unchecked() bool {
	return t.err != nil && strings.Contains(t.err.Error(), strings.TrimPrefix(x509.ErrUnsupportedAlgorithm.Error(), "x509: "))
}

// verify looks for a way to an anchor, leaving dates, host name and key usage
// aside. crypto/x509 stops at the first error, so each question is asked alone.
func verify(sent []*link, anchors *x509.CertPool, now time.Time) trust {
	return verifyFor(sent, anchors, now, x509.ExtKeyUsageAny)
}

// verifyFor is verify for one extended key usage.
func verifyFor(sent []*link, anchors *x509.CertPool, now time.Time, usage x509.ExtKeyUsage) trust {
	leaf := timeless(sent[0].cert)
	intermediates := x509.NewCertPool()
	for _, l := range sent[1:] {
		if l.cert != nil {
			intermediates.AddCert(timeless(l.cert))
		}
	}
	options := x509.VerifyOptions{
		Roots: anchors, Intermediates: intermediates, CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{usage},
	}
	chains, err := leaf.Verify(options)
	// An anchor's own dates cannot be set aside; the leaf's were within them.
	for _, then := range []time.Time{sent[0].cert.NotBefore, sent[0].cert.NotAfter} {
		if err == nil || !dated(err) {
			break
		}
		options.CurrentTime = then
		var other error
		if chains, other = leaf.Verify(options); other == nil {
			err = nil
		}
	}
	if err != nil {
		return trust{err: err}
	}
	return trust{chain: best(chains, sent, now)}
}

// dated reports whether an error may come from the dates of an anchor.
// crypto/x509 tells it only in words when it is about an issuer.
func dated(err error) bool {
	return strings.Contains(err.Error(), "expired or is not yet valid") || strings.Contains(err.Error(), "unknown authority")
}

// timeless returns a copy of c that crypto/x509 takes for always valid.
func timeless(c *x509.Certificate) *x509.Certificate {
	copied := *c
	copied.NotBefore = time.Unix(0, 0)
	copied.NotAfter = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	return &copied
}

// best is the first way all of which is valid now, else the first, with the
// certificates as they were sent in place of their timeless copies.
func best(chains [][]*x509.Certificate, sent []*link, now time.Time) []*x509.Certificate {
	for _, chain := range chains {
		for i, c := range chain {
			if n := slices.IndexFunc(sent, func(l *link) bool { return l.cert != nil && l.cert.Equal(c) }); n >= 0 {
				chain[i] = sent[n].cert
			}
		}
	}
	for _, chain := range chains {
		if !slices.ContainsFunc(chain, func(c *x509.Certificate) bool { return outOfDate(c, now) }) {
			return chain
		}
	}
	return chains[0]
}

func outOfDate(c *x509.Certificate, now time.Time) bool {
	return now.Before(c.NotBefore) || now.After(c.NotAfter)
}

// anchored reports whether an anchor issued c, or is c.
func anchored(c *x509.Certificate, anchors *x509.CertPool, now time.Time) bool {
	return verify([]*link{{cert: c}}, anchors, now).err == nil
}
