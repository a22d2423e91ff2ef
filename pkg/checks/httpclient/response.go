package httpclient

import (
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// Response is an answer, with as much of its body as is kept.
type Response struct {
	Status    int
	Proto     string // "HTTP/1.1", "HTTP/2.0"
	Header    http.Header
	Trailer   http.Header // those that came after the body; gRPC has its status there
	Body      []byte      // at most BodyMax bytes, not decompressed
	Truncated bool        // there was more than BodyMax
	BodyErr   error       // what ended the body before its end; nil when it was whole or cut

	Sent time.Time     // when the request had been written
	Wait time.Duration // from then to the first byte of the answer; zero when it came before
}

func readResponse(response *http.Response, g *guard) *Response {
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, BodyMax+1))
	r := &Response{
		Status: response.StatusCode, Proto: response.Proto, Header: response.Header, Trailer: response.Trailer, Body: body,
	}
	if g.location != nil {
		r.Header["Location"] = g.location
	}
	r.Sent, r.Wait = g.timing.read()
	if len(body) > BodyMax {
		r.Body, r.Truncated = body[:BodyMax], true
	}
	if err != nil {
		r.BodyErr = g.explain(err)
	}
	if g.common && g.conn != nil {
		checks.Rest(g.conn)
	}
	return r
}

// Throttled reports an answer that asks for less: 429 (RFC 6585 section 4) or
// 503 (RFC 9110 section 15.6.4).
func (r *Response) Throttled() bool {
	return r.Status == http.StatusTooManyRequests || r.Status == http.StatusServiceUnavailable
}

// RetryAfter is how long the server asks to wait, from the moment the request
// was sent (RFC 9110 section 10.2.3). It is false when it does not say, or not
// in a way that can be read.
func (r *Response) RetryAfter() (time.Duration, bool) {
	text := strings.TrimSpace(r.Header.Get("Retry-After"))
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second, true
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0, false
	}
	now, err := http.ParseTime(r.Header.Get("Date")) // the server's own clock
	if err != nil {
		now = time.Now()
	}
	return max(0, at.Sub(now)), true
}

// MediaType is the type of the body without its parameters, in lower case;
// empty when none is given or it cannot be read.
func (r *Response) MediaType() string {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return media
}

// Whole reports whether the body is as the server meant it: complete, and not
// compressed, for no compression was asked for.
func (r *Response) Whole() bool {
	return r.BodyErr == nil && !r.Truncated && r.Plain()
}

// Plain reports whether the body is not compressed.
func (r *Response) Plain() bool {
	encoding := r.Header.Get("Content-Encoding")
	return encoding == "" || strings.EqualFold(encoding, "identity")
}

// String says in short what was answered: "HTTP 404, text/html, 153 bytes".
func (r *Response) String() string {
	text := fmt.Sprintf("HTTP %d", r.Status)
	if media := r.MediaType(); media != "" {
		text += ", " + media
	}
	return fmt.Sprintf("%s, %d bytes", text, len(r.Body))
}
