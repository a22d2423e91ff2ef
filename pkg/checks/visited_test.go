package checks

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/internal/peers"
)

// twoAddresses listens on one port of two loopback addresses, with one
// configuration each, and returns the port and what counts connections.
func twoAddresses(t *testing.T, configs ...*tls.Config) (uint16, []*atomic.Int64) {
	t.Helper()
	var (
		port  uint16
		count []*atomic.Int64
	)
	for i, config := range configs {
		l, err := net.Listen("tcp", "127.0.0."+strconv.Itoa(i+1)+":"+strconv.Itoa(int(port)))
		if err != nil {
			peers.LeftOut(t, "no second loopback address here: %v", err)
		}
		port = l.Addr().(*net.TCPAddr).AddrPort().Port()
		n := new(atomic.Int64)
		count = append(count, n)
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				n.Add(1)
				go func() {
					defer c.Close()
					s := tls.Server(c, config)
					if s.Handshake() == nil {
						_, _ = s.Read(make([]byte, 1))
					}
				}()
			}
		}()
		t.Cleanup(func() { _ = l.Close() })
	}
	return port, count
}

func TestHandshakeAtEachAddress(t *testing.T) {
	t.Parallel()
	configs := []*tls.Config{
		{Certificates: []tls.Certificate{certify(t, nil)}},
		{Certificates: []tls.Certificate{certify(t, nil)}, MaxVersion: tls.VersionTLS12},
	}
	port, count := twoAddresses(t, configs...)
	a, b := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")
	r := Runner{Limits: patient, Resolver: func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{b, a}, nil
	}}
	link := testLink(t, "x", "mqtts://two.example:"+strconv.Itoa(int(port)))
	visitOne(t, r, link, func(ctx context.Context, v *Visit) (*testFacts, error) {
		visited, err := v.Visited(ctx)
		if err != nil || !slices.Equal(visited, []netip.Addr{a, b}) {
			t.Errorf("visited %v, %v", visited, err)
		}
		var versions []uint16
		for range 2 { // the second round costs nothing
			for _, address := range visited {
				h, err := v.HandshakeAt(ctx, address)
				if err != nil {
					t.Fatal(err)
				}
				if h.Address.Addr() != address {
					t.Errorf("handshake with %v, want %v", h.Address, address)
				}
				versions = append(versions, h.Version)
			}
		}
		if diff := cmp.Diff(versions, []uint16{tls.VersionTLS13, tls.VersionTLS12, tls.VersionTLS13, tls.VersionTLS12}); diff != "" {
			t.Errorf("versions (-got +want):\n%s", diff)
		}
		c, err := v.DialHello(ctx, b)
		if err != nil || c.RemoteAddr().(*net.TCPAddr).AddrPort().Addr() != b {
			t.Fatalf("dialled %v, %v", c, err)
		}
		_, _ = c.Write([]byte("no hello"))
		_, _ = c.Read(make([]byte, 64)) // its answer shows that it counted us
		if v.Address().Addr() != a {
			t.Errorf("the first address became %v", v.Address())
		}
		return &testFacts{}, nil
	})
	if count[0].Load() != 1 || count[1].Load() != 2 {
		t.Errorf("%d and %d connections, want 1 and 2", count[0].Load(), count[1].Load())
	}
}

func TestVisitedIsBounded(t *testing.T) {
	t.Parallel()
	all := make([]netip.Addr, 10)
	for i := range all {
		all[i] = netip.AddrFrom4([4]byte{127, 0, 0, byte(i + 1)})
	}
	r := Runner{Limits: Limits{Addresses: 3}, Resolver: func(context.Context, string) ([]netip.Addr, error) { return all, nil }}
	visitOne(t, r, testLink(t, "x", "https://many.example"), func(ctx context.Context, v *Visit) (*testFacts, error) {
		visited, err := v.Visited(ctx)
		if err != nil || !slices.Equal(visited, all[:3]) {
			t.Errorf("visited %v, %v", visited, err)
		}
		return &testFacts{}, nil
	})
}
