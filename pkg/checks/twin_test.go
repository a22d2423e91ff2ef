package checks

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
)

// The door to the twin leads to port 80 of the address that was reached, and
// is open only beside https on port 443.
func TestDialTwin(t *testing.T) {
	t.Parallel()
	secure, plain := tlsPeer(t, &tls.Config{}), serve(t, say("hello"))
	for _, test := range []struct {
		url    string
		reason Reason
		dialed []string
	}{
		{"https://test.example/", "", []string{"192.0.2.7:443", "192.0.2.7:80"}},
		{"https://test.example:8443/", ReasonNotAsked, nil},
		{"http://test.example/", ReasonNotAsked, nil},
		{"wss://test.example/", ReasonNotAsked, nil},
		{"mqtts://test.example:443/", ReasonNotAsked, nil},
	} {
		var (
			mu     sync.Mutex
			dialed []string
		)
		r := Runner{
			Limits: patient,
			Resolver: func(context.Context, string) ([]netip.Addr, error) {
				return []netip.Addr{netip.MustParseAddr("192.0.2.7")}, nil
			},
			Dialer: func(ctx context.Context, network, address string) (net.Conn, error) {
				mu.Lock()
				dialed = append(dialed, address)
				mu.Unlock()
				to := secure.Addr().String()
				if _, port, _ := net.SplitHostPort(address); port == "80" {
					to = plain.Addr().String()
				}
				return (&net.Dialer{}).DialContext(ctx, network, to)
			},
		}
		o := visitOne(t, r, testLink(t, "hook", test.url), func(ctx context.Context, v *Visit) (*testFacts, error) {
			c, err := v.DialTwin(ctx)
			if err != nil {
				return nil, err
			}
			if v.Address().Port() != portHTTPS {
				t.Errorf("the link's address became %s", v.Address())
			}
			got := make([]byte, 5)
			_, _ = c.Write([]byte("?"))
			if _, err := c.Read(got); err != nil || string(got) != "hello" {
				t.Errorf("%q, %v", got, err)
			}
			return &testFacts{}, nil
		})
		if reasonIn(o) != test.reason || !slices.Equal(dialed, test.dialed) || o.Connections != len(test.dialed) {
			t.Errorf("%s: %s (%s), %d connections, dialed %v", test.url, o.Reason, o.Detail, o.Connections, dialed)
		}
	}
}

// A twin that nobody serves is refused, not a defect and no trouble of the
// link's own.
func TestDialTwinFails(t *testing.T) {
	t.Parallel()
	secure := tlsPeer(t, &tls.Config{})
	for _, test := range []struct {
		limits Limits
		err    error
		reason Reason
	}{
		{patient, &net.OpError{Op: "dial", Err: errors.New("connection refused by a firewall")}, ReasonRoute},
		{patient, context.DeadlineExceeded, ReasonTimeout},
		{Limits{Connections: 1, HostRate: 1e6, Rate: 1e6}, nil, ReasonBudget},
	} {
		r := Runner{
			Limits: test.limits,
			Resolver: func(context.Context, string) ([]netip.Addr, error) {
				return []netip.Addr{netip.MustParseAddr("192.0.2.7")}, nil
			},
			Dialer: func(ctx context.Context, network, address string) (net.Conn, error) {
				if address == "192.0.2.7:80" {
					return nil, test.err
				}
				return (&net.Dialer{}).DialContext(ctx, network, secure.Addr().String())
			},
		}
		o := visitOne(t, r, testLink(t, "hook", "https://test.example/"), func(ctx context.Context, v *Visit) (*testFacts, error) {
			_, err := v.DialTwin(ctx)
			return nil, err
		})
		if o.Reason != test.reason {
			t.Errorf("%s (%s), want %s", o.Reason, o.Detail, test.reason)
		}
	}
}

// reasonIn is why a visit learned nothing: what was not asked is no failure.
func reasonIn(o Observation) Reason {
	if o.Reason == "" && o.Facts != nil && len(o.Unknown) > 0 && o.Unknown[0].Reason == ReasonNotAsked {
		return ReasonNotAsked
	}
	return o.Reason
}
