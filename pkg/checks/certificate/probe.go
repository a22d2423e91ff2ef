// Package certificate judges nothing: it reads what the leaf and the chain of
// a TLS server are, from the raw certificates of its handshakes.
//
// No issuer is ever fetched (RFC 5280 section 4.2.2.1): a chain that only
// works for clients that do so is incomplete.
package certificate

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// Probe gathers the facts of namespace "certificate", from the handshakes with
// each address. Of its own it opens one connection, to ask for a certificate
// without naming a server, and for that it ends the connection of the shared
// handshake: it runs after the probes that go on with it. Only where the scan
// allows it, it asks the sources of revocations that a certificate names.
func Probe() checks.Probe { return newProbe(x509.SystemCertPool) }

// newProbe takes what loads this machine's trust store, which public_ca is
// held against.
func newProbe(machine func() (*x509.CertPool, error)) checks.Probe {
	machine = sync.OnceValues(machine)
	return checks.New(checks.Spec{
		Name:    "certificate",
		Doc:     "Reads the certificate that each address shows, with a server name and without, and everything wrong with its chain.",
		Level:   checks.Observe,
		Beside:  true, // it has few questions, and waits for each
		Applies: func(l *inventory.Link) bool { return l.Target().TLS() },
		Plan: func(s checks.Scope) checks.Cost {
			// A question that gets no answer is put again, with a control
			// question between. The link's probe plans the handshakes; each
			// that is refused is followed by a bare hello.
			return checks.Cost{Connections: 4 + s.Addresses}
		},
	}, func(ctx context.Context, v *checks.Visit) (*Facts, error) { return observe(ctx, v, machine) })
}

func observe(ctx context.Context, v *checks.Visit, machine func() (*x509.CertPool, error)) (*Facts, error) {
	all, failed, err := survey(ctx, v)
	if err != nil {
		return nil, err
	}
	p := presented{
		host: strings.TrimSuffix(cmp.Or(v.Target().ServerName, v.Target().Host), "."), now: v.Now(),
		fetch: func(address, contentType string, body []byte, most int64) ([]byte, error) {
			return v.Fetch(ctx, address, contentType, body, most)
		},
	}
	p.anchors, _, p.anchorsErr = v.Anchors()
	if p.anchorsErr == nil {
		p.anchorsErr = notEmpty(p.anchors, "there is no trust anchor to hold the chain against")
	}
	p.machine, p.machineErr = machine()
	if p.machineErr == nil {
		p.machineErr = notEmpty(p.machine, "this machine has no trust store")
	}
	f := merge(v, analyseAll(p, all, v.Unknown), failed)
	for _, problem := range append(slices.Clone(f.ChainErrors), f.Problems...) {
		v.Evidence("certificate", problem)
	}
	if result, err := withoutSNI(ctx, v, all[0]); err != nil {
		v.Unknown("without_sni", err)
	} else {
		f.WithoutSNI = &result
	}
	return f, nil
}

// analyseAll analyses what each address showed, the same only once.
func analyseAll(p presented, all []shown, unknown func(string, error)) []*Facts {
	var facts []*Facts
	for i, one := range all {
		if first := slices.IndexFunc(all, func(s shown) bool { return same(s, one) }); first < i {
			facts = append(facts, facts[first])
			continue
		}
		p.chain, p.ocsp, p.scts = one.chain, one.ocsp, one.scts
		facts = append(facts, analyse(p, unknown))
	}
	return facts
}

// notEmpty keeps an empty pool, as in a container without a trust store, from
// making every server untrusted.
func notEmpty(pool *x509.CertPool, otherwise string) error {
	if pool == nil || pool.Equal(x509.NewCertPool()) {
		return checks.Because(checks.ReasonNotTested, "%w", errors.New(otherwise))
	}
	return nil
}
