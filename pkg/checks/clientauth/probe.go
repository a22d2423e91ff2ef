// Package clientauth finds out whether a server asks for a client certificate
// and whether it insists.
package clientauth

import (
	"context"
	"crypto/tls"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// silenceMax is how long a server may say nothing after a TLS 1.3 handshake
// before its answer to our empty certificate counts as not given.
const silenceMax = time.Second

// Probe gathers the facts of namespace "client_auth". It goes on where the
// shared handshake ended, on the same connection.
func Probe() checks.Probe { return newProbe(silenceMax) }

func newProbe(silence time.Duration) checks.Probe {
	return checks.New(checks.Spec{
		Name:    "client_auth",
		Doc:     "Finds out whether a client certificate is asked for, and whether TLS or the application insists.",
		Level:   checks.Observe,
		Applies: func(l *inventory.Link) bool { return l.Target().TLS() },
		Plan: func(l *inventory.Link) checks.Cost {
			// Nothing when the shared connection is still there.
			if l.Target().HTTP() {
				return checks.Cost{Connections: 2, Requests: 2} // one retry
			}
			return checks.Cost{Connections: 1}
		},
	}, func(ctx context.Context, v *checks.Visit) (*Facts, error) {
		h, err := v.Handshake(ctx)
		if err != nil {
			return nil, err
		}
		d := &demand{visit: v, handshake: h, silence: silence, facts: &Facts{}}
		d.observe(ctx)
		return d.facts, nil
	})
}

// demand follows one server's demand for a client certificate.
type demand struct {
	visit     *checks.Visit
	handshake *checks.Handshake
	silence   time.Duration
	facts     *Facts
}

func (d *demand) observe(ctx context.Context) {
	h := d.handshake
	d.requested()
	switch {
	case h.Err != nil:
		d.duringHandshake()
	case d.visit.Target().HTTP():
		d.overHTTP(ctx)
	default:
		d.overTLS(ctx)
	}
}

// requested is settled by a CertificateRequest, or by a handshake that
// completed without one.
func (d *demand) requested() {
	h := d.handshake
	switch {
	case h.ClientCertRequested:
		d.facts.Requested = new(true)
		d.facts.AcceptableCACount = new(len(h.AcceptableCAs))
	case h.Err == nil:
		d.facts.Requested = new(false)
		d.facts.AcceptableCACount = new(0)
	default:
		d.visit.Unknown("", h.Err)
	}
}

// duringHandshake covers TLS up to 1.2, where a server that insists ends the
// handshake itself.
func (d *demand) duringHandshake() {
	h := d.handshake
	if !h.ClientCertRequested {
		return // recorded already: nothing is known
	}
	d.endedBy(h.Err, "in the handshake")
}

// endedBy judges an error that came after the server had asked for a
// certificate and got none.
func (d *demand) endedBy(err error, when string) {
	refused, err := refusal(err)
	if err != nil {
		d.visit.Unknown("enforced_by_tls", err)
		d.visit.Unknown("enforced_by_application", err)
		return
	}
	d.visit.Evidence("alert", refused+" "+when)
	d.facts.EnforcedByTLS = new(true)
	d.visit.UnknownReason("enforced_by_application", checks.ReasonNotTested, "TLS ends before the application is reached")
}

// overTLS covers protocols to which no request is sent.
func (d *demand) overTLS(ctx context.Context) {
	if !*d.facts.Requested {
		d.facts.EnforcedByTLS = new(false)
		d.facts.EnforcedByApplication = new(false)
		return
	}
	if d.settledByVersion() {
		d.applicationNotTested()
		return
	}
	if err := d.listen(ctx); err != nil {
		d.endedBy(err, "after the handshake")
		return
	}
	d.facts.EnforcedByTLS = new(false)
	d.applicationNotTested()
}

func (d *demand) applicationNotTested() {
	d.visit.UnknownReason("enforced_by_application", checks.ReasonNotTested, "TLS goes on, and no request of the protocol is sent")
}

// settledByVersion: up to TLS 1.2 the server's Finished comes after our
// certificate, so a completed handshake means that it did not insist (RFC 5246
// section 7.4.6). Without a CertificateRequest there is nothing to insist on.
func (d *demand) settledByVersion() bool {
	if d.handshake.Version < tls.VersionTLS13 || !d.handshake.ClientCertRequested {
		d.facts.EnforcedByTLS = new(false)
		return true
	}
	return false
}

// overHTTP sends one GET to the declared URL. The answer settles the rest:
// an alert in place of it, or what the application says.
func (d *demand) overHTTP(ctx context.Context) {
	d.settledByVersion()
	response, err := httpclient.New(d.visit).Get(ctx)
	if d.handshake.RequestedLater() {
		d.facts.Requested = new(true)
		d.visit.Evidence("handshake", "a client certificate was requested in a renegotiation")
	}
	if err != nil {
		d.withoutResponse(ctx, err)
		return
	}
	if d.facts.EnforcedByTLS == nil {
		d.facts.EnforcedByTLS = new(false)
	}
	d.readResponse(response)
}

// withoutResponse covers a GET that failed or was not sent.
func (d *demand) withoutResponse(ctx context.Context, err error) {
	if _, isAlert := checks.AlertOf(err); isAlert && *d.facts.Requested {
		d.facts.EnforcedByTLS = nil // a renegotiation may have followed a handshake that completed
		d.endedBy(err, "after the handshake")
		return
	}
	d.visit.Unknown("enforced_by_application", err)
	if d.facts.EnforcedByTLS != nil {
		return
	}
	if d.handshake.TicketReceived() {
		d.facts.EnforcedByTLS = new(false)
		return
	}
	if _, reason := checks.Classify(err); reason != checks.ReasonNotTested && reason != checks.ReasonBudget {
		d.visit.Unknown("enforced_by_tls", err)
		return
	}
	// No request was sent, but the server's answer to our certificate comes
	// without one.
	if err := d.listen(ctx); err != nil {
		d.endedBy(err, "after the handshake")
		return
	}
	d.facts.EnforcedByTLS = new(false)
}
