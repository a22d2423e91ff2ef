package clientauth

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

const (
	// glance is how often a silent connection is looked at for a ticket, which
	// crypto/tls takes in without returning from Read.
	glance = 10 * time.Millisecond
	// grace is how much longer an alert may take after a ticket. Some servers
	// send tickets before they have read our certificate.
	graceMin   = 100 * time.Millisecond
	graceTrips = 2 // round trips
	// patience is how long the answer to our certificate is waited for, in
	// round trips, if that is more than the probe's silence.
	patienceTrips = 4
)

// aftermath is what followed a handshake.
type aftermath struct {
	ticket bool  // a NewSessionTicket
	data   bool  // application data
	err    error // an alert, or how the connection ended
}

func (a aftermath) goesOn() bool { return a.ticket || a.data }

func (a aftermath) alert() bool {
	_, ok := checks.AlertOf(a.err)
	return ok
}

// hear reads what follows a handshake: until an error, for as long as limit
// while nothing comes, and for grace after the first ticket or data. What it
// reads of a protocol is lost.
func hear(ctx context.Context, c *tls.Conn, ticket func() bool, limit, grace time.Duration) aftermath {
	var heard aftermath
	deadline := time.Now().Add(limit)
	buffer := make([]byte, 1024)
	for now := time.Now(); now.Before(deadline); now = time.Now() {
		if ctx.Err() != nil {
			heard.err = context.Cause(ctx)
			return heard
		}
		if heard.err = c.SetReadDeadline(earlier(now.Add(glance), deadline)); heard.err != nil {
			return heard
		}
		n, err := c.Read(buffer)
		went := heard.goesOn()
		heard.data = heard.data || n > 0
		heard.ticket = heard.ticket || ticket()
		if !went && heard.goesOn() {
			deadline = earlier(deadline, time.Now().Add(grace))
		}
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			heard.err = err
			return heard
		}
	}
	return heard
}

// listen hears until there is nothing more to wait for.
func (s *survey) listen(ctx context.Context, c *tls.Conn, h *checks.Handshake) aftermath {
	grace := max(graceMin, graceTrips*s.visit.ConnectTime())
	return hear(ctx, c, h.TicketReceived, s.patience(), grace)
}

// patience is how long a server may stay silent.
func (s *survey) patience() time.Duration {
	return max(s.silence, patienceTrips*s.visit.ConnectTime())
}

// errSilent is why a server that says nothing leaves a question open: it may
// be one that issues no tickets.
func (s *survey) errSilent() error {
	return checks.Because(checks.ReasonAmbiguous, "for %v after the handshake there came neither an alert nor a session ticket", s.silence)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// certificateAlerts are those that refuse for want of a certificate, when they
// follow a CertificateRequest that was answered with none, or refuse the one
// that was presented. Which one is sent differs: certificate_required (116) is
// TLS 1.3's own, handshake_failure (40) that of TLS 1.2; bad_certificate (42)
// comes from Java, no_certificate (41) from Mbed TLS, decode_error (50) from
// GnuTLS.
var certificateAlerts = map[tls.AlertError]string{
	40:  "handshake_failure",
	41:  "no_certificate",
	42:  "bad_certificate",
	43:  "unsupported_certificate",
	44:  "certificate_revoked",
	45:  "certificate_expired",
	46:  "certificate_unknown",
	48:  "unknown_ca",
	49:  "access_denied",
	50:  "decode_error",
	116: "certificate_required",
}

// refusal names the alert that refuses us, or returns why an error is none. A
// connection that just closes is none either: servers and what stands before
// them close for many reasons.
func refusal(err error) (string, error) {
	alert, ok := checks.AlertOf(err)
	if !ok {
		if _, reason := checks.Classify(err); reason == checks.ReasonReset {
			return "", checks.Because(checks.ReasonReset, "closed without an alert after it had asked for a client certificate: %w", err)
		}
		return "", err
	}
	if name, ok := certificateAlerts[alert]; ok {
		return fmt.Sprintf("alert %d, %s,", uint8(alert), name), nil
	}
	return "", checks.Because(checks.ReasonAmbiguous, "alert %d (%s) need not be about the client certificate",
		uint8(alert), strings.TrimPrefix(alert.Error(), "tls: "))
}
