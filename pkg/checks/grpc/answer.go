package grpc

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
)

// code is a status of gRPC (google.rpc.Code).
type code int

const (
	codeOK                code = 0
	codeNotFound          code = 5
	codePermissionDenied  code = 7
	codeResourceExhausted code = 8
	codeUnimplemented     code = 12
	codeUnavailable       code = 14
	codeUnauthenticated   code = 16
	codeLast              code = 16
)

// kind is what one answer says about the client that called.
type kind int

const (
	kindSilent    kind = iota // there was none, or none that says anything: err says why
	kindServed                // the procedure answered
	kindRefused               // the client is kept out
	kindAbsent                // there is no such procedure
	kindUnsettled             // err says why it says nothing
)

// answer is what became of one call.
type answer struct {
	kind kind
	err  error // for kindSilent and kindUnsettled

	response *httpclient.Response // nil when there is none
	grpc     bool                 // it is one of gRPC: code and text are its status
	code     code
	text     string // the message of the status, decoded
	message  []byte // of a served call
}

// newAnswer reads what became of a call.
func newAnswer(response *httpclient.Response, err error) *answer {
	a := &answer{response: response, err: err}
	if err != nil {
		return a
	}
	status, text, ok := statusOf(response)
	if !ok {
		a.readHTTP()
		return a
	}
	a.grpc, a.code, a.text = true, status, text
	switch a.code {
	case codeOK:
		a.kind = kindServed
		if a.message, a.err = message(response.Body); a.err != nil {
			a.kind = kindUnsettled
		}
	case codeUnauthenticated, codePermissionDenied:
		a.kind = kindRefused
	case codeUnimplemented, codeNotFound:
		a.kind = kindAbsent
	case codeResourceExhausted, codeUnavailable:
		a.kind, a.err = kindUnsettled, checks.Because(checks.ReasonThrottled, "gRPC status %d", a.code)
	default:
		a.kind, a.err = kindUnsettled, checks.Because(checks.ReasonAmbiguous, "gRPC status %d", a.code)
	}
	return a
}

// statusOf finds the status: in the trailers, or in the header of an answer
// that has nothing else (gRPC over HTTP/2, Trailers-Only). An answer of another
// media type is none of gRPC, whatever it has; nor is a status that is not
// defined one.
func statusOf(r *httpclient.Response) (code, string, bool) {
	if media := r.MediaType(); media != "application/grpc" && !strings.HasPrefix(media, "application/grpc+") {
		return 0, "", false
	}
	for _, from := range []http.Header{r.Trailer, r.Header} {
		text := from.Get("Grpc-Status")
		if text == "" {
			continue
		}
		status, err := strconv.ParseUint(text, 10, 8)
		if err != nil || code(status) > codeLast {
			return 0, "", false
		}
		return code(status), decodeText(from.Get("Grpc-Message")), true
	}
	return 0, "", false
}

// readHTTP is for an answer without a status of gRPC, as a proxy gives it.
func (a *answer) readHTTP() {
	status := a.response.Status
	a.kind = kindUnsettled
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		a.kind = kindRefused
	case a.response.Throttled():
		a.err = checks.Because(checks.ReasonThrottled, "HTTP %d in place of an answer in gRPC", status)
	case a.response.BodyErr != nil:
		_, reason := checks.Classify(a.response.BodyErr)
		a.err = checks.Because(reason, "the answer ended without a status of gRPC: %w", a.response.BodyErr)
	default:
		a.err = checks.Because(checks.ReasonAmbiguous, "HTTP %d in place of an answer in gRPC", status)
	}
}

// foreign reports that a server of HTTP/2 answered, and knows nothing of gRPC.
func (a *answer) foreign() bool {
	if a.response == nil || a.grpc || strings.HasPrefix(a.response.MediaType(), "application/grpc") {
		return false
	}
	switch a.response.Status {
	case http.StatusOK, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusUnsupportedMediaType:
		return true
	default:
		return false
	}
}

// String says in short what was answered.
func (a *answer) String() string {
	switch {
	case a.response == nil:
		if alert, ok := checks.AlertOf(a.err); ok {
			return fmt.Sprintf("TLS alert %d", uint8(alert))
		}
		return "no answer"
	case !a.grpc:
		return a.response.String()
	case a.text != "":
		return fmt.Sprintf("status %d, %s", a.code, a.text)
	default:
		return fmt.Sprintf("status %d", a.code)
	}
}

// decodeText undoes the percent-encoding of a status message. What is not
// encoded as it must be stays as it is (gRPC over HTTP/2, Percent-Encoded).
func decodeText(text string) string {
	if !strings.Contains(text, "%") {
		return text
	}
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) {
			if b, err := strconv.ParseUint(text[i+1:i+3], 16, 8); err == nil {
				out.WriteByte(byte(b))
				i += 2
				continue
			}
		}
		out.WriteByte(text[i])
	}
	return out.String()
}
