package httpclient

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// guard is the transport: it refuses what the level or the target rules out,
// counts and paces every request, and has its connections from the Visit.
type guard struct {
	visit     *checks.Visit
	transport *http.Transport
	only      *only     // the one connection to use; nil means that of the shared handshake, and more
	lastErr   error     // of the last round trip
	secure    *tls.Conn // the last TLS connection, to ask it for an alert
}

// only is a connection that is not to be replaced.
type only struct {
	handshake *checks.Handshake
	conn      *tls.Conn // nil once it is used
}

func newGuard(v *checks.Visit) *guard {
	g := &guard{visit: v}
	g.transport = &http.Transport{
		Proxy:                  nil, // never one from the environment
		DialContext:            g.dial,
		DialTLSContext:         g.dialTLS,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		MaxConnsPerHost:        1,
		MaxResponseHeaderBytes: 64 << 10,
	}
	return g
}

// dial serves http and ws.
func (g *guard) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	if g.visit.Target().TLS() {
		return nil, checks.Because(checks.ReasonBug, "a plain connection for a scheme with TLS")
	}
	return g.visit.Dial(ctx)
}

// dialTLS hands out the connection of the shared handshake first. It must be a
// *tls.Conn: net/http finds HTTP/2 by its type.
func (g *guard) dialTLS(ctx context.Context, _, _ string) (net.Conn, error) {
	if !g.visit.Target().TLS() {
		return nil, checks.Because(checks.ReasonBug, "a TLS connection for a scheme without")
	}
	g.secure = nil
	if g.only != nil {
		return g.takeOnly()
	}
	h, err := g.visit.Handshake(ctx)
	if err != nil {
		return nil, err
	}
	if h.Err != nil {
		return nil, h.Err
	}
	if c := h.TakeConn(); c != nil {
		g.secure = c
		return c, nil
	}
	h, err = g.visit.HandshakeAgain(ctx)
	if err != nil {
		return nil, err
	}
	if c := h.TakeConn(); c != nil {
		g.secure = c
		return c, nil
	}
	return nil, h.Err
}

func (g *guard) takeOnly() (net.Conn, error) {
	if g.only.conn == nil {
		return nil, checks.Because(checks.ReasonReset, "the connection was closed")
	}
	g.secure, g.only.conn = g.only.conn, nil
	_ = g.secure.SetDeadline(time.Time{}) // a new step: who had it before may have waited to the end of theirs
	return g.secure, nil
}

// handshake is that of the connections in use.
func (g *guard) handshake(ctx context.Context) (*checks.Handshake, error) {
	if g.only != nil {
		return g.only.handshake, nil
	}
	return g.visit.Handshake(ctx)
}

// RoundTrip implements [http.RoundTripper].
func (g *guard) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := g.roundTrip(request)
	g.lastErr = err
	return response, err
}

func (g *guard) roundTrip(request *http.Request) (*http.Response, error) {
	need := levelFor(request.Method)
	if !g.visit.Level().Allows(need) {
		return nil, checks.Because(checks.ReasonNotTested, "method %s needs level %s", request.Method, need)
	}
	if need == checks.Consented && len(g.visit.Link().Probe.Consent) == 0 {
		return nil, checks.Because(checks.ReasonNotTested, "method %s needs the consent of the link's owner", request.Method)
	}
	if request.Method == http.MethodConnect {
		return nil, checks.Because(checks.ReasonNotTested, "method CONNECT is never sent")
	}
	if host := address(request.URL); host != g.visit.Target().Address() {
		return nil, checks.Because(checks.ReasonNotTested, "%s is not the link's own host and port", host)
	}
	if err := g.visit.Request(request.Context()); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(request.Context())
	attempts := 0
	trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		// net/http resends by itself when a kept connection turns out dead.
		// That would be a request nobody counted: stop it, and let the one
		// retry of this package decide.
		if attempts++; attempts > 1 {
			cancel(checks.Because(checks.ReasonReset, "the kept connection was closed"))
		}
		_ = info.Conn.SetDeadline(time.Time{}) // a new step
	}}
	response, err := g.transport.RoundTrip(request.WithContext(httptrace.WithClientTrace(ctx, trace)))
	if err != nil {
		if cause := context.Cause(ctx); cause != nil && request.Context().Err() == nil {
			err = cause
		}
		cancel(nil)
		return nil, err
	}
	response.Body = &cancelBody{ReadCloser: response.Body, cancel: func() { cancel(nil) }}
	return response, nil
}

// levelFor is the lowest level at which a method may be sent. A method nobody
// knows may do anything to a server that does, but nothing it should.
func levelFor(method string) checks.Level {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, "":
		return checks.Observe
	case http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
		return checks.Consented
	default:
		return checks.Active
	}
}

// address is the host and port of a URL, in the form of Target.Address.
func address(u *url.URL) string {
	port := u.Port()
	if port == "" {
		switch u.Scheme {
		case "https":
			port = "443"
		case "http":
			port = "80"
		}
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// again is the retry policy: once, for failures of the transport alone. The
// limit of one is set by Do.
func (g *guard) again(ctx context.Context, response *http.Response, err error) (bool, error) {
	worth := err != nil && response == nil && ctx.Err() == nil && g.only == nil
	if worth {
		_, reason := checks.Classify(g.explain(err))
		worth = reason == checks.ReasonReset || reason == checks.ReasonStalled
	}
	return worth, nil
}

// explain gives an error the parts that net/http hides: the alert that TLS
// ended with, and the reasons it has only words for. The URL is left out.
func (g *guard) explain(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	if _, known := errors.AsType[*checks.ReasonError](err); known {
		return err
	}
	if err := checks.WithAlert(err); isAlert(err) {
		return err
	}
	if alert, ok := g.lateAlert(); ok {
		return fmt.Errorf("%w: %w", err, alert)
	}
	text := err.Error()
	switch {
	case strings.Contains(text, "ENHANCE_YOUR_CALM"):
		return checks.Because(checks.ReasonThrottled, "%w", err)
	case strings.Contains(text, "server closed idle connection"),
		strings.Contains(text, "GOAWAY"), strings.Contains(text, "client connection lost"):
		return checks.Because(checks.ReasonReset, "%w", err)
	case strings.Contains(text, "response headers exceeded"):
		return checks.Because(checks.ReasonTooLarge, "%w", err)
	}
	return err
}

func isAlert(err error) bool {
	_, ok := errors.AsType[tls.AlertError](err)
	return ok
}

// lateAlert asks the last TLS connection how it ended. A server that refuses
// after the handshake, as TLS 1.3 has it for a missing client certificate,
// makes the request fail to be written as well, and net/http may report that.
func (g *guard) lateAlert() (tls.AlertError, bool) {
	if g.secure == nil {
		return 0, false
	}
	_ = g.secure.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
	_, err := g.secure.Read(make([]byte, 1))
	return checks.AlertOf(err)
}

// cancelBody frees a request's context when its body is closed.
type cancelBody struct {
	io.ReadCloser
	cancel func()
}

// Close implements [io.Closer].
func (b *cancelBody) Close() error {
	err := b.ReadCloser.Close()
	b.cancel()
	return err
}
