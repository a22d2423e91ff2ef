package httpclient

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

const (
	// troubleMax is after how many requests in a row without an answer a link
	// is asked no more.
	troubleMax = 3
	// patience is how long a link's conversation waits in all, when the server
	// asks to be left alone.
	patience = 10 * time.Second
	// courtesy is the wait after a 429 or a 503 that names none.
	courtesy = time.Second
)

// Conversation is what is said over HTTP with one link, by all its probes: each
// request is sent once, and its answer serves whoever asks the same. It goes
// over one connection that is kept between probes, and over another where the
// link's client certificate is presented.
//
// A server that answers 429 or 503 is left alone as long as it says (RFC 9110
// section 10.2.3), or for a second; when that takes too long, and after three
// requests in a row without an answer, nothing more is sent.
type Conversation struct {
	visit *checks.Visit
	*common
}

// common is what the conversations of a link's probes share.
type common struct {
	mu       sync.Mutex // held while a request is under way
	clients  map[wire]*Client
	asked    map[string]*asked // by the request's name
	harvest  []*Exchange
	repeats  int // how many more requests may be repeated
	randoms  [2]string
	declared *declared
	trouble  int       // requests in a row without an answer
	last     error     // of those
	rest     time.Time // nothing is sent before
	waited   time.Duration
}

type asked struct {
	exchange *Exchange
	err      error
}

// Exchange is a request and its answer.
type Exchange struct {
	Request Request
	*Response
}

// Talk is the conversation with the link of v.
func Talk(v *checks.Visit) *Conversation {
	return &Conversation{visit: v, common: checks.Shared(v, func() *common {
		return &common{asked: make(map[string]*asked), clients: make(map[wire]*Client), repeats: Repeats, randoms: newRandoms()}
	})}
}

// Ask sends a request, or returns what became of the one of the same name that
// was sent before. The error is one of the transport, or says why nothing was
// sent; any answer of the server is none.
func (c *Conversation) Ask(ctx context.Context, r Request) (*Exchange, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	name := r.Name()
	if before, ok := c.asked[name]; ok {
		return before.exchange, before.err
	}
	e, err := c.send(ctx, r)
	if err == nil || ctx.Err() == nil { // what a probe cut short says nothing to the next
		c.asked[name] = &asked{e, err}
	}
	return e, err
}

// Seen lists every answer so far, oldest first.
func (c *Conversation) Seen() []*Exchange {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.harvest[:len(c.harvest):len(c.harvest)]
}

// Note files an answer that was had by other means, such as over the connection
// of a handshake, under the request it answers.
func (c *Conversation) Note(r Request, response *Response) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.asked[r.Name()]; !ok {
		c.keep(r, response)
	}
}

func (c *Conversation) keep(r Request, response *Response) *Exchange {
	e := &Exchange{Request: r, Response: response}
	c.asked[r.Name()] = &asked{exchange: e}
	c.harvest = append(c.harvest, e)
	c.heed(response)
	return e
}

// heed notes how long a server that is asked too much wants to be left alone.
func (c *Conversation) heed(response *Response) {
	if !response.Throttled() {
		return
	}
	wait, ok := response.RetryAfter()
	if !ok {
		wait = courtesy
	}
	c.rest = time.Now().Add(wait)
}

func (c *Conversation) send(ctx context.Context, r Request) (*Exchange, error) {
	if c.trouble >= troubleMax {
		_, reason := checks.Classify(c.last)
		return nil, checks.Because(reason, "%d requests in a row had no answer, the last: %w", troubleMax, c.last)
	}
	if err := c.wait(ctx); err != nil {
		return nil, err
	}
	client, err := c.client(ctx, r)
	if err != nil {
		return nil, err
	}
	request, err := c.build(ctx, client, r)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		if unanswered(err) {
			c.trouble, c.last = c.trouble+1, err
		}
		return nil, c.forWantOf(ctx, err)
	}
	c.trouble = 0
	return c.keep(r, response), nil
}

// forWantOf names what a TLS alert asks for, when that is a client certificate
// which the inventory does not name: then nothing can be asked of the server.
func (c *Conversation) forWantOf(ctx context.Context, err error) error {
	if !isAlert(err) || c.HasCertificate() {
		return err
	}
	if h, shaken := c.visit.Handshake(ctx); shaken != nil || !h.ClientCertRequested {
		return err
	}
	return checks.Because(checks.ReasonNotAsked, "the server wants a client certificate, and the inventory names none: %w", err)
}

// unanswered reports an error of the transport, in contrast to a request that
// was not sent, and to a TLS alert, which is an answer.
func unanswered(err error) bool {
	if isAlert(err) {
		return false
	}
	_, reason := checks.Classify(err)
	return reason != checks.ReasonNotTested && reason != checks.ReasonNotAsked && reason != checks.ReasonBudget
}

// wait leaves the server alone as long as it asked for.
func (c *Conversation) wait(ctx context.Context) error {
	left := time.Until(c.rest)
	if left <= 0 {
		return nil
	}
	if c.waited+left > patience {
		return checks.Because(checks.ReasonThrottled, "the server answered 429 or 503 and wants to be left alone")
	}
	c.waited += left
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// wire is a kind of connection.
type wire struct {
	certified bool // the link's client certificate is presented
	http1     bool // HTTP/2 is not offered
}

// client is the one for connections of a kind. They belong to all probes. Those
// of other kinds are closed: a link that keeps one and waits for another could
// wait for one that does the same.
func (c *Conversation) client(ctx context.Context, r Request) (*Client, error) {
	which := wire{certified: r.Certificate, http1: malformed(r.URI) && c.speaksHTTP2(ctx)}
	if c.clients[which] == nil {
		client, err := c.newClient(which)
		if err != nil {
			return nil, err
		}
		client.guard.common, client.guard.repeats = true, &c.repeats
		c.clients[which] = client
	}
	for other, client := range c.clients {
		if other != which {
			client.hangUp()
		}
	}
	c.clients[which].turnTo(c.visit)
	return c.clients[which], nil
}

func (c *Conversation) speaksHTTP2(ctx context.Context) bool {
	if !c.visit.Target().TLS() {
		return false
	}
	h, err := c.visit.Handshake(ctx)
	return err == nil && h.ALPN == "h2"
}

func (c *Conversation) newClient(which wire) (*Client, error) {
	g := newGuard(c.visit)
	g.http1 = which.http1
	if which.certified {
		pair, err := c.visit.ClientCertificate()
		if err != nil {
			return nil, err
		}
		g.certificate = pair
	}
	return newClient(g), nil
}

// HangUp closes the connections that are kept for the next request. A probe
// calls it before it opens others.
func (c *Conversation) HangUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hangUp()
}

func (c *Conversation) hangUp() {
	for _, client := range c.clients {
		client.hangUp()
	}
}

// HasCertificate reports whether the inventory names a client certificate for
// the link.
func (c *Conversation) HasCertificate() bool { return !c.visit.Link().TLS.ClientCert.IsZero() }

// build makes the request of net/http.
func (c *Conversation) build(ctx context.Context, client *Client, r Request) (*http.Request, error) {
	u := client.siblings()
	switch {
	case r.Random > 0:
		u.Path = c.random(u.Path, r.Random)
	case r.URI != "":
		u = rawURL(u, r.URI)
	default:
		var err error
		if u, err = client.publicURL(ctx); err != nil {
			return nil, err
		}
	}
	var body io.Reader
	if r.Body != nil {
		body = bytes.NewReader(r.Body)
	}
	request, err := http.NewRequestWithContext(ctx, r.Method, "http://host", body)
	if err != nil {
		return nil, fmt.Errorf("method %s: %w", r.Method, err)
	}
	request.URL, request.Host = u, u.Host
	for name, values := range r.Header {
		request.Header[http.CanonicalHeaderKey(name)] = values
	}
	if r.Credential == nil {
		return request, nil
	}
	if r.Credential.secret {
		if err := client.guard.prove(ctx); err != nil {
			return nil, err
		}
		c.visit.Conceal(r.Credential.token)
	}
	return request, r.Credential.carry(request, r.Credential.token)
}

// rawURL is a URL on u's host whose path and query go out as they are written:
// net/url refuses what is malformed. A path does not begin with two slashes.
func rawURL(u *url.URL, uri string) *url.URL {
	if parsed, err := url.ParseRequestURI(uri); err == nil && !malformed(uri) {
		parsed.Scheme, parsed.Host = u.Scheme, u.Host
		return parsed
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host, Opaque: uri}
}

// malformed reports a request target that net/url would refuse, or change.
func malformed(uri string) bool {
	if uri == "" {
		return false
	}
	parsed, err := url.ParseRequestURI(uri)
	return err != nil || parsed.RequestURI() != uri || strings.HasPrefix(uri, "//")
}

// randomLengths are those of the random paths. Servers that put the path into
// their answer would make pages of equal length look alike.
var randomLengths = [2]int{12, 31}

// random is a sibling of a path that nobody has.
func (c *Conversation) random(path string, number int) string {
	which := min(number, len(c.randoms)) - 1
	dir := path[:strings.LastIndex(path, "/")+1]
	return cmp.Or(dir, "/") + c.randoms[which]
}

func newRandoms() (texts [2]string) {
	for i, length := range randomLengths {
		texts[i] = strings.ToLower(rand.Text() + rand.Text())[:length]
	}
	return texts
}
