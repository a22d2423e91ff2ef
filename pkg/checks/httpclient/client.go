// Package httpclient speaks HTTP to a link over the connections of its Visit.
//
// It sends no credentials, keeps no cookies, follows no redirect and uses no
// proxy. Its retries are those of retryablehttp-go, held to one, and only for
// failures of the transport: a 429 or a 503 is an answer.
package httpclient

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/projectdiscovery/retryablehttp-go"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// BodyMax is how many bytes of a response's body are read.
const BodyMax = 256 << 10

// Client sends requests to the target of one Visit. Like the Visit, it is used
// by one goroutine at a time; its connections end with the probe's.
type Client struct {
	visit *checks.Visit
	guard *guard
	retry *retryablehttp.Client
}

// New makes a client for the link of v. It goes on where the shared handshake
// ended, and makes more connections like that one as it needs them.
func New(v *checks.Visit) *Client { return newClient(newGuard(v)) }

// Over makes a client that uses one connection and no other: that of a
// handshake of v's, such as had from [checks.Visit.HandshakeWith]. It does not
// retry, since that would need another. The caller closes the connection.
func Over(v *checks.Visit, h *checks.Handshake, c *tls.Conn) *Client {
	g := newGuard(v)
	g.only = &only{handshake: h, conn: c}
	return newClient(g)
}

func newClient(g *guard) *Client {
	// A literal, because retryablehttp.NewClient makes a second client with
	// connections of its own, and falls back to it after a malformed response.
	retry := &retryablehttp.Client{
		HTTPClient:  plainClient(g),
		HTTPClient2: plainClient(repeatError{g}),
		CheckRetry:  g.again,
		// The Visit's pacing is the only clock.
		Backoff: func(_, _ time.Duration, _ int, _ *http.Response) time.Duration { return 0 },
		// The default error prints the whole URL.
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
	return &Client{visit: g.visit, guard: g, retry: retry}
}

// plainClient has no cookies and hands redirects over as they are.
func plainClient(transport http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Get sends one GET to the declared URL, without credentials: user information
// and query parameters that carry a secret are left out. A secret in the path
// goes only to a peer that [checks.Visit.Verify] agrees to.
func (c *Client) Get(ctx context.Context) (*Response, error) {
	u, err := c.publicURL(ctx)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, checks.Because(checks.ReasonNotTested, "the declared URL is not one HTTP can use")
	}
	return c.Do(request)
}

// Do sends one request to the link's own host and port. A method that the
// scan's level does not allow, and any other host, is refused without a packet.
// errors.As finds a [crypto/tls.AlertError] in the error when the peer ended
// TLS with an alert, even one that came after the handshake.
func (c *Client) Do(request *http.Request) (*Response, error) {
	if request.Header.Get("User-Agent") == "" {
		request.Header.Set("User-Agent", c.visit.UserAgent())
	}
	if request.Header.Get("Accept") == "" {
		request.Header.Set("Accept", "*/*")
	}
	ctx := context.WithValue(request.Context(), retryablehttp.RETRY_MAX, 1)
	c.guard.lastErr, c.guard.tries, c.guard.reused = nil, 0, false
	// Made by hand: the package's constructors parse the URL anew, leniently.
	response, err := c.retry.Do(&retryablehttp.Request{Request: request.WithContext(ctx)}) //nolint:bodyclose // readResponse does
	if err != nil {
		return nil, c.guard.explain(err)
	}
	return readResponse(response, c.guard), nil
}

// turnTo makes what follows count for the probe of v.
func (c *Client) turnTo(v *checks.Visit) { c.visit, c.guard.visit = v, v }

// hangUp closes the connections that are not in use; a client that was never
// made has none.
func (c *Client) hangUp() {
	if c != nil {
		c.guard.transport.CloseIdleConnections()
	}
}

// publicURL is the declared URL as it may be sent without credentials. A secret
// in its path goes to proven peers alone.
func (c *Client) publicURL(ctx context.Context) (*url.URL, error) {
	link := c.visit.Link()
	u, err := link.PublicURL()
	if err != nil {
		return nil, checks.Because(checks.ReasonNotTested, "the declared URL: %w", err)
	}
	u.Scheme = overHTTP(u.Scheme)
	if !hasSecretPath(link) {
		return u, nil
	}
	return u, c.guard.prove(ctx)
}

// siblings is where the siblings of the declared URL are: beside it, or at the
// root where its path holds a secret.
func (c *Client) siblings() *url.URL {
	link := c.visit.Link()
	u := &url.URL{Scheme: overHTTP(strings.ToLower(link.URL.Scheme)), Host: link.URL.Host, Path: "/"}
	if !hasSecretPath(link) {
		u.Path = link.URL.Path
	}
	return u
}

func hasSecretPath(l *inventory.Link) bool { return strings.Contains(l.URL.Path, "${") }

// overHTTP is the scheme by which net/http knows a connection.
func overHTTP(scheme string) string {
	switch scheme {
	case "wss":
		return "https"
	case "ws":
		return "http"
	default:
		return scheme
	}
}

// repeatError stands where retryablehttp-go would fall back to another client:
// it repeats the error without a packet.
type repeatError struct{ guard *guard }

// RoundTrip implements [http.RoundTripper].
func (r repeatError) RoundTrip(*http.Request) (*http.Response, error) {
	if r.guard.lastErr == nil {
		return nil, errors.New("no request was sent before its fallback")
	}
	return nil, r.guard.lastErr
}
