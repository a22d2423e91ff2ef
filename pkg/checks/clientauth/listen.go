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
	glance = 20 * time.Millisecond
	// afterTicket is how much longer an alert may take. Some servers send
	// tickets before they have read our certificate.
	afterTicket = 100 * time.Millisecond
)

// listen reads a TLS 1.3 connection, whose server asked for a certificate and
// got none, until something decides: nil when TLS goes on (a NewSessionTicket
// came, or application data), else what ended it. A server that stays silent
// is ambiguous: it may not issue tickets.
func (d *demand) listen(ctx context.Context) error {
	h := d.handshake
	c := h.TakeConn()
	if c == nil { // given up to stay within the host's limit
		var err error
		if h, err = d.visit.HandshakeAgain(ctx); err != nil {
			return err
		}
		if c = h.TakeConn(); c == nil {
			return h.Err
		}
	}
	defer func() { _ = c.Close() }()
	goesOn, err := d.until(ctx, c, h.TicketReceived)
	if err != nil || goesOn {
		return err
	}
	return checks.Because(checks.ReasonAmbiguous, "for %v after the handshake there came neither an alert nor a session ticket", d.silence)
}

// until reads until an error, the end of the silence, or a while after the
// first ticket or data, and reports whether there were any. After those only an
// alert is an error: that the server then closes is not about TLS.
func (d *demand) until(ctx context.Context, c *tls.Conn, ticket func() bool) (goesOn bool, err error) {
	deadline := time.Now().Add(d.silence)
	buffer := make([]byte, 1024)
	for now := time.Now(); now.Before(deadline); now = time.Now() {
		if err := ctx.Err(); err != nil {
			return goesOn, context.Cause(ctx)
		}
		if err := c.SetReadDeadline(earlier(now.Add(glance), deadline)); err != nil {
			return goesOn, err
		}
		n, err := c.Read(buffer)
		if !goesOn && (n > 0 || ticket()) {
			goesOn = true
			deadline = earlier(deadline, time.Now().Add(afterTicket))
		}
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			if _, isAlert := checks.AlertOf(err); goesOn && !isAlert {
				return true, nil
			}
			return goesOn, err
		}
	}
	return goesOn, nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// certificateAlerts are those that refuse for want of a certificate, when they
// follow a CertificateRequest that was answered with none. Which one is sent
// differs: certificate_required (116) is TLS 1.3's own, handshake_failure (40)
// that of TLS 1.2; bad_certificate (42) comes from Java, no_certificate (41)
// from Mbed TLS, decode_error (50) from GnuTLS.
var certificateAlerts = map[tls.AlertError]string{
	40:  "handshake_failure",
	41:  "no_certificate",
	42:  "bad_certificate",
	43:  "unsupported_certificate",
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
