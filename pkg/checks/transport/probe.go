// Package transport finds out which versions of TLS a server accepts, and what
// it chooses when a modern client connects.
package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// Probe gathers the facts of namespace "tls". On a server that answers it
// opens one connection for each version that the shared handshake left open,
// and one more to confirm that a server refuses old versions by failing: four
// at most. It ends the connection of the shared handshake, and so runs after
// the probes that go on with it.
func Probe() checks.Probe {
	return checks.New(checks.Spec{
		Name:    "tls",
		Doc:     "Offers each TLS version alone, and reads what the server chose in the shared handshake.",
		Level:   checks.Observe,
		Applies: func(l *inventory.Link) bool { return l.Target().TLS() },
		Plan: func(*inventory.Link) checks.Cost {
			// A version that gets no answer is confirmed by a control handshake
			// and a second try; the shared handshake settles one of the four,
			// unless a server refuses it and each is asked for alone.
			return checks.Cost{Connections: 3*3 + 1}
		},
	}, func(ctx context.Context, v *checks.Visit) (*Facts, error) { return observe(ctx, v, byHandshake(v)) })
}

func observe(ctx context.Context, v *checks.Visit, offer offerVersion) (*Facts, error) {
	h, err := v.Handshake(ctx)
	if err != nil {
		return withoutHello(ctx, v, offer, err)
	}
	f := &Facts{Plaintext: new(false)}
	readChoice(f, h, v.Unknown)
	v.Evidence("handshake", choiceText(f, h))
	// Some servers serve one connection at a time, openssl s_server among them.
	if c := h.TakeConn(); c != nil {
		_ = c.Close()
	}

	f.Accepts.set(h.Version, true)
	if h.Version < tls.VersionTLS13 {
		if h.HelloIntolerant {
			v.UnknownReason(factOf(tls.VersionTLS13), checks.ReasonAmbiguous, "a hello that offers TLS 1.3 gets no answer, one without does")
			f.askFor(ctx, v, offer, tls.VersionTLS12, tls.VersionTLS11, tls.VersionTLS10)
			return f, nil
		}
		// The server saw TLS 1.3 in supported_versions and chose less.
		f.Accepts.set(tls.VersionTLS13, false)
	}
	f.askFor(ctx, v, offer, tls.VersionTLS13, tls.VersionTLS12, tls.VersionTLS11, tls.VersionTLS10)
	return f, nil
}

// withoutHello learns what it can where the shared handshake saw no
// ServerHello. An alert is an answer: each version is then offered alone. So
// is plain text, after which nothing is known of TLS: whether versions are
// accepted is moot on a port that speaks none. Anything else says nothing,
// and asking on would only add load.
func withoutHello(ctx context.Context, v *checks.Visit, offer offerVersion, err error) (*Facts, error) {
	if plaintext, ok := errors.AsType[*checks.PlaintextError](err); ok {
		v.Evidence("plaintext", plaintext.Excerpt)
		v.Unknown("", err)
		return &Facts{Plaintext: new(true)}, nil
	}
	alert, ok := errors.AsType[tls.AlertError](err)
	if !ok {
		return nil, err
	}
	v.Evidence("alert", fmt.Sprintf("TLS 1.0 to 1.3: alert %d, %s", uint8(alert), alertText(alert)))
	v.Unknown("", err)
	f := &Facts{Plaintext: new(false)}
	f.askFor(ctx, v, offer, tls.VersionTLS13, tls.VersionTLS12, tls.VersionTLS11, tls.VersionTLS10)
	return f, nil
}

// askFor offers each of the versions that is not settled yet, in the order
// given, and completes the list of those accepted.
func (f *Facts) askFor(ctx context.Context, v *checks.Visit, offer offerVersion, versions ...uint16) {
	unsettled := make(map[uint16]error)
	for _, version := range versions {
		if *f.Accepts.of(version) != nil {
			continue
		}
		accepted, err := offer(ctx, version)
		if err != nil {
			unsettled[version] = err
			continue
		}
		f.Accepts.set(version, accepted)
	}
	if newest, ok := f.newest(); ok && refusedByFailing(ctx, offer, unsettled, newest) {
		for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11} {
			f.Accepts.set(version, false)
			delete(unsettled, version)
		}
	}
	for version, err := range unsettled {
		v.Unknown(factOf(version), err)
	}
	f.listVersions(v)
}

// newest is the newest version that is known to be accepted.
func (f *Facts) newest() (version uint16, ok bool) {
	for version := uint16(tls.VersionTLS13); version >= tls.VersionTLS10; version-- {
		if answer := *f.Accepts.of(version); answer != nil && *answer {
			return version, true
		}
	}
	return 0, false
}

// listVersions sets the list when each version is settled.
func (f *Facts) listVersions(v *checks.Visit) {
	accepted := []string{}
	for version := uint16(tls.VersionTLS10); version <= tls.VersionTLS13; version++ {
		answer := *f.Accepts.of(version)
		if answer == nil {
			v.UnknownReason("versions", checks.ReasonNotTested, tls.VersionName(version)+" is not settled")
			return
		}
		if *answer {
			accepted = append(accepted, tls.VersionName(version))
		}
	}
	f.Versions = accepted
}

func (a *Accepts) of(version uint16) **bool {
	switch version {
	case tls.VersionTLS10:
		return &a.TLS10
	case tls.VersionTLS11:
		return &a.TLS11
	case tls.VersionTLS12:
		return &a.TLS12
	default:
		return &a.TLS13
	}
}

func (a *Accepts) set(version uint16, accepted bool) { *a.of(version) = &accepted }

// factOf is the name of a version's fact: "accepts.tls10".
func factOf(version uint16) string {
	return "accepts.tls1" + string(rune('0'+version-tls.VersionTLS10))
}

// alertText is the text of an alert without the prefix of crypto/tls.
func alertText(alert tls.AlertError) string { return strings.TrimPrefix(alert.Error(), "tls: ") }

// choiceText is the evidence of the shared handshake.
func choiceText(f *Facts, h *checks.Handshake) string {
	text := *f.Version
	for _, part := range []*string{f.Suite, f.Group, f.ALPN} {
		if part != nil && *part != "" {
			text += ", " + *part
		}
	}
	if h.Err != nil {
		text += "; ended early: " + h.Err.Error()
	}
	return text
}
