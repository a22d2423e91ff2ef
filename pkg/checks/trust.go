package checks

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// Anchors returns the trust anchors the link's certificate is held against:
// those of the inventory's tls.ca (perLink), else Runner.Roots, else this
// machine's. The error is that of a tls.ca that cannot be read or holds no
// certificate; it never holds its content.
func (v *Visit) Anchors() (pool *x509.CertPool, perLink bool, err error) {
	if ca := v.session.link.TLS.CA; !ca.IsZero() {
		pool, err := bundle(ca)
		return pool, true, err
	}
	if roots := v.session.scan.runner.Roots; roots != nil {
		return roots, false, nil
	}
	pool, err = v.session.scan.system()
	if err != nil {
		return nil, false, Because(ReasonNotTested, "this machine's trust anchors: %w", err)
	}
	return pool, false, nil
}

// bundle reads a PEM bundle.
func bundle(ca inventory.Secret) (*x509.CertPool, error) {
	text, err := ca.Resolve()
	if err != nil {
		return nil, Because(ReasonNotTested, "tls.ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(text)) {
		return nil, Because(ReasonNotTested, "tls.ca holds no certificate")
	}
	return pool, nil
}

// ClientCertificate is the link's own, with its key. The error is
// [ReasonNotAsked] when the inventory names none, and [ReasonNotTested] when it
// cannot be read; it never holds its content. Present it with
// [Visit.HandshakeWith], which shows it to proven peers alone.
func (v *Visit) ClientCertificate() (*tls.Certificate, error) {
	stated := v.session.link.TLS
	if stated.ClientCert.IsZero() {
		return nil, Because(ReasonNotAsked, "the inventory names no client certificate for this link")
	}
	chain, err := stated.ClientCert.Resolve()
	if err != nil {
		return nil, Because(ReasonNotTested, "tls.client_cert: %w", err)
	}
	key, err := stated.ClientKey.Resolve()
	if err != nil {
		return nil, Because(ReasonNotTested, "tls.client_key: %w", err)
	}
	pair, err := tls.X509KeyPair([]byte(chain), []byte(key))
	if err != nil {
		return nil, Because(ReasonNotTested, "the client certificate and its key do not fit together")
	}
	return &pair, nil
}

// Verify reports whether a handshake proved the peer to be who the inventory
// says: it completed, its chain leads to one of [Visit.Anchors], and its name
// matches. Secrets go only over a connection for which it returns nil.
func (v *Visit) Verify(h *Handshake) error {
	if h == nil || h.Err != nil {
		return errors.New("the TLS handshake did not complete")
	}
	if len(h.Chain) == 0 {
		return errors.New("the server sent no certificate")
	}
	anchors, _, err := v.Anchors()
	if err != nil {
		return err
	}
	leaf, err := x509.ParseCertificate(h.Chain[0])
	if err != nil {
		return fmt.Errorf("the server's certificate: %w", err)
	}
	intermediates := x509.NewCertPool()
	for _, der := range h.Chain[1:] {
		if c, err := x509.ParseCertificate(der); err == nil {
			intermediates.AddCert(c)
		}
	}
	name := v.session.target.ServerName
	if name == "" {
		name = v.session.target.Host
	}
	_, err = leaf.Verify(x509.VerifyOptions{
		DNSName: name, Roots: anchors, Intermediates: intermediates, CurrentTime: v.Now(),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	return err
}
