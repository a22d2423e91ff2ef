package clientauth

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net/http"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
)

// presentAny shows a certificate that nobody trusts, signed by itself for this
// one visit. A server that keeps out who has none but lets this one in, checks
// that there is a certificate and not whose. Of a server that lets in who has
// none, only a refusal says something: that it looks at what it is given.
func (s *survey) presentAny(ctx context.Context) {
	const fact = "any_certificate_accepted"
	if !s.visit.Level().Allows(checks.Active) {
		s.visit.UnknownReason(fact, checks.ReasonNotAsked, "a throw-away certificate needs level active")
		return
	}
	asked := s.requested()
	if !asked.yes() {
		s.set(&s.facts.AnyCertificateAccepted, fact, s.notAsked(asked))
		return
	}
	certificate, err := throwAway(s.visit.Now())
	if err != nil {
		s.visit.Unknown(fact, err)
		return
	}
	letIn := s.present(ctx, certificate, "a throw-away certificate", s.visit.HandshakeWithThrowaway, func(*checks.Handshake) error { return nil })
	if insists := s.presentedTo().insists(); letIn.yes() && !insists.yes() {
		letIn = unknown(checks.Because(checks.ReasonAmbiguous, "let in, but so may be who has no certificate at all"))
	}
	s.set(&s.facts.AnyCertificateAccepted, fact, letIn)
}

// throwAway makes a certificate that is used once and kept nowhere.
func throwAway(now time.Time) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.Unix()),
		Subject:      pkix.Name{CommonName: "m2mscan throw-away certificate"},
		NotBefore:    now.Add(-24 * time.Hour), NotAfter: now.Add(24 * time.Hour),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// notAsked is the result of presenting a certificate nobody asks for.
func (s *survey) notAsked(asked answer) answer {
	if asked.undecided() {
		return asked
	}
	return unknown(checks.Because(checks.ReasonNotAsked, "the server asks for no client certificate"))
}

// presentedTo is the newest version that asks for a certificate.
func (s *survey) presentedTo() *demand {
	for _, d := range s.demands {
		if d.requested.yes() {
			return d
		}
	}
	return s.demands[0]
}

// presenting is how a handshake with a certificate is made.
type presenting func(ctx context.Context, certificate *tls.Certificate, lowest, highest uint16) (*checks.Handshake, error)

// present shakes hands with a certificate in the newest version that asks for
// one, and reports whether it was let in, by a peer that counts.
func (s *survey) present(ctx context.Context, certificate *tls.Certificate, what string, shake presenting, counts func(*checks.Handshake) error) answer {
	to := s.presentedTo()
	highest := uint16(tls.VersionTLS12)
	if to.handshake.Version > highest {
		highest = to.handshake.Version
	}
	h, err := shake(ctx, certificate, tls.VersionTLS10, highest)
	if err != nil {
		return unknown(err)
	}
	if err := counts(h); err != nil {
		return unknown(err)
	}
	p := &presentation{survey: s, what: what, handshake: h, insists: to.insists(), late: to.later}
	return p.outcome(ctx)
}

// presentation is one handshake with a client certificate.
type presentation struct {
	survey    *survey
	what      string // what was presented, for the evidence
	handshake *checks.Handshake
	insists   answer // who has no certificate is kept out
	late      bool   // it is asked for only in a renegotiation
}

func (p *presentation) outcome(ctx context.Context) answer {
	h := p.handshake
	if h.Err != nil {
		return p.endedBy(h.Err)
	}
	c := h.TakeConn()
	if c == nil {
		return unknown(errors.New("the connection was given up"))
	}
	defer c.Close()
	if !h.CertificateSent && !p.late {
		return unknown(checks.Because(checks.ReasonAmbiguous, "this time the server did not ask for a certificate"))
	}
	if !p.survey.visit.Target().HTTP() {
		return p.listen(ctx, c)
	}
	response, err := httpclient.Over(p.survey.visit, h, c).Get(ctx)
	if err == nil {
		return p.read(response)
	}
	if reason := reasonOf(err); reason == checks.ReasonNotTested || reason == checks.ReasonBudget {
		return p.listen(ctx, c)
	}
	return p.endedBy(err)
}

// endedBy judges an error after the certificate was presented.
func (p *presentation) endedBy(err error) answer {
	refused, err := refusal(err)
	if err != nil {
		return unknown(err)
	}
	p.survey.visit.Evidence("alert", p.what+" was answered with "+refused)
	return known(false)
}

// listen covers what is not asked anything: the certificate is let in when TLS
// goes on, and the server does not hang up.
func (p *presentation) listen(ctx context.Context, c *tls.Conn) answer {
	heard := p.survey.listen(ctx, c, p.handshake)
	switch {
	case heard.err != nil:
		return p.endedBy(heard.err)
	case heard.goesOn() || p.handshake.Version < tls.VersionTLS13:
		return known(true)
	}
	return unknown(p.survey.errSilent())
}

// read judges the response to a GET with a certificate. One that would be
// ambiguous without is so with it, too: it may refuse this very certificate.
func (p *presentation) read(response *httpclient.Response) answer {
	says := classify(response.Status, response.Body, true)
	text := describe(response, says)
	p.survey.visit.Evidence("http", p.what+" was answered with "+text)
	switch {
	case says == verdictRefused:
		return known(false)
	case says == verdictAnswered, response.Status == http.StatusUnauthorized && p.insists.yes():
		// A token is asked for once the certificate is let in.
		return known(true)
	case says == verdictThrottled:
		return unknown(checks.Because(checks.ReasonThrottled, "%s", text))
	}
	return unknown(checks.Because(checks.ReasonAmbiguous, "%s may refuse the certificate, or something else", text))
}
