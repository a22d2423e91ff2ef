package httpclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// Repeats is how many requests of a link are sent once more at most, because
// the connection failed.
const Repeats = 2

// guard is the transport: it refuses what the level or the target rules out,
// counts and paces every request, and has its connections from the Visit.
type guard struct {
	visit     *checks.Visit
	transport *http.Transport
	only      *only    // the one connection to use; nil means that of the shared handshake, and more
	lastErr   error    // of the last round trip
	conn      net.Conn // of the request under way
	location  []string // of the last response
	timing    timing
	tries     int  // of the request under way
	reused    bool // one of its tries went over a kept connection
	closes    bool // connections are good for one request
	safe      bool // its method may be repeated: RFC 9110 section 9.2.2

	common      bool             // its connections belong to all probes of the link
	http1       bool             // HTTP/2 is not offered
	burst       bool             // its requests are those of a burst
	calls       bool             // its requests are calls of gRPC: see Procedures
	certificate *tls.Certificate // presented to who asks for one and is proven; nil means none
	repeats     *int             // how many more requests may be repeated

	// net/http goes on with a dial after its request was given up.
	mu       sync.Mutex
	secure   *tls.Conn // the last TLS connection, to ask it for an alert
	strict   bool      // secrets were sent: no connection to an unproven peer any more
	unproven error     // why a peer that was connected to is not proven
}

// only is a connection that is not to be replaced.
type only struct {
	handshake *checks.Handshake
	conn      *tls.Conn // nil once it is used
}

func newGuard(v *checks.Visit) *guard {
	repeats := Repeats
	g := &guard{visit: v, repeats: &repeats}
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
	return g.visit.Dial(g.inCommon(ctx))
}

// dialTLS hands out the connection of the shared handshake first. It must be a
// *tls.Conn: net/http finds HTTP/2 by its type.
func (g *guard) dialTLS(ctx context.Context, _, _ string) (net.Conn, error) {
	if !g.visit.Target().TLS() {
		return nil, checks.Because(checks.ReasonBug, "a TLS connection for a scheme without")
	}
	g.secured(nil)
	if g.only != nil {
		return g.takeOnly()
	}
	ctx = g.inCommon(ctx)
	if g.certificate != nil {
		return g.use(g.visit.HandshakeWith(ctx, g.certificate, tls.VersionTLS10, tls.VersionTLS13))
	}
	h, err := g.visit.Handshake(ctx)
	if err != nil {
		return nil, err
	}
	if h.Err != nil {
		return nil, h.Err
	}
	if !g.common { // the parked connection ends with the probe
		if c := h.TakeConn(); c != nil {
			g.secured(c)
			return c, nil
		}
	}
	return g.use(g.visit.HandshakeAgain(ctx))
}

// use takes the connection of a handshake, and remembers whether its peer is
// proven.
func (g *guard) use(h *checks.Handshake, err error) (net.Conn, error) {
	if err != nil {
		return nil, err
	}
	if h.Err == nil {
		if err := g.visit.Verify(h); err != nil {
			if g.refuses(err) {
				return nil, checks.Because(checks.ReasonNotTested, "secrets are not sent to an unproven peer: %w", undated(err))
			}
		}
	}
	c := h.TakeConn()
	if c == nil {
		return nil, h.Err
	}
	g.secured(c)
	return c, nil
}

// secured notes the last TLS connection.
func (g *guard) secured(c *tls.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.secure = c
}

// refuses reports whether an unproven peer is not connected to any more, and
// else notes why it is not proven.
func (g *guard) refuses(unproven error) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.strict {
		g.unproven = unproven
	}
	return g.strict
}

func (g *guard) inCommon(ctx context.Context) context.Context {
	if g.http1 {
		ctx = checks.OverHTTP1(ctx)
	}
	if g.common {
		ctx = checks.InCommon(ctx)
	}
	return ctx
}

// undated leaves the moment of the scan out of an error about a certificate's
// validity: two scans must say the same.
func undated(err error) error {
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		return errors.New("its certificate has expired or is not valid yet")
	}
	return err
}

// prove reports whether secrets may be sent: over TLS, and to a peer that is
// who the inventory says. From then on no connection is made to any other.
func (g *guard) prove(ctx context.Context) error {
	if !g.visit.Target().TLS() {
		return checks.Because(checks.ReasonNotTested, "secrets are not sent without TLS")
	}
	g.mu.Lock()
	err := g.unproven
	g.mu.Unlock()
	if err == nil {
		h, shaken := g.handshake(ctx)
		if shaken != nil {
			return shaken
		}
		// Of a server that ends TLS for want of a certificate, the connection
		// with one is proven when it is made.
		if h.Err == nil {
			err = g.visit.Verify(h)
		}
	}
	if err != nil {
		return checks.Because(checks.ReasonNotTested, "secrets are not sent to an unproven peer: %w", undated(err))
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.strict = true
	return nil
}

func (g *guard) takeOnly() (net.Conn, error) {
	if g.only.conn == nil {
		return nil, checks.Because(checks.ReasonReset, "the connection was closed")
	}
	c := g.only.conn
	g.secured(c)
	g.only.conn = nil
	_ = c.SetDeadline(time.Time{}) // a new step: who had it before may have waited to the end of theirs
	return c, nil
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
	g.tries++
	response, err := g.roundTrip(request)
	g.lastErr = err
	if response != nil {
		// net/http would make an error of one that it cannot read.
		g.location = response.Header["Location"]
		delete(response.Header, "Location")
	}
	return response, err
}

func (g *guard) roundTrip(request *http.Request) (*http.Response, error) {
	if err := g.permit(request); err != nil {
		return nil, err
	}
	if host := address(request.URL); host != g.visit.Target().Address() {
		return nil, checks.Because(checks.ReasonNotTested, "%s is not the link's own host and port", host)
	}
	if !errors.Is(g.lastErr, errKeptClosed) || g.tries == 1 {
		if err := g.count(request.Context()); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithCancelCause(request.Context())
	attempts := 0
	trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		// net/http resends by itself when a kept connection turns out dead.
		// That would be a request nobody counted: stop it, and let the one
		// retry of this package decide.
		if attempts++; attempts > 1 {
			cancel(errKeptClosed)
		}
		_ = info.Conn.SetDeadline(time.Time{}) // a new step
		g.conn, g.reused = info.Conn, g.reused || info.Reused
	}}
	g.timing.trace(trace)
	asked := request.Context()
	request = request.WithContext(httptrace.WithClientTrace(ctx, trace))
	request.Close = g.closes
	if g.tries > 1 && request.GetBody != nil { // the first try has read it
		request.Body, _ = request.GetBody() // of a copy in memory
	}
	response, err := g.transport.RoundTrip(request)
	if err == nil && g.tries > 1 && g.reused {
		// It answers on new connections and not on kept ones: keep none.
		g.closes = true
	}
	if err != nil {
		if cause := context.Cause(ctx); cause != nil && asked.Err() == nil {
			err = cause
		}
		cancel(nil)
		return nil, err
	}
	response.Body = &cancelBody{ReadCloser: response.Body, cancel: func() { cancel(nil) }}
	return response, nil
}

// permit holds the request against the level, and notes whether it may be sent
// twice.
func (g *guard) permit(request *http.Request) error {
	if g.calls {
		g.safe = true
		return permitCall(request, g.visit.Level())
	}
	need := levelFor(request.Method)
	g.safe = need != checks.Consented
	if !g.visit.Level().Allows(need) {
		return checks.Because(checks.ReasonNotTested, "method %s needs level %s", request.Method, need)
	}
	if need == checks.Consented && len(g.visit.Link().Probe.Consent) == 0 {
		return checks.Because(checks.ReasonNotTested, "method %s needs the consent of the link's owner", request.Method)
	}
	if request.Method == http.MethodConnect {
		return checks.Because(checks.ReasonNotTested, "method CONNECT is never sent")
	}
	return nil
}

// count counts and paces a request.
func (g *guard) count(ctx context.Context) error {
	if g.burst {
		return g.visit.BurstRequest(ctx)
	}
	return g.visit.Request(ctx)
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
