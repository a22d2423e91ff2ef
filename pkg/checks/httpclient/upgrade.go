package httpclient

import (
	"context"
	"net/http"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// Turn waits until the next request may be sent to the server, and counts it.
// It is for requests that are not made by Ask: see Upgrade.
func (c *Conversation) Turn(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.wait(ctx); err != nil {
		return err
	}
	return c.visit.Request(ctx)
}

// Upgrade makes the GET of the declared URL that r stands for, for a connection
// which the caller has opened for it alone and which is to go on in another
// protocol (RFC 9110 section 7.8). Of r it takes the header and the credential.
// unproven is why no secret may cross that connection; nil when one may. Call
// Turn before.
func (c *Conversation) Upgrade(r Request, unproven error) (*http.Request, error) {
	l := c.visit.Link()
	u, err := l.PublicURL()
	if err != nil {
		return nil, checks.Because(checks.ReasonNotTested, "the declared URL: %w", err)
	}
	u.Scheme = overHTTP(u.Scheme)
	if unproven != nil && (hasSecretPath(l) || r.Credential != nil && r.Credential.secret) {
		return nil, checks.Because(checks.ReasonNotTested, "secrets are not sent to an unproven peer: %w", undated(unproven))
	}
	request := &http.Request{Method: http.MethodGet, URL: u, Host: u.Host, Header: http.Header{"User-Agent": {c.visit.UserAgent()}}}
	for name, values := range r.Header {
		request.Header[http.CanonicalHeaderKey(name)] = values
	}
	if r.Credential == nil {
		return request, nil
	}
	if r.Credential.secret {
		c.visit.Conceal(r.Credential.token)
	}
	return request, r.Credential.carry(request, r.Credential.token)
}

// Heed takes note of an answer that was had by other means, so far as the server
// asks in it to be left alone.
func (c *Conversation) Heed(response *Response) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.heed(response)
}
