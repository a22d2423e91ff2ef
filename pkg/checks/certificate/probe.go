// Package certificate judges nothing: it reads what the leaf and the chain of
// a TLS server are, from the raw certificates of the shared handshake.
//
// No issuer is ever fetched (RFC 5280 section 4.2.2.1): a chain that only
// works for clients that do so is incomplete.
package certificate

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// Probe gathers the facts of namespace "certificate". It opens no connection
// of its own.
func Probe() checks.Probe { return newProbe(x509.SystemCertPool) }

// newProbe takes what loads this machine's trust store, which public_ca is
// held against.
func newProbe(machine func() (*x509.CertPool, error)) checks.Probe {
	machine = sync.OnceValues(machine)
	return checks.New(checks.Spec{
		Name:    "certificate",
		Doc:     "Reads the server's certificate and everything wrong with its chain, from the shared handshake.",
		Level:   checks.Observe,
		Applies: func(l *inventory.Link) bool { return l.Target().TLS() },
		Plan:    func(*inventory.Link) checks.Cost { return checks.Cost{} },
	}, func(ctx context.Context, v *checks.Visit) (*Facts, error) { return observe(ctx, v, machine) })
}

func observe(ctx context.Context, v *checks.Visit, machine func() (*x509.CertPool, error)) (*Facts, error) {
	h, err := v.Handshake(ctx)
	if err != nil {
		return nil, err
	}
	if len(h.Chain) == 0 {
		return nil, noCertificate(h)
	}
	p := presented{
		chain: h.Chain, ocsp: h.OCSPStaple, scts: h.SCTs,
		host: strings.TrimSuffix(cmp.Or(v.Target().ServerName, v.Target().Host), "."), now: v.Now(),
	}
	p.anchors, _, p.anchorsErr = v.Anchors()
	if p.anchorsErr == nil {
		p.anchorsErr = notEmpty(p.anchors, "there is no trust anchor to hold the chain against")
	}
	p.machine, p.machineErr = machine()
	if p.machineErr == nil {
		p.machineErr = notEmpty(p.machine, "this machine has no trust store")
	}
	f := analyse(p, v.Unknown)
	for _, problem := range f.ChainErrors {
		v.Evidence("certificate", problem)
	}
	return f, nil
}

// noCertificate says why the handshake showed none: it ended before, or
// crypto/tls could not read one.
func noCertificate(h *checks.Handshake) error {
	if h.Err == nil {
		return checks.Because(checks.ReasonGarbage, "the server sent no certificate")
	}
	return fmt.Errorf("no certificate was learned: %w", h.Err)
}

// notEmpty keeps an empty pool, as in a container without a trust store, from
// making every server untrusted.
func notEmpty(pool *x509.CertPool, otherwise string) error {
	if pool == nil || pool.Equal(x509.NewCertPool()) {
		return checks.Because(checks.ReasonNotTested, "%w", errors.New(otherwise))
	}
	return nil
}
