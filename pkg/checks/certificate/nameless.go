package certificate

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net/netip"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/inquiry"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/dername"
)

// What a client gets that names no server.
const (
	withoutSNISame      = "same"
	withoutSNIDifferent = "different"
	withoutSNIRefused   = "refused"
)

// withoutSNI shakes hands once more with an address, without naming a server,
// and compares the leaf with the one that was shown before.
func withoutSNI(ctx context.Context, v *checks.Visit, with shown) (string, error) {
	name := v.Target().ServerName
	if _, err := netip.ParseAddr(name); err == nil || name == "" {
		return "", checks.Because(checks.ReasonNotAsked, "the target is an address: no client names a server")
	}
	leaf, err := nameless(ctx, v, with)
	switch _, alert := errors.AsType[tls.AlertError](err); {
	case alert:
		v.Evidence("without_sni", "refused: "+err.Error())
		return withoutSNIRefused, nil
	case err != nil:
		return "", err
	case bytes.Equal(leaf, with.chain[0]):
		return withoutSNISame, nil
	}
	if o, err := readOutline(leaf); err == nil {
		if subject, err := dername.Text(o.subject); err == nil {
			v.Evidence("without_sni", "shows the certificate of "+subject)
		}
	}
	return withoutSNIDifferent, nil
}

// nameless asks the way that was answered before, but names no server, and
// returns the leaf. In the error errors.As finds a [tls.AlertError] when the
// server refused.
func nameless(ctx context.Context, v *checks.Visit, with shown) (leaf []byte, err error) {
	if with.handshake == nil {
		answer, err := inquiry.New(v, with.address).Ask(ctx, plain(""))
		switch {
		case err != nil:
			return nil, err
		case len(answer.Chain) > 0:
			return answer.Chain[0], nil
		case answer.Alert != nil:
			return nil, tls.AlertError(answer.Alert.Code)
		}
		return nil, checks.Because(checks.ReasonGarbage, "the server sent no certificate")
	}
	// Some servers serve one connection at a time.
	if c := with.handshake.TakeConn(); c != nil {
		_ = c.Close()
	}
	shake := func(name string, leaf *[]byte) checks.Exchange {
		return func(ctx context.Context, patience time.Duration) (err error) {
			*leaf, err = showLeaf(ctx, v, with, name, patience)
			return err
		}
	}
	var control []byte
	err = v.Insist(ctx, with.address, shake("", &leaf), shake(v.Target().ServerName, &control))
	return leaf, err
}

// showLeaf makes a handshake like the shared one, but for the name, and
// returns the leaf. In the error errors.As finds a [tls.AlertError] when the
// server refused.
func showLeaf(ctx context.Context, v *checks.Visit, like shown, name string, patience time.Duration) ([]byte, error) {
	c, err := v.DialHello(ctx, like.address)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	var leaf []byte
	config := &tls.Config{
		// The shared handshake's version and protocol: a server may choose the
		// certificate by them.
		MinVersion: tls.VersionTLS10, MaxVersion: like.handshake.Version,
		CipherSuites: suites(), ServerName: name, InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) > 0 {
				leaf = state.PeerCertificates[0].Raw
			}
			return nil
		},
	}
	if like.handshake.ALPN != "" {
		config.NextProtos = []string{like.handshake.ALPN}
	}
	err = tls.Client(c, config).HandshakeContext(ctx)
	if leaf != nil {
		return leaf, nil // what comes later, such as the demand of a client certificate, is another matter
	}
	if err == nil {
		err = checks.Because(checks.ReasonGarbage, "the server sent no certificate")
	}
	return nil, checks.WithAlert(err)
}

// suites lists every suite of crypto/tls up to TLS 1.2, as the shared
// handshake offers them.
func suites() []uint16 {
	var ids []uint16
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		ids = append(ids, suite.ID)
	}
	return ids
}
