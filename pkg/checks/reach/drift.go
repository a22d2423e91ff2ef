package reach

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net/netip"
	"slices"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// drift compares the further addresses of a name with the first: what a client
// meets depends on which one it is sent to. The list is sorted, and empty for
// a single address; the error says why one could not be compared.
func drift(ctx context.Context, v *checks.Visit) ([]string, error) {
	addresses, err := v.Visited(ctx)
	if err != nil {
		return nil, err
	}
	found := []string{}
	for _, address := range addresses[1:] {
		differing, err := compare(ctx, v, addresses[0], address)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", address, err)
		}
		for _, what := range differing {
			v.Evidence("address", fmt.Sprintf("%s of %s differs from %s", what, address, addresses[0]))
		}
		found = append(found, differing...)
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

func compare(ctx context.Context, v *checks.Visit, first, other netip.Addr) ([]string, error) {
	if !v.Target().TLS() {
		return connectable(ctx, v, other)
	}
	a, errA := v.HandshakeAt(ctx, first)
	b, errB := v.HandshakeAt(ctx, other)
	switch {
	case errA != nil && errB != nil:
		return []string{}, nil //nolint:nilerr // what is wrong with both is not drift
	case errA == nil && errB == nil:
		return differences(a, b), nil
	}
	failure := errA
	if failure == nil {
		failure = errB
	}
	if outcome, _ := checks.Classify(failure); outcome == checks.Unreachable {
		return []string{"reachability"}, nil
	}
	if _, isAlert := checks.AlertOf(failure); isAlert {
		return []string{"handshake"}, nil
	}
	return nil, failure
}

// connectable reports an address that takes no connection though the first does.
func connectable(ctx context.Context, v *checks.Visit, other netip.Addr) ([]string, error) {
	c, err := v.DialHello(ctx, other)
	if err == nil {
		return nil, c.Close()
	}
	if outcome, _ := checks.Classify(err); outcome == checks.Unreachable {
		return []string{"reachability"}, nil
	}
	return nil, err
}

// differences lists what the same hello was answered with differently.
func differences(a, b *checks.Handshake) []string {
	leaf := func(h *checks.Handshake) []byte {
		if len(h.Chain) == 0 {
			return nil
		}
		return h.Chain[0]
	}
	var found []string
	for what, same := range map[string]bool{
		"version":            a.Version == b.Version,
		"suite":              a.CipherSuite == b.CipherSuite,
		"group":              a.Group == b.Group || a.Group == tls.CurveID(0) || b.Group == tls.CurveID(0),
		"alpn":               a.ALPN == b.ALPN,
		"certificate":        bytes.Equal(leaf(a), leaf(b)),
		"client_certificate": a.ClientCertRequested == b.ClientCertRequested,
	} {
		if !same {
			found = append(found, what)
		}
	}
	return found
}
