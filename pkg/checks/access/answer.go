package access

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
)

// kind is what one answer says by itself.
type kind string

const (
	kindSilent    kind = "silent"    // there was none: err says why
	kindAlert     kind = "alert"     // TLS ended with an alert
	kindBusy      kind = "busy"      // 429, 503, or their like in gRPC
	kindFailed    kind = "failed"    // another 5xx
	kindRefused   kind = "refused"   // 401, or the like in gRPC
	kindDenied    kind = "denied"    // another 4xx: for want of a credential, or for another reason
	kindMoved     kind = "moved"     // a redirect
	kindSoft      kind = "soft"      // a status of success, and a refusal for its content
	kindOpen      kind = "open"      // content
	kindUnsettled kind = "unsettled" // err says why it says nothing
)

// answer is what became of one request.
type answer struct {
	*httpclient.Exchange // nil when there is none
	kind                 kind
	err                  error // why it does not settle anything, for those kinds that do not
	content              content
	location             *url.URL // of a redirect, resolved
}

// is reports whether the answer is of one of the kinds.
func (a *answer) is(kinds ...kind) bool { return slices.Contains(kinds, a.kind) }

// refusal reports an answer that keeps a client out, if that is what it is for.
func (a *answer) refusal() bool { return a.is(kindAlert, kindRefused, kindDenied, kindSoft, kindMoved) }

// success reports a 2xx.
func (a *answer) success() bool {
	return a.Exchange != nil && a.Status >= 200 && a.Status < 300
}

// String says in short what was answered.
func (a *answer) String() string {
	if a.Exchange == nil {
		if alert, ok := checks.AlertOf(a.err); ok {
			return fmt.Sprintf("TLS alert %d", uint8(alert))
		}
		return "no answer"
	}
	text := a.Response.String()
	switch {
	case a.is(kindSoft):
		return text + ", which says that it is refused"
	case a.content == contentError, a.content == contentAlive:
		return text + ", " + string(a.content)
	case a.is(kindMoved):
		return text + ", redirects to " + a.location.Host
	}
	if status := grpcStatus(a.Response); status != "" {
		return text + ", grpc-status " + status
	}
	return text
}

// newAnswer reads what became of a request to the URL at.
func newAnswer(e *httpclient.Exchange, err error, at *url.URL) *answer {
	if err != nil {
		a := &answer{kind: kindSilent, err: err}
		if _, isAlert := checks.AlertOf(err); isAlert {
			a.kind = kindAlert
		}
		return a
	}
	a := &answer{Exchange: e}
	a.read(at)
	return a
}

func (a *answer) unsettled(format string, args ...any) {
	a.kind, a.err = kindUnsettled, checks.Because(checks.ReasonAmbiguous, format, args...)
}

func (a *answer) read(at *url.URL) {
	if status := grpcStatus(a.Response); status != "" && status != "0" {
		a.readGRPC(status)
		return
	}
	switch status := a.Status; {
	case a.Throttled():
		a.kind, a.err = kindBusy, checks.Because(checks.ReasonThrottled, "HTTP %d", status)
	case status >= 500:
		a.kind, a.err = kindFailed, checks.Because(checks.ReasonAmbiguous, "HTTP %d", status)
	case status == http.StatusUnauthorized:
		a.kind = kindRefused
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusProxyAuthRequired,
		status == http.StatusMisdirectedRequest:
		a.unsettled("HTTP %d is not about the link's credentials", status)
	case status >= 400:
		a.kind = kindDenied
	case status >= 300:
		a.readRedirect(at)
	case status >= 200:
		a.readContent()
	default:
		a.unsettled("HTTP %d", status)
	}
}

// readContent is for a 2xx.
func (a *answer) readContent() {
	hit, cached := cacheHit(a.Header)
	if a.content = classify(a.Response); cached {
		a.unsettled("HTTP %d came from a cache (%s)", a.Status, hit)
		return
	}
	if a.BodyErr != nil {
		_, reason := checks.Classify(a.BodyErr)
		a.kind, a.err = kindUnsettled, checks.Because(reason, "the body of HTTP %d ended early: %w", a.Status, a.BodyErr)
		return
	}
	a.kind = kindOpen
	if a.content == contentRefusal {
		a.kind = kindSoft
	}
}

// readRedirect is for a 3xx. Nothing follows it.
func (a *answer) readRedirect(at *url.URL) {
	to, err := at.Parse(a.Header.Get("Location"))
	if err != nil || a.Header.Get("Location") == "" || a.Status == http.StatusNotModified {
		a.unsettled("HTTP %d that leads nowhere", a.Status)
		return
	}
	a.kind, a.location = kindMoved, to
}

// Codes of gRPC (google.rpc.Code) that say what HTTP says by its status.
const (
	grpcPermissionDenied  = "7"
	grpcResourceExhausted = "8"
	grpcUnavailable       = "14"
	grpcUnauthenticated   = "16"
)

// grpcStatus is the status of a gRPC answer: in the trailers, or in the headers
// of one that has nothing else. Empty means that it is not gRPC.
func grpcStatus(r *httpclient.Response) string {
	if status := r.Trailer.Get("Grpc-Status"); status != "" {
		return status
	}
	return r.Header.Get("Grpc-Status")
}

func (a *answer) readGRPC(status string) {
	switch status {
	case grpcUnauthenticated:
		a.kind = kindRefused
	case grpcPermissionDenied:
		a.kind = kindDenied
	case grpcResourceExhausted, grpcUnavailable:
		a.kind, a.err = kindBusy, checks.Because(checks.ReasonThrottled, "grpc-status %s", status)
	default:
		a.unsettled("grpc-status %s", status)
	}
}

// cacheHit reports an answer out of a cache on the way, which says nothing of
// what the server would answer: Age (RFC 9111 section 5.1), Cache-Status (RFC
// 9211), and the fields of caches that are older than that.
func cacheHit(h http.Header) (field string, hit bool) {
	if age := strings.TrimSpace(h.Get("Age")); age != "" && strings.Trim(age, "0") != "" {
		return "Age", true
	}
	for name, values := range h {
		if name != "Cf-Cache-Status" && name != "X-Varnish" && !strings.Contains(name, "Cache") {
			continue
		}
		for _, value := range values {
			if isHit(name, strings.ToLower(value)) {
				return name, true
			}
		}
	}
	return "", false
}

func isHit(name, value string) bool {
	switch name {
	case "Cache-Control":
		return false
	case "X-Varnish": // a second number is the request that filled the cache
		return len(strings.Fields(value)) > 1
	case "X-Cache-Hits":
		return strings.Trim(value, "0, ") != ""
	}
	for word := range strings.FieldsFuncSeq(value, func(r rune) bool { return r < 'a' || r > 'z' }) {
		if word == "hit" || name == "Cf-Cache-Status" && (word == "stale" || word == "updating" || word == "revalidated") {
			return true
		}
	}
	return false
}
