package certificate

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// node answers at one address of the name: a server, or an error of the
// network.
type node struct {
	server *testserver.Server
	err    error
}

// scan visits a link whose name has the nodes' addresses, in this order.
func scan(t *testing.T, w pki, nodes ...node) checks.Observation {
	t.Helper()
	var addresses []netip.Addr
	for i := range nodes {
		addresses = append(addresses, netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}))
	}
	runner := &checks.Runner{
		Probes: []checks.Probe{probeFor(w)}, Level: checks.Observe, Roots: testserver.Pool(w.root),
		Now:      func() time.Time { return testserver.Now },
		Resolver: func(context.Context, string) ([]netip.Addr, error) { return addresses, nil },
		Dialer: func(ctx context.Context, network, address string) (net.Conn, error) {
			n := nodes[netip.MustParseAddrPort(address).Addr().As4()[3]]
			if n.err != nil {
				return nil, &net.OpError{Op: "dial", Net: network, Err: n.err}
			}
			return new(net.Dialer).DialContext(ctx, network, fmt.Sprintf("127.0.0.1:%d", n.server.Port))
		},
		Limits: checks.Limits{StepTimeout: time.Second, LinkTimeout: 15 * time.Second, Rate: 1e6, HostRate: 1e6, RequestRate: 1e6},
	}
	link := (&testserver.Server{Port: 8883}).Link(t, "mqtts", "")
	results, err := runner.Run(t.Context(), []*inventory.Link{link})
	if err != nil {
		t.Fatal(err)
	}
	return results[0].Observations[0]
}

func TestWorstAddressCounts(t *testing.T) {
	t.Parallel()
	w := newPKI(t)
	serve := func(c *testserver.Issued) node {
		return node{server: testserver.TLS(t, &tls.Config{Certificates: []tls.Certificate{c.TLS()}}, nil)}
	}
	now := testserver.Now
	good := w.sub.Leaf(t, nil)
	soon := w.sub.Leaf(t, nil, testserver.Valid(now.AddDate(0, 0, -80), now.AddDate(0, 0, 5)))
	expired := w.sub.Leaf(t, nil, testserver.Valid(now.AddDate(0, 0, -80), now.AddDate(0, 0, -1)))
	other := w.sub.Leaf(t, nil, testserver.For("other.example"))
	small := w.sub.Leaf(t, testserver.RSA(t, 1024))
	type picture struct {
		Expired, Host, Trusted *bool
		DaysLeft, KeyBits      *int
		KeyType                *string
		Unknown                checks.Reason // of expired
	}
	unreached := syscall.ENETUNREACH
	for _, test := range []struct {
		name  string
		nodes []node
		want  picture
	}{
		{"one", []node{serve(good)}, picture{new(false), new(true), new(true), new(79), new(256), new("ECDSA"), ""}},
		{"equal", []node{serve(good), serve(good)}, picture{new(false), new(true), new(true), new(79), new(256), new("ECDSA"), ""}},
		{"the second expires sooner", []node{serve(good), serve(soon)}, picture{new(false), new(true), new(true), new(5), new(256), new("ECDSA"), ""}},
		{"the second is expired", []node{serve(good), serve(expired)}, picture{new(true), new(true), new(true), new(-1), new(256), new("ECDSA"), ""}},
		{"flaws of two", []node{serve(expired), serve(other)}, picture{new(true), new(false), new(true), new(-1), new(256), new("ECDSA"), ""}},
		{"the second has a small key", []node{serve(good), serve(small)}, picture{new(false), new(true), new(true), new(79), new(1024), new("RSA"), ""}},
		{
			"the second says nothing", []node{serve(good), {server: testserver.Raw(t, testserver.Stall)}},
			picture{KeyBits: new(256), KeyType: new("ECDSA"), Unknown: checks.ReasonStalled},
		},
		{
			"what is bad is known", []node{serve(expired), {server: testserver.Raw(t, testserver.Reset)}},
			picture{Expired: new(true), KeyBits: new(256), KeyType: new("ECDSA")},
		},
		{
			"no way to the second", []node{serve(good), {err: unreached}},
			picture{new(false), new(true), new(true), new(79), new(256), new("ECDSA"), ""},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			o := scan(t, w, test.nodes...)
			f, ok := o.Facts.(*Facts)
			if !ok {
				t.Fatalf("%s, %s: %s", o.Outcome, o.Reason, o.Detail)
			}
			got := picture{f.Expired, f.HostnameMatches, f.Trusted, f.DaysLeft, f.KeyBits, f.KeyType, testserver.Reasons(o)["certificate.expired"]}
			if diff := cmp.Diff(got, test.want); diff != "" {
				t.Errorf("(-got +want):\n%s\n%v", diff, o.Evidence)
			}
		})
	}
	if o := scan(t, w, node{err: unreached}, node{err: syscall.ECONNREFUSED}); o.Outcome != checks.Unreachable {
		t.Errorf("nobody there: %s, %s", o.Outcome, o.Detail)
	}
}

// TestWithoutSNI: what clients get that name no server.
func TestWithoutSNI(t *testing.T) {
	t.Parallel()
	w := newPKI(t)
	named, fallback := w.sub.Leaf(t, nil).TLS(), w.sub.Leaf(t, nil, testserver.For("default.example")).TLS()
	byName := func(without *tls.Certificate, version uint16) *testserver.Server {
		return testserver.TLS(t, &tls.Config{
			MaxVersion: version,
			GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
				switch {
				case h.ServerName != "":
					return &named, nil
				case without == nil:
					return nil, errors.New("no name")
				}
				return without, nil
			},
		}, nil)
	}
	mute := testserver.TLS(t, &tls.Config{GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		if h.ServerName == "" {
			testserver.Stall(h.Conn, 0)
		}
		return &tls.Config{Certificates: []tls.Certificate{named}}, nil
	}}, nil)
	for _, test := range []struct {
		name   string
		server *testserver.Server
		want   string
		reason checks.Reason
	}{
		{"same", byName(&named, tls.VersionTLS13), withoutSNISame, ""},
		{"another", byName(&fallback, tls.VersionTLS13), withoutSNIDifferent, ""},
		{"another with TLS 1.2", byName(&fallback, tls.VersionTLS12), withoutSNIDifferent, ""},
		{"refused", byName(nil, tls.VersionTLS13), withoutSNIRefused, ""},
		{"refused with TLS 1.2", byName(nil, tls.VersionTLS12), withoutSNIRefused, ""},
		{"no answer", mute, "", checks.ReasonStalled},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			o := testserver.Observe(t, test.server.Link(t, "mqtts", ""), testserver.Pool(w.root), probeFor(w))[0]
			f, ok := o.Facts.(*Facts)
			if !ok {
				t.Fatalf("%s, %s: %s", o.Outcome, o.Reason, o.Detail)
			}
			var got string
			if f.WithoutSNI != nil {
				got = *f.WithoutSNI
			}
			if reason := testserver.Reasons(o)["certificate.without_sni"]; got != test.want || reason != test.reason {
				t.Errorf("%q, %q; want %q, %q", got, reason, test.want, test.reason)
			}
		})
	}
}

// TestAddressNamesNoServer: where no name is sent anyway, nothing is asked.
func TestAddressNamesNoServer(t *testing.T) {
	t.Parallel()
	w := newPKI(t)
	s := testserver.TLS(t, &tls.Config{Certificates: []tls.Certificate{w.sub.Leaf(t, nil).TLS()}}, nil)
	link := s.Link(t, "mqtts", "")
	link.URL.Host = fmt.Sprintf("127.0.0.1:%d", s.Port)
	o := testserver.Observe(t, link, testserver.Pool(w.root), probeFor(w))[0]
	if reason := testserver.Reasons(o)["certificate.without_sni"]; reason != checks.ReasonNotAsked || o.Connections != 1 {
		t.Errorf("%s, %d connections", reason, o.Connections)
	}
}
