package channel

import (
	"context"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// Begin opens the first connection and puts the first question over it. ask
// returns an error when there was no answer of the protocol; it does not close
// the connection.
//
// Of a broker that refuses who has no certificate, the facts say so, and where
// the inventory names one for the link it begins anew with that: every Open
// from then on presents it.
func (s *Survey) Begin(ctx context.Context, ask func(*Conn) error) error {
	err := s.try(ctx, ask)
	if !s.Visit.Target().TLS() {
		s.Absent("without_certificate", "there is no TLS to present a certificate in")
		return err
	}
	if err == nil {
		s.Facts.WithoutCertificate = new(Accepted)
		return nil
	}
	h, shaken := s.Visit.Handshake(ctx)
	if shaken != nil || !h.ClientCertRequested {
		s.Visit.Unknown("without_certificate", err)
		return err
	}
	if !CertificateWanted(err) {
		err = s.listen(ctx, err)
	}
	if !CertificateWanted(err) {
		s.Visit.Unknown("without_certificate", err)
		return err
	}
	s.Facts.WithoutCertificate, s.Facts.Anonymous = new(Refused), new(Refused)
	s.Visit.Evidence("tls", "without a client certificate: "+err.Error())
	own, missing := s.Visit.ClientCertificate()
	if missing != nil {
		return checks.Because(checks.ReasonNotTested, "the broker wants a client certificate: %w", missing)
	}
	s.certificate = own
	return s.try(ctx, ask)
}

func (s *Survey) try(ctx context.Context, ask func(*Conn) error) error {
	c, err := s.Open(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	return ask(c)
}

// alertWait is how long a server may take to refuse who says nothing.
const alertWait = time.Second

// listen opens a connection once more and sends nothing: a server that refuses
// a client and closes while its first message arrives resets the connection,
// and its own alert is lost. The result is that alert, or else the error before.
func (s *Survey) listen(ctx context.Context, before error) error {
	if _, reason := checks.Classify(before); reason != checks.ReasonReset {
		return before
	}
	c, err := s.Open(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetReadDeadline(time.Now().Add(alertWait))
	if _, err := c.Peek(1); err != nil && CertificateWanted(err) {
		return err
	}
	return before
}

// LetIn records that a client without a login was let in, and returns where its
// rights belong, with how the names of those facts begin. One that showed the
// link's own certificate was not anonymous: the certificate is its login.
func (s *Survey) LetIn() (prefix string, rights *Rights) {
	if s.certificate != nil {
		s.Facts.Declared = new(Accepted)
		return "declared_rights.", &s.Facts.DeclaredRights
	}
	s.Facts.Anonymous = new(Accepted)
	return "rights.", &s.Facts.Rights
}

// TurnedAway records that a client without a login was refused.
func (s *Survey) TurnedAway() { s.Facts.Anonymous = new(Refused) }

// Certified reports whether connections present the link's own certificate.
func (s *Survey) Certified() bool { return s.certificate != nil }

// Ended gives the error that ended a survey to whoever is to know: the facts
// that are still open when anything was learned, else the caller.
func (s *Survey) Ended(err error) error {
	if err == nil || s.Facts.Protocol == nil && s.Facts.WithoutCertificate == nil {
		return err
	}
	s.Visit.Unknown("", err)
	return nil
}
