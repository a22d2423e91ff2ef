package checks

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	gocmp "github.com/google/go-cmp/cmp/cmpopts"
)

func TestParseResolution(t *testing.T) {
	t.Parallel()
	good := map[string]Resolution{
		"api.example.com:443:127.0.0.1":  {Host: "api.example.com", Port: 443, Address: netip.MustParseAddr("127.0.0.1")},
		"API.example.com.:8443:[::1]":    {Host: "api.example.com", Port: 8443, Address: netip.MustParseAddr("::1")},
		"a:1:2001:db8::7":                {Host: "a", Port: 1, Address: netip.MustParseAddr("2001:db8::7")},
		"[2001:db8::1]:443:127.0.0.1":    {Host: "2001:db8::1", Port: 443, Address: netip.MustParseAddr("127.0.0.1")},
		"a.example:443:::ffff:127.0.0.1": {Host: "a.example", Port: 443, Address: netip.MustParseAddr("127.0.0.1")},
	}
	for text, want := range good {
		got, err := ParseResolution(text)
		if err != nil {
			t.Errorf("ParseResolution(%q): %v", text, err)
		}
		if diff := cmp.Diff(got, want, gocmp.EquateComparable(netip.Addr{})); diff != "" {
			t.Errorf("ParseResolution(%q): %s", text, diff)
		}
	}
	bad := map[string]string{
		"":                      "no host",
		":443:127.0.0.1":        "no host",
		".:443:127.0.0.1":       "no host",
		"api.example.com":       "no host",
		"api.example.com:443":   "no address",
		"a:0:127.0.0.1":         "from 1 to 65535",
		"a:65536:127.0.0.1":     "from 1 to 65535",
		"a:https:127.0.0.1":     "from 1 to 65535",
		"a:443:b.example.com":   "not an IP address",
		"a:443:[::1":            "not closed",
		"a:443:":                "not an IP address",
		"[::1:443:127.0.0.1":    "no host",
		"a:443:127.0.0.1,::1":   "not an IP address",
		"a:443:127.0.0.1:extra": "not an IP address",
	}
	for text, want := range bad {
		_, err := ParseResolution(text)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "want host:port:address") {
			t.Errorf("ParseResolution(%q) = %v, want an error with %q and a hint", text, err, want)
		}
	}
}

func FuzzParseResolution(f *testing.F) {
	f.Add("api.example.com:443:127.0.0.1")
	f.Add("[::1]:443:[::1]")
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseResolution(s)
		if err == nil && (r.Host == "" || r.Port == 0 || !r.Address.IsValid()) {
			t.Errorf("ParseResolution(%q) = %+v without an error", s, r)
		}
	})
}

// Addresses are sorted, each once, looked up once per link; literals and
// resolutions need no resolver.
func TestAddresses(t *testing.T) {
	t.Parallel()
	var lookups atomic.Int64
	resolver := func(_ context.Context, host string) ([]netip.Addr, error) {
		lookups.Add(1)
		if host != "test.example" {
			return nil, &net.DNSError{Name: host, Err: "no such host", IsNotFound: true}
		}
		return []netip.Addr{netip.MustParseAddr("::1"), netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("::ffff:127.0.0.2")}, nil
	}
	resolve := []Resolution{{Host: "override.example", Port: 443, Address: netip.MustParseAddr("127.0.0.9")}}
	tests := []struct {
		url     string
		want    []string
		lookups int64
		reason  Reason
	}{
		{url: "https://test.example", want: []string{"127.0.0.2", "::1"}, lookups: 1},
		{url: "https://127.0.0.5", want: []string{"127.0.0.5"}},
		{url: "https://[::1]", want: []string{"::1"}},
		{url: "https://override.example", want: []string{"127.0.0.9"}},
		{url: "https://override.example:8443", reason: ReasonDNS, lookups: 1},
		{url: "https://absent.example", reason: ReasonDNS, lookups: 1},
	}
	for _, tt := range tests {
		lookups.Store(0)
		r := Runner{Resolver: resolver, Resolve: resolve}
		o := visitOne(t, r, testLink(t, "l", tt.url), func(ctx context.Context, v *Visit) (*testFacts, error) {
			f := &testFacts{List: []string{}}
			for range 2 {
				addresses, err := v.Addresses(ctx)
				if err != nil {
					if _, again := v.Addresses(ctx); !errors.Is(again, err) {
						t.Errorf("%s: the second error differs: %v", tt.url, again)
					}
					return nil, err
				}
				f.List = f.List[:0]
				for _, a := range addresses {
					f.List = append(f.List, a.String())
				}
			}
			return f, nil
		})
		if f, ok := o.Facts.(*testFacts); ok {
			if diff := cmp.Diff(f.List, tt.want); diff != "" {
				t.Errorf("%s: %s", tt.url, diff)
			}
		}
		if o.Reason != tt.reason {
			t.Errorf("%s: reason %q, want %q (%s)", tt.url, o.Reason, tt.reason, o.Detail)
		}
		if lookups.Load() != tt.lookups {
			t.Errorf("%s: %d lookups, want %d", tt.url, lookups.Load(), tt.lookups)
		}
	}
}

// The first address that takes the connection is recorded, and comes first
// from then on.
func TestDialTriesAddressesInOrder(t *testing.T) {
	t.Parallel()
	p := serve(t, stall)
	port := p.Addr().(*net.TCPAddr).Port
	var tried []string
	r := Runner{
		Limits: patient,
		Resolver: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.0")}, nil
		},
		Dialer: func(ctx context.Context, network, address string) (net.Conn, error) {
			tried = append(tried, address)
			if strings.HasPrefix(address, "127.0.0.0:") {
				return nil, syscall.EHOSTUNREACH
			}
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	}
	link := testLink(t, "l", p.url("https"))
	link.URL.Host = net.JoinHostPort("test.example", portText(port))
	o := visitOne(t, r, link, func(ctx context.Context, v *Visit) (*testFacts, error) {
		for range 2 {
			c, err := v.Dial(ctx)
			if err != nil {
				return nil, err
			}
			_ = c.Close()
		}
		if v.Address().Addr().String() != "127.0.0.1" || v.ConnectTime() <= 0 {
			t.Errorf("address %v after %v", v.Address(), v.ConnectTime())
		}
		return &testFacts{}, nil
	})
	host := ":" + portText(port)
	if diff := cmp.Diff(tried, []string{"127.0.0.0" + host, "127.0.0.1" + host, "127.0.0.1" + host}); diff != "" {
		t.Errorf("tried: %s", diff)
	}
	if o.Outcome != Observed || o.Connections != 2 {
		t.Errorf("%+v", o)
	}
}

func portText(port int) string {
	_, text, _ := net.SplitHostPort((&net.TCPAddr{Port: port}).String())
	return text
}
