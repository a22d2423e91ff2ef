package channeltest

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// Visit says how a broker is surveyed. Its zero value visits at level observe.
type Visit struct {
	Level  checks.Level
	Roots  *x509.CertPool
	Limits checks.Limits // StepTimeout one second, when it is zero
	// Ports says where each port of the broker's host really is, for tests of
	// what stands beside a well-known one: "1883" at "127.0.0.1:40123". Nobody
	// listens on the others. nil takes ports as they are.
	Ports map[string]string
}

// Link is a link to a broker at an address of loopback, by the name that
// testserver's certificates are for.
func Link(t testing.TB, scheme, addr string) *inventory.Link {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return &inventory.Link{
		Vendor: &inventory.Vendor{ID: "acme"}, ID: "broker", Kind: inventory.KindBroker,
		URL: &url.URL{Scheme: scheme, Host: testserver.Host + ":" + port},
	}
}

// Survey surveys a broker and returns its facts by name, with the reason in
// brackets of those that are unknown: "(not_asked)". A fact that was left out
// without a reason fails the test.
func Survey(t testing.TB, l *inventory.Link, visit Visit, survey func(context.Context, *channel.Survey) error) (map[string]any, checks.Observation) {
	t.Helper()
	probe := checks.New(checks.Spec{Name: "broker", Doc: "For tests.", Level: checks.Observe}, func(ctx context.Context, v *checks.Visit) (*channel.Facts, error) {
		s := &channel.Survey{Visit: v, Facts: &channel.Facts{}}
		err := survey(ctx, s)
		if err != nil {
			return nil, err
		}
		for _, fact := range []string{"vantage", "anonymous_limited", "advertises_private", "version_disclosed", "end_of_life", "end_of_life_date", "known_exploited"} {
			s.Absent(fact, "filled in by the probe")
		}
		return s.Facts, nil
	})
	limits := visit.Limits
	if limits.StepTimeout == 0 {
		limits.StepTimeout = time.Second
	}
	limits.LinkTimeout, limits.Rate, limits.HostRate, limits.RequestRate = 20*time.Second, 1e6, 1e6, 1e6
	level := visit.Level
	if level == "" {
		level = checks.Observe
	}
	runner := &checks.Runner{
		Probes: []checks.Probe{probe}, Level: level, Roots: visit.Roots, UserAgent: "m2mscan/test", Limits: limits,
		Now: func() time.Time { return testserver.Now },
		Resolver: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}, nil
		},
	}
	if visit.Ports != nil {
		runner.Dialer = func(ctx context.Context, network, address string) (net.Conn, error) {
			_, port, _ := net.SplitHostPort(address)
			return (&net.Dialer{}).DialContext(ctx, network, cmp.Or(visit.Ports[port], "127.0.0.1:1")) //nolint:forbidigo // loopback, in tests
		}
	}
	results, err := runner.Run(t.Context(), []*inventory.Link{l})
	if err != nil {
		t.Fatal(err)
	}
	o := results[0].Observations[0]
	known := make(map[string]any)
	if f, ok := checks.FactsOf[channel.Facts](results[0].Observations); ok {
		checks.Flatten("", f, known)
	}
	facts := make(map[string]any)
	for name, value := range known {
		facts[strings.TrimPrefix(name, ".")] = value
	}
	for _, u := range o.Unknown {
		if u.Reason == checks.ReasonBug {
			t.Errorf("unknown by a defect: %+v", u)
		}
		facts[strings.TrimPrefix(u.Fact, "broker.")] = "(" + string(u.Reason) + ")"
	}
	return facts, o
}

// Check compares the facts named in want.
func Check(t testing.TB, facts map[string]any, want map[string]any) {
	t.Helper()
	for name, w := range want {
		if got := facts[name]; fmt.Sprint(got) != fmt.Sprint(w) {
			t.Errorf("%s: %v, want %v", name, got, w)
		}
	}
}
