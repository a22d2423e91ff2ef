package clientauth

import (
	"context"
	"crypto/tls"
	"fmt"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
)

// Why an application's word is not known, when nothing went wrong.
var (
	errEndsBefore = checks.Because(checks.ReasonNotTested, "TLS ends before the application is reached")
	errNotAsked   = checks.Because(checks.ReasonNotTested, "TLS goes on, and no request of the protocol is sent")
)

// afterHandshake is when TLS 1.3 tells what it makes of our certificate.
const afterHandshake = "after the handshake"

// demand follows the demand for a client certificate in one version of TLS.
type demand struct {
	survey    *survey
	handshake *checks.Handshake // nil when there was none
	conn      *tls.Conn         // kept for a request that may follow

	requested     answer
	byTLS         answer
	byApplication answer

	later    bool // asked for in a renegotiation
	response verdict
	evidence []checks.Evidence
}

func (s *survey) newDemand(h *checks.Handshake) *demand {
	d := &demand{survey: s, handshake: h}
	switch {
	case h.ClientCertRequested:
		d.requested = known(true)
	case h.Err == nil:
		d.requested = known(false)
	default:
		d.requested = unknown(h.Err)
	}
	return d
}

func (d *demand) name() string {
	if d.handshake == nil {
		return "TLS"
	}
	return tls.VersionName(d.handshake.Version)
}

func (d *demand) note(kind, format string, args ...any) {
	d.evidence = append(d.evidence, checks.Evidence{Kind: kind, Text: fmt.Sprintf(format, args...)})
}

// insists reports whether a client without a certificate is kept out.
func (d *demand) insists() answer {
	switch {
	case d.byTLS.yes():
		return known(true)
	case d.byTLS.undecided():
		return d.byTLS
	}
	return d.byApplication
}

// observe finds out all there is, with up to one repetition: the connection of
// the shared handshake may have grown stale, and a server that closes without
// an alert may say more the second time.
func (d *demand) observe(ctx context.Context) {
	if d.handshakeDone() {
		return
	}
	err := d.ask(ctx)
	if err != nil && needsHTTP1(err) && d.handshake.Version < tls.VersionTLS13 {
		d.askAnew(ctx)
		return
	}
	if !worthRepeating(err) || ctx.Err() != nil {
		return
	}
	h, err := d.survey.visit.HandshakeAgain(ctx)
	if err != nil || h.Version != d.handshake.Version || h.ClientCertRequested != d.handshake.ClientCertRequested {
		return // what is recorded stands
	}
	d.handshake, d.conn = h, h.TakeConn()
	if d.conn != nil && d.byTLS.undecided() {
		// Nothing is sent this time: a server that refuses and closes while
		// something arrives may lose its own alert.
		_ = d.listen(ctx)
		d.close() // what came may have been the start of a response
	}
	if !d.byTLS.yes() && d.survey.visit.Target().HTTP() {
		_ = d.ask(ctx)
	}
}

func worthRepeating(err error) bool {
	reason := reasonOf(err)
	return reason == checks.ReasonReset || reason == checks.ReasonStalled
}

// handshakeDone judges the handshake itself, and reports whether that settles
// everything. Up to TLS 1.2 the server's Finished comes after our certificate,
// so that one which insists ends the handshake (RFC 5246 section 7.4.6), and
// one which completes it does not. Without a CertificateRequest there is
// nothing to insist on, in any version.
func (d *demand) handshakeDone() bool {
	h := d.handshake
	switch {
	case h.Err != nil && !h.ClientCertRequested:
		d.byTLS, d.byApplication = unknown(h.Err), unknown(h.Err)
		return true
	case h.Err != nil:
		d.endedBy(h.Err, "in the handshake")
		return true
	}
	d.conn = h.TakeConn()
	if h.Version < tls.VersionTLS13 || !h.ClientCertRequested {
		d.byTLS = known(false)
	}
	if d.survey.visit.Target().HTTP() {
		return false
	}
	switch {
	case !h.ClientCertRequested:
		d.byApplication = known(false)
	case d.byTLS.no():
		d.byApplication = unknown(errNotAsked)
	default:
		return false
	}
	d.close()
	return true
}

// endedBy judges an error that came after the server had asked for a
// certificate and got none.
func (d *demand) endedBy(err error, when string) {
	refused, err := refusal(err)
	if err != nil {
		d.byTLS, d.byApplication = unknown(err), unknown(err)
		return
	}
	d.note("alert", "%s %s", refused, when)
	d.byTLS, d.byApplication = known(true), unknown(errEndsBefore)
}

// ask finds out what the handshake left open. The error says why something
// still is.
func (d *demand) ask(ctx context.Context) error {
	defer d.close()
	if d.conn == nil { // given up to stay within the host's limit
		h, err := d.survey.visit.HandshakeAgain(ctx)
		if err == nil {
			d.handshake, d.conn, err = h, h.TakeConn(), h.Err
		}
		if err != nil {
			return d.without(err)
		}
	}
	if !d.survey.visit.Target().HTTP() {
		return d.listen(ctx)
	}
	return d.get(ctx)
}

// listen waits for the answer to our empty certificate. It leaves the
// connection open.
func (d *demand) listen(ctx context.Context) error {
	heard := d.survey.listen(ctx, d.conn, d.handshake)
	switch {
	case heard.alert(), heard.err != nil && !heard.goesOn():
		d.endedBy(heard.err, afterHandshake)
		return heard.err
	case heard.err != nil && !heard.data:
		// The ticket may have come before our certificate was read.
		err := checks.Because(reasonOf(heard.err), "hung up right after the handshake: %w", heard.err)
		d.byTLS, d.byApplication = unknown(err), unknown(err)
		return err
	case heard.goesOn():
		d.byTLS, d.byApplication = known(false), unknown(errNotAsked)
		return nil
	}
	err := d.survey.errSilent()
	d.byTLS, d.byApplication = unknown(err), unknown(err)
	return err
}

// get sends one GET to the declared URL over the connection at hand. The
// answer settles the rest: an alert in place of it, or what the application
// says.
func (d *demand) get(ctx context.Context) error {
	client := httpclient.Over(d.survey.visit, d.handshake, d.conn)
	response, err := client.Get(ctx)
	if d.handshake.RequestedLater() {
		d.requested, d.later = known(true), true
		d.note("handshake", "a client certificate was requested in a renegotiation")
	}
	if err != nil {
		return d.withoutResponse(ctx, err)
	}
	if d.byTLS.undecided() {
		d.byTLS = known(false)
	}
	httpclient.Talk(d.survey.visit).Note(httpclient.Request{}, response)
	d.readResponse(response)
	return nil
}

// withoutResponse covers a GET that failed or was not sent.
func (d *demand) withoutResponse(ctx context.Context, err error) error {
	if _, isAlert := checks.AlertOf(err); isAlert && d.requested.yes() {
		when := afterHandshake
		if d.later {
			when = "in the renegotiation"
		}
		d.endedBy(err, when)
		return nil
	}
	if needsHTTP1(err) {
		d.response = verdictAmbiguous
		err = checks.Because(checks.ReasonAmbiguous, "HTTP/2 is refused, as servers do that ask for a client certificate once they know the path: %w", err)
		d.byTLS, d.byApplication = known(false), unknown(err)
		return err
	}
	if reason := reasonOf(err); d.byTLS.undecided() && (reason == checks.ReasonNotTested || reason == checks.ReasonBudget) {
		// No request was sent, but the server's answer to our certificate
		// comes without one.
		listened := d.listen(ctx)
		if d.byTLS.no() {
			d.byApplication = unknown(err)
		}
		return listened
	}
	if d.byTLS.undecided() && d.handshake.TicketReceived() && !worthRepeating(err) {
		d.byTLS = known(false) // what came in place of a response was no alert
	}
	return d.without(err)
}

// needsHTTP1 reports the error by which a server says that it would answer
// over HTTP/1.1, where TLS may renegotiate (RFC 9113 sections 7 and 9.2.1).
// net/http has only words for it.
func needsHTTP1(err error) bool { return strings.Contains(err.Error(), "HTTP_1_1_REQUIRED") }

// without records an error for everything that is still open.
func (d *demand) without(err error) error {
	d.byApplication = unknown(err)
	if d.byTLS.undecided() {
		_, err := refusal(err)
		d.byTLS, d.byApplication = unknown(err), unknown(err)
	}
	return err
}

func (d *demand) close() {
	if d.conn != nil {
		_ = d.conn.Close()
		d.conn = nil
	}
}

// follow asks the application in an older version, if what it told the newest
// one need not hold for this one, too.
func (d *demand) follow(ctx context.Context, newest *demand) {
	switch {
	case !d.byTLS.no() || !d.survey.visit.Target().HTTP():
		// nothing more to learn
	case newest.response == verdictAnswered && newest.requested.no() && d.requested.no():
		d.byApplication = known(false)
	case newest.response == verdictThrottled:
		d.byApplication = newest.byApplication
	default:
		d.askAnew(ctx)
	}
}

// askAnew asks over a connection of its own, over HTTP/1.1 where it can: there
// the answer may be a renegotiation.
func (d *demand) askAnew(ctx context.Context) {
	h, err := d.survey.shakeOlder(ctx)
	switch {
	case err != nil:
		d.byApplication = unknown(err)
	case h.Err != nil:
		d.byApplication = unknown(h.Err)
	default:
		d.handshake, d.conn = h, h.TakeConn()
		_ = d.ask(ctx)
	}
}

// hindsight explains a refusal in TLS 1.3 that did not say what for, by what
// an older version has shown for the same URL: there the certificate was asked
// for in a renegotiation, which TLS 1.3 does not have, and insisted on.
func (d *demand) hindsight(older *demand) {
	if d.response == verdictAmbiguous && older.later && older.insists().yes() {
		d.note("http", "refused where %s renegotiates for a client certificate", older.name())
		d.byApplication = known(true)
	}
}
