package transport

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/internal/peers"
	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/hello"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/fakeserver"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// serveAlso starts a second server on the port of another, at 127.0.0.2.
func serveAlso(t *testing.T, port uint16, config fakeserver.Config) {
	t.Helper()
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.2:%d", port))
	if err != nil {
		peers.LeftOut(t, "127.0.0.2 is not this machine's: %v", err)
	}
	var (
		server  fakeserver.Server
		serving sync.WaitGroup
	)
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer c.Close()
				server.Serve(c, config)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		serving.Wait()
	})
}

// runnerOf runs the probe without pacing. The name resolves to the hosts of
// 127.0.0.0/8 given.
func runnerOf(limits checks.Limits, hosts ...byte) *checks.Runner {
	limits.StepTimeout, limits.Rate, limits.HostRate = time.Second, 1e6, 1e6
	return &checks.Runner{
		Probes: []checks.Probe{Probe()}, Level: checks.Observe, UserAgent: "m2mscan/test", Limits: limits,
		Now: func() time.Time { return testserver.Now },
		Resolver: func(context.Context, string) ([]netip.Addr, error) {
			var addresses []netip.Addr
			for _, host := range hosts {
				addresses = append(addresses, netip.AddrFrom4([4]byte{127, 0, 0, host}))
			}
			return addresses, nil
		},
	}
}

// TestAddresses: a name is as good as the worst of its addresses.
func TestAddresses(t *testing.T) {
	t.Parallel()
	weak := hardened(t)
	weak.Versions = append([]hello.Version{hello.TLS10}, weak.Versions...)
	weak.Suites = append([]hello.Suite{0x000a}, weak.Suites...)
	silent := fakeserver.Config{Drop: func(*hello.ClientHello, int) bool { return true }}
	for _, test := range []struct {
		name   string
		second fakeserver.Config
		want   Accepts
		weak   *bool // triple_des
		differ string
	}{
		{"alike", hardened(t), acceptsOf(hello.TLS12, hello.TLS13), new(false), ""},
		{"one is worse", weak, acceptsOf(hello.TLS10, hello.TLS12, hello.TLS13), new(true), "accepts.tls10"},
		// What the silent one cannot make worse stays known: old versions are.
		{"one says nothing", silent, Accepts{TLS12: new(true)}, nil, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := fakeserver.Start(t, hardened(t))
			serveAlso(t, s.Port, test.second)
			runner := runnerOf(checks.Limits{}, 1, 2)
			link := s.Link(t, "mqtts", "")
			results, err := runner.Run(t.Context(), []*inventory.Link{link})
			if err != nil {
				t.Fatal(err)
			}
			o := results[0].Observations[0]
			f, ok := o.Facts.(*Facts)
			if !ok {
				t.Fatalf("observation %+v", o)
			}
			if reason := testserver.Reasons(o)["tls.accepts.tls10"]; test.want.TLS10 == nil && reason != checks.ReasonReset {
				t.Errorf("accepts.tls10 is unknown for %q", reason)
			}
			if diff := cmp.Diff(f.Accepts, test.want); diff != "" {
				t.Errorf("accepts (-got +want):\n%s", diff)
			}
			if diff := cmp.Diff(f.Weak.TripleDES, test.weak); diff != "" {
				t.Errorf("weak.triple_des (-got +want):\n%s", diff)
			}
			var differ string
			for _, e := range o.Evidence {
				if e.Kind == "addresses" {
					differ = e.Text
				}
			}
			if (differ == "") != (test.differ == "") || !strings.Contains(differ, test.differ) {
				t.Errorf("evidence %q, want %q in it", differ, test.differ)
			}
			if planned := runner.Plan([]*inventory.Link{link})[0].Connections; o.Connections > planned {
				t.Errorf("%d connections, planned %d", o.Connections, planned)
			}
		})
	}
}
