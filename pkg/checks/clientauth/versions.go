package clientauth

import (
	"context"
	"crypto/tls"
	"errors"
	"sync"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// alertProtocolVersion refuses all versions that were offered (RFC 8446
// section 6.2).
const alertProtocolVersion = 70

// versions asks TLS 1.3 and the newest older version. What the older one's
// handshake shows is had at the same time; a second request, which the pacing
// makes slow, is sent only when the first left something open.
func (s *survey) versions(ctx context.Context, shared *checks.Handshake) {
	newest := s.newDemand(twice(shared, func() (*checks.Handshake, error) { return s.visit.HandshakeAgain(ctx) }))
	s.demands = []*demand{newest}
	if shared.Version < tls.VersionTLS13 {
		newest.observe(ctx)
		s.keepEvidence()
		return
	}
	var (
		older   *demand
		err     error
		shaking sync.WaitGroup
	)
	shaking.Go(func() { older, err = s.older(ctx) })
	newest.observe(ctx)
	shaking.Wait()
	if err != nil && reasonOf(err) == checks.ReasonBudget {
		older, err = s.older(ctx) // there was no place for two connections at once
	}
	switch {
	case err == nil:
		s.demands = append(s.demands, older)
		older.follow(ctx, newest)
		newest.hindsight(older)
	case !isRefusedVersion(err):
		s.demands = append(s.demands, s.unheard(err))
	}
	s.keepEvidence()
}

// older offers everything below TLS 1.3. It keeps no connection: one that
// stood by could be the one the newest version waits for.
func (s *survey) older(ctx context.Context) (*demand, error) {
	h, err := s.shakeOlder(ctx)
	if err != nil {
		return nil, err
	}
	d := s.newDemand(twice(h, func() (*checks.Handshake, error) { return s.shakeOlder(ctx) }))
	d.handshakeDone()
	d.close()
	return d, nil
}

// unheard is a version of which nothing is known.
func (s *survey) unheard(err error) *demand {
	why := unknown(checks.Because(reasonOf(err), "TLS 1.2 and older: %w", err))
	return &demand{survey: s, requested: why, byTLS: why, byApplication: why}
}

func (s *survey) shakeOlder(ctx context.Context) (*checks.Handshake, error) {
	return s.visit.HandshakeWith(ctx, nil, tls.VersionTLS10, tls.VersionTLS12)
}

// twice repeats a handshake that was broken off without an alert: the second
// time the server may say why.
func twice(h *checks.Handshake, shake func() (*checks.Handshake, error)) *checks.Handshake {
	if h.Err == nil || !worthRepeating(h.Err) {
		return h
	}
	if second, err := shake(); err == nil && second.Version == h.Version {
		return second
	}
	return h
}

func reasonOf(err error) checks.Reason {
	_, reason := checks.Classify(err)
	return reason
}

// isRefusedVersion reports a server's word that it speaks none of the versions
// offered. Any other alert may as well be about the suites.
func isRefusedVersion(err error) bool {
	if _, ok := errors.AsType[*checks.VersionError](err); ok {
		return true
	}
	alert, ok := checks.AlertOf(err)
	return ok && alert == alertProtocolVersion
}

// keepEvidence hands over what was seen, newest version first, whatever came
// first in time.
func (s *survey) keepEvidence() {
	for _, d := range s.demands {
		for _, e := range d.evidence {
			s.visit.Evidence(e.Kind, d.name()+": "+e.Text)
		}
	}
}

// merge makes one set of facts of those of the versions.
func (s *survey) merge() {
	var byTLS, byApplication []answer
	for _, d := range s.demands {
		byTLS = append(byTLS, d.byTLS)
		if !d.byTLS.yes() {
			byApplication = append(byApplication, d.byApplication)
		}
	}
	s.set(&s.facts.Requested, "requested", s.requested())
	s.set(&s.facts.EnforcedByTLS, "enforced_by_tls", allOf(byTLS))
	s.set(&s.facts.DiffersByVersion, "differs_by_version", s.differ())
	if len(byApplication) == 0 {
		s.set(&s.facts.EnforcedByApplication, "enforced_by_application", unknown(errEndsBefore))
		return
	}
	s.set(&s.facts.EnforcedByApplication, "enforced_by_application", allOf(byApplication))
}

// requested reports whether any version asks for a certificate.
func (s *survey) requested() answer {
	var requested []answer
	for _, d := range s.demands {
		requested = append(requested, d.requested)
	}
	return anyOf(requested)
}

func (s *survey) set(fact **bool, name string, a answer) {
	*fact = a.is
	if a.undecided() {
		s.visit.Unknown(name, a.why)
	}
}

// differ compares what becomes of a client without a certificate. An
// application that was not asked counts as the same in both.
func (s *survey) differ() answer {
	if len(s.demands) == 1 {
		return known(false)
	}
	newest, older := s.demands[0].insists(), s.demands[1].insists()
	switch {
	case errors.Is(newest.why, errNotAsked) && errors.Is(older.why, errNotAsked):
		return known(false)
	case newest.undecided():
		return newest
	case older.undecided():
		return older
	}
	return known(newest.yes() != older.yes())
}
