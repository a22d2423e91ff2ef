package clientauth

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// own is the link's own client certificate, as the inventory names it.
type own struct {
	chain   []*x509.Certificate // as in the file, the certificate first
	err     error               // why there is no chain
	pair    *tls.Certificate    // with its key; nil when that is missing or does not fit
	pairErr error
}

// readOwn reads the certificate and the key. Neither is in its errors, which
// name the references at most.
func readOwn(v *checks.Visit) own {
	stated := v.Link().TLS
	if stated.ClientCert.IsZero() {
		err := checks.Because(checks.ReasonNotAsked, "the inventory names no client certificate for this link")
		return own{err: err, pairErr: err}
	}
	text, err := stated.ClientCert.Resolve()
	if err != nil {
		err = checks.Because(checks.ReasonNotTested, "tls.client_cert: %w", err)
		return own{err: err, pairErr: err}
	}
	o := own{}
	if o.chain, err = parseChain([]byte(text)); err != nil {
		err = checks.Because(checks.ReasonNotTested, "tls.client_cert: %w", err)
		return own{err: err, pairErr: err}
	}
	o.pair, o.pairErr = o.withKey(v)
	return o
}

func parseChain(text []byte) ([]*x509.Certificate, error) {
	var chain []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue // such as the key, in the same file
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d of the file: %w", len(chain)+1, err)
		}
		chain = append(chain, c)
	}
	if len(chain) == 0 {
		return nil, errors.New("holds no certificate")
	}
	return chain, nil
}

func (o own) withKey(v *checks.Visit) (*tls.Certificate, error) {
	stated := v.Link().TLS
	if stated.ClientKey.IsZero() {
		return nil, checks.Because(checks.ReasonNotTested, "the inventory names no key for the client certificate")
	}
	key, err := stated.ClientKey.Resolve()
	if err != nil {
		return nil, checks.Because(checks.ReasonNotTested, "tls.client_key: %w", err)
	}
	var chain []byte
	for _, c := range o.chain {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	pair, err := tls.X509KeyPair(chain, []byte(key))
	if err != nil {
		return nil, checks.Because(checks.ReasonNotTested, "tls.client_key does not serve tls.client_cert: %w", err)
	}
	return &pair, nil
}

// alone gives what is known of the certificate when the server is not.
func (o own) alone(v *checks.Visit, err error) (*Facts, error) {
	if o.err != nil {
		return nil, err
	}
	facts := &Facts{}
	o.describe(v, nil, &facts.Certificate)
	return facts, err
}

// describe judges the certificate against the moment of the scan, and its
// chain against the CA names that the server lists.
func (o own) describe(v *checks.Visit, acceptable [][]byte, facts *Certificate) {
	if o.err != nil {
		v.Unknown("certificate", o.err)
		return
	}
	leaf := o.chain[0]
	const day = 24 * time.Hour
	left := leaf.NotAfter.Sub(v.Now())
	facts.Expired = new(left < 0)
	facts.DaysLeft = new(int(math.Floor(left.Hours() / day.Hours())))
	facts.LifetimeDays = new(int((leaf.NotAfter.Sub(leaf.NotBefore) + time.Second + day - 1) / day))
	facts.KeyType, facts.KeyBits = keyOf(leaf)
	if facts.KeyType == nil {
		v.UnknownReason("certificate", checks.ReasonNotTested, "the client certificate's key is of a kind that TLS does not use")
	}
	facts.ClientAuth = new(mayAuthenticate(leaf))
	complete, err := isComplete(o.chain, acceptable)
	if err != nil {
		v.Unknown("certificate.chain_complete", err)
		return
	}
	facts.ChainComplete = &complete
}

func keyOf(c *x509.Certificate) (kind *string, bits *int) {
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return new("RSA"), new(key.N.BitLen())
	case *ecdsa.PublicKey:
		return new("ECDSA"), new(key.Params().BitSize)
	case ed25519.PublicKey:
		return new("Ed25519"), new(8 * len(key))
	}
	return nil, nil
}

// mayAuthenticate: no extended key usage at all allows every use (RFC 5280
// section 4.2.1.12).
func mayAuthenticate(c *x509.Certificate) bool {
	if len(c.ExtKeyUsage) == 0 && len(c.UnknownExtKeyUsage) == 0 {
		return true
	}
	return slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageClientAuth) || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny)
}

// isComplete follows the issuers within the file. Where one is missing that
// the server lists, nothing is wrong: it has that one itself. When the server
// lists none, nobody can tell what it has.
func isComplete(chain []*x509.Certificate, acceptable [][]byte) (bool, error) {
	current := chain[0]
	for range chain {
		if bytes.Equal(current.RawIssuer, current.RawSubject) || lists(acceptable, current.RawIssuer) {
			return true, nil
		}
		i := slices.IndexFunc(chain, func(c *x509.Certificate) bool {
			return bytes.Equal(c.RawSubject, current.RawIssuer) && signed(current, c)
		})
		if i < 0 {
			break
		}
		current = chain[i]
	}
	if len(acceptable) == 0 {
		return false, checks.Because(checks.ReasonAmbiguous, "the issuer %s is not in the file, and the server does not say which CAs it knows",
			nameText(current.RawIssuer))
	}
	return false, nil
}

// signed reports whether issuer signed c, by an old algorithm if need be.
func signed(c, issuer *x509.Certificate) bool {
	err := c.CheckSignatureFrom(issuer)
	_, isOld := errors.AsType[x509.InsecureAlgorithmError](err)
	return err == nil || isOld
}

// presentOwn shows the link's own certificate to the server. It says who we
// are, so that only a proven peer sees it.
func (s *survey) presentOwn(ctx context.Context, o own) {
	o.describe(s.visit, s.acceptable(), &s.facts.Certificate)
	result := s.ownAccepted(ctx, o)
	if result.undecided() {
		s.visit.Unknown("with_certificate", result.why)
		return
	}
	s.facts.WithCertificate = new("refused")
	if result.yes() {
		s.facts.WithCertificate = new("accepted")
	}
}

func (s *survey) ownAccepted(ctx context.Context, o own) answer {
	if o.pairErr != nil {
		return unknown(o.pairErr)
	}
	if asked := s.requested(); !asked.yes() {
		return s.notAsked(asked)
	}
	for _, d := range s.demands {
		if d.handshake == nil {
			continue
		}
		if err := s.visit.Verify(proven(d.handshake)); err != nil {
			return unknown(checks.Because(checks.ReasonNotTested, "our certificate is not shown to an unproven peer: %w", err))
		}
	}
	return s.present(ctx, o.pair, "our certificate", s.visit.HandshakeWith, func(h *checks.Handshake) error {
		return s.visit.Verify(proven(h)) // what another peer says of it does not count
	})
}

// proven is the handshake as the server's part of it stands: one that insists
// on a certificate up to TLS 1.2 ends it after its own identity is proven.
func proven(h *checks.Handshake) *checks.Handshake {
	if !h.ClientCertRequested {
		return h
	}
	its := *h
	its.Err = nil
	return &its
}
