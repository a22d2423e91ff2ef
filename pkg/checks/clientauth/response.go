package clientauth

import (
	"bytes"
	"fmt"
	"net/http"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
)

// verdict is what an HTTP response says about a client certificate.
type verdict string

const (
	verdictRefused   verdict = "refused"   // for want of a client certificate
	verdictAnswered  verdict = "answered"  // not for that
	verdictAmbiguous verdict = "ambiguous" // it may be for that
	verdictThrottled verdict = "throttled"
)

// readResponse settles what the application does without a certificate.
func (d *demand) readResponse(response *httpclient.Response) {
	d.response = classify(response.Status, response.Body, d.requested.yes())
	text := describe(response, d.response)
	d.note("http", "%s", text)
	switch d.response {
	case verdictRefused, verdictAnswered:
		d.byApplication = known(d.response == verdictRefused)
	case verdictThrottled:
		d.byApplication = unknown(checks.Because(checks.ReasonThrottled, "%s", text))
	case verdictAmbiguous:
		d.byApplication = unknown(checks.Because(checks.ReasonAmbiguous,
			"%s may refuse for want of a client certificate, or for another reason", text))
	}
}

// describe gives the status, and the words of a refusal.
func describe(response *httpclient.Response, says verdict) string {
	text := fmt.Sprintf("HTTP %d", response.Status)
	if phrase, ok := certificatePhrase(response.Body); ok && says == verdictRefused {
		text += ": " + phrase
	}
	return text
}

// Codes of nginx for its own use, which some configurations let through.
const (
	statusCertificateError    = 495
	statusCertificateRequired = 496
)

// classify reads a response to a GET without credentials.
//
// A refusal that names the certificate is one where a certificate was asked
// for. Where none was, it is ambiguous: some servers want it only after the
// handshake, by post-handshake authentication (RFC 8446 section 4.6.2), which
// this client does not offer, but a text may also name the certificate as one
// of several credentials, and mTLS must not pass on a text alone. A 403 that
// says nothing may be such a refusal, and so may a 500 be (IIS).
func classify(status int, body []byte, requested bool) verdict {
	_, named := certificatePhrase(body)
	switch status {
	case statusCertificateRequired, statusCertificateError:
		return verdictRefused
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return verdictThrottled
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
		switch {
		case named && requested:
			return verdictRefused
		case named || requested || status == http.StatusForbidden:
			return verdictAmbiguous
		}
		return verdictAnswered
	}
	if status >= http.StatusInternalServerError {
		return verdictAmbiguous
	}
	return verdictAnswered
}

// certificatePhrases are what refusals for want of a client certificate say,
// in lower case: nginx, HAProxy and Envoy set-ups, IIS, API gateways.
var certificatePhrases = []string{
	"no required ssl certificate was sent",
	"ssl certificate required",
	"the ssl certificate error", // nginx, of one it does not trust
	"client certificate",
	"client-certificate",
	"client cert ",
	"certificate required",
	"certificate is required",
	"mutual tls",
	"mtls required",
	"mtls is required",
	"requires mtls",
}

// certificatePhrase finds the first of the phrases in a body.
func certificatePhrase(body []byte) (string, bool) {
	lower := bytes.ToLower(body)
	for _, phrase := range certificatePhrases {
		if bytes.Contains(lower, []byte(phrase)) {
			return phrase, true
		}
	}
	return "", false
}
