package checks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
)

// Fetch gets a document that a certificate names: a CRL, or with a body the
// answer of an OCSP responder. It goes to another host than the target, and so
// only when Runner.Revocation allows it; what was fetched for one link serves
// all others. Redirects are not followed, and more than most bytes are an
// error.
//
// The address comes from a certificate, which anybody can write: a target in
// a public network cannot point it at this machine or a private network.
func (v *Visit) Fetch(ctx context.Context, address, contentType string, body []byte, most int64) ([]byte, error) {
	s := v.session
	if !s.scan.runner.Revocation {
		return nil, Because(ReasonNotAsked, "asked for with --revocation")
	}
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil {
		return nil, Because(ReasonNotTested, "%q is not an address that is fetched from", address)
	}
	return s.scan.fetched.of(address+"\x00"+string(body), func() ([]byte, error) {
		return v.fetch(ctx, u, contentType, body, most)
	})
}

func (v *Visit) fetch(ctx context.Context, u *url.URL, contentType string, body []byte, most int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, v.StepTimeout())
	defer cancel()
	method := http.MethodGet
	if body != nil {
		method = http.MethodPost
	}
	request, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", v.UserAgent())
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	transport := &http.Transport{DialContext: v.dialElsewhere, DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return nil, v.session.interrupted(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, Because(ReasonAmbiguous, "%s answers HTTP %d", u.Host, response.StatusCode)
	}
	document, err := io.ReadAll(io.LimitReader(response.Body, most+1))
	if int64(len(document)) > most {
		return nil, Because(ReasonTooLarge, "%s sends more than %d bytes", u.Host, most)
	}
	return document, err
}

// dialElsewhere opens a counted and paced connection to another host than the
// target, one that the target named.
func (v *Visit) dialElsewhere(ctx context.Context, network, address string) (net.Conn, error) {
	return v.dialHost(ctx, network, address, func(host string, to netip.Addr) error {
		if mayPoint(v.Address().Addr(), to) {
			return nil
		}
		return Because(ReasonNotTested, "%s lies in a network that a certificate from outside may not point to", host)
	})
}

// dialDeclared is dialElsewhere for a host that the inventory names.
func (v *Visit) dialDeclared(ctx context.Context, network, address string) (net.Conn, error) {
	return v.dialHost(ctx, network, address, func(string, netip.Addr) error { return nil })
}

func (v *Visit) dialHost(ctx context.Context, network, address string, allow func(string, netip.Addr) error) (net.Conn, error) {
	s := v.session
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	addresses, err := s.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	if err := s.spend(&s.connections, s.scan.limits.Connections, "connections"); err != nil {
		return nil, err
	}
	if err := pace(ctx, s.scan.dials); err != nil {
		return nil, s.interrupted(err)
	}
	if err := allow(host, addresses[0]); err != nil {
		return nil, err
	}
	v.connections.Add(1)
	dial := s.scan.runner.Dialer
	if dial == nil {
		dial = (&net.Dialer{KeepAlive: -1}).DialContext
	}
	c, err := dial(ctx, network, net.JoinHostPort(addresses[0].String(), port))
	if err != nil {
		return nil, &connectError{err}
	}
	return c, nil
}

// mayPoint reports whether what a peer says may lead to an address: always to
// a public one, and to one of this machine or of a private network only from
// there.
func mayPoint(from, to netip.Addr) bool {
	inside := func(a netip.Addr) bool {
		return a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || a.IsUnspecified() || carrier.Contains(a)
	}
	return !inside(to) || from.IsLoopback() || (inside(from) && !to.IsLoopback() && !to.IsLinkLocalUnicast())
}

// carrier is the address space between a carrier and its customers (RFC 6598),
// where clouds keep services of their own.
//
//nolint:gochecknoglobals // a constant
var carrier = netip.MustParsePrefix("100.64.0.0/10")

// documents remembers what was fetched, for all links of a scan.
type documents struct {
	mu   sync.Mutex
	held map[string]func() ([]byte, error)
}

func (d *documents) of(key string, fetch func() ([]byte, error)) ([]byte, error) {
	d.mu.Lock()
	once, ok := d.held[key]
	if !ok {
		if d.held == nil {
			d.held = make(map[string]func() ([]byte, error))
		}
		once = sync.OnceValues(fetch)
		d.held[key] = once
	}
	d.mu.Unlock()
	document, err := once()
	if err != nil && errors.Is(err, context.Canceled) {
		// One link's end is not another's.
		d.mu.Lock()
		delete(d.held, key)
		d.mu.Unlock()
	}
	if err != nil {
		return nil, fmt.Errorf("fetching: %w", err)
	}
	return document, nil
}
