package probes

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/internal/peers"
	"github.com/m2mscan/m2mscan/internal/wire"
	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// picture is all that a scan learned of a link, and what it did not and why.
type picture struct {
	known       map[string]any
	unknown     map[string]checks.Unknown
	connections int
	took        time.Duration
}

// tlsProbes are those of the connection; the ones of HTTP wait for a server's
// pace, and have tests of their own.
func tlsProbes() []checks.Probe {
	return slices.DeleteFunc(All(), func(p checks.Probe) bool {
		return !slices.Contains([]string{"link", "client_auth", "certificate", "tls", "tls_flaws"}, p.Name)
	})
}

func pictureOf(observations []checks.Observation) picture {
	p := picture{known: map[string]any{}, unknown: map[string]checks.Unknown{}}
	for _, o := range observations {
		p.connections += o.Connections
		if o.Facts != nil {
			checks.Flatten(o.Probe, o.Facts, p.known)
		}
		for _, u := range o.Unknown {
			p.unknown[u.Fact] = u
		}
	}
	delete(p.known, "link.latency_ms") // the one fact that is a measure of time
	return p
}

// checkUnhindered holds a scan without a limit to have learned what there is
// to learn: only what the server leaves open, or was not asked, is unknown.
func (p picture) checkUnhindered(t *testing.T) {
	t.Helper()
	if len(p.known) < 70 {
		t.Fatalf("only %d facts are known without a limit: %v", len(p.known), p.known)
	}
	open := []checks.Reason{checks.ReasonAmbiguous, checks.ReasonNotTested, checks.ReasonNotAsked}
	for fact, u := range p.unknown {
		if !slices.Contains(open, u.Reason) {
			t.Errorf("%s is unknown without a limit: %s, %s", fact, u.Reason, u.Detail)
		}
	}
}

// compare reports every fact that is otherwise than without a limit: wrong,
// made up, or unknown without a reason. It returns those that are unknown only
// behind the limit.
func (p picture) compare(t *testing.T, free picture) []string {
	t.Helper()
	var lost []string
	for _, fact := range slices.Sorted(maps.Keys(free.known)) {
		got, ok := p.known[fact]
		if ok {
			if diff := cmp.Diff(got, free.known[fact]); diff != "" {
				t.Errorf("%s is wrong behind the limit (-limited +free):\n%s", fact, diff)
			}
			continue
		}
		reason := p.unknown[fact].Reason
		lost = append(lost, fmt.Sprintf("%s: %s (%s)", fact, reason, p.unknown[fact].Detail))
		if reason == "" || reason == checks.ReasonBug {
			t.Errorf("%s is unknown without a good reason: %q, %s", fact, reason, p.unknown[fact].Detail)
		}
	}
	for _, fact := range slices.Sorted(maps.Keys(p.known)) {
		if _, ok := free.known[fact]; !ok {
			t.Errorf("%s is made up: %v behind the limit, unknown without: %+v", fact, p.known[fact], free.unknown[fact])
		}
	}
	return lost
}

// usual are the limits that the command line has for a profile.
var usual = map[checks.TLSProfile]checks.Limits{
	checks.TLSRisk: checks.DefaultLimits,
	checks.TLSFull: {LinkTimeout: 2 * time.Minute, PerHost: 16, HostRate: 100, Connections: 400},
}

// limitedServers are servers that differ in what a scan finds.
func limitedServers(t *testing.T) map[string]*tls.Config {
	t.Helper()
	root := testserver.Root(t, "Root")
	certificates := []tls.Certificate{root.Leaf(t, testserver.RSA(t, 2048)).TLS(), root.Leaf(t, nil).TLS()}
	var everySuite []uint16
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		everySuite = append(everySuite, s.ID)
	}
	return map[string]*tls.Config{
		"modern": {Certificates: certificates},
		"old and weak": {
			Certificates: certificates[:1], MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS12, CipherSuites: everySuite,
		},
		"insists on a client certificate": {
			Certificates: certificates[1:], ClientAuth: tls.RequireAnyClientCert, ClientCAs: testserver.Pool(root),
		},
	}
}

// behind scans an HTTPS server in memory, behind a limit. It runs in a bubble
// whose time flies, so all the waiting takes none.
func behind(t *testing.T, config *tls.Config, limit wire.Limit, profile checks.TLSProfile) picture {
	t.Helper()
	var p picture
	synctest.Test(t, func(t *testing.T) {
		address := netip.MustParseAddrPort("127.0.0.1:443")
		network := wire.NewMemory(address)
		listener := wire.NewLimited(network, limit)
		server := &http.Server{
			Handler:   http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }),
			TLSConfig: config.Clone(), ErrorLog: log.New(io.Discard, "", 0), ReadTimeout: time.Minute,
		}
		served := make(chan struct{})
		go func() {
			defer close(served)
			_ = server.ServeTLS(listener, "", "")
		}()
		runner := scanner(profile)
		runner.Dialer = network.Dial
		start := time.Now()
		results, err := runner.Run(t.Context(), []*inventory.Link{acme(t, address)})
		if err != nil {
			t.Error(err)
		}
		p = pictureOf(results[0].Observations)
		p.took = time.Since(start)
		server.Close()
		<-served
	})
	return p
}

// scanner scans as the command line does, at a fixed moment.
func scanner(profile checks.TLSProfile) checks.Runner {
	return checks.Runner{
		Probes: tlsProbes(), Level: checks.Observe, TLS: profile, Limits: usual[profile], UserAgent: "m2mscan/test",
		Now: func() time.Time { return testserver.Now },
		Resolver: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}, nil
		},
	}
}

func acme(t *testing.T, address netip.AddrPort) *inventory.Link {
	t.Helper()
	u, err := url.Parse(fmt.Sprintf("https://%s:%d/", testserver.Host, address.Port()))
	if err != nil {
		t.Fatal(err)
	}
	return &inventory.Link{Vendor: &inventory.Vendor{ID: "acme"}, ID: "link", Kind: inventory.KindEndpoint, URL: u}
}

// TestBehindLimits: a server that takes 3 or 20 connections a second shows the
// same facts as one without a limit, only later: none is wrong, none is lost.
func TestBehindLimits(t *testing.T) {
	t.Parallel()
	for name, config := range limitedServers(t) {
		for _, profile := range checks.TLSProfiles {
			t.Run(fmt.Sprintf("%s, %s", name, profile), func(t *testing.T) {
				t.Parallel()
				free := behind(t, config, wire.Limit{}, profile)
				free.checkUnhindered(t)
				for _, limit := range limits() {
					t.Run(fmt.Sprintf("%v a second, %d at once, %s", limit.PerSecond, limit.Burst, limit.Over), func(t *testing.T) {
						limited := behind(t, config, limit, profile)
						lost := limited.compare(t, free)
						t.Logf("%d connections in %s, %d in %s without a limit; %d of %d facts lost: %q", limited.connections,
							limited.took, free.connections, free.took, len(lost), len(free.known), lost)
						if len(lost) > 0 {
							t.Errorf("%d facts were lost to the limit", len(lost))
						}
					})
				}
			})
		}
	}
}

// limits are of a second's worth of connections at once, and of one at a time.
func limits() []wire.Limit {
	var all []wire.Limit
	for _, perSecond := range []int{3, 20} {
		for _, burst := range []int{perSecond, 1} {
			for _, over := range []wire.Over{wire.Reset, wire.Close, wire.Silence} {
				all = append(all, wire.Limit{PerSecond: float64(perSecond), Burst: burst, Over: over})
			}
		}
	}
	return all
}

// TestOneAtATime: so does a server of one connection at a time, as openssl's
// and many a device's are, for which every other has to wait.
func TestOneAtATime(t *testing.T) {
	t.Parallel()
	for name, config := range limitedServers(t) {
		for _, profile := range checks.TLSProfiles {
			t.Run(fmt.Sprintf("%s, %s", name, profile), func(t *testing.T) {
				t.Parallel()
				free := behind(t, config, wire.Limit{}, profile)
				single := behind(t, config, wire.Limit{AtOnce: 1}, profile)
				lost := single.compare(t, free)
				t.Logf("%d connections in %s, %d in %s without a limit; %d of %d facts lost: %q", single.connections,
					single.took, free.connections, free.took, len(lost), len(free.known), lost)
				if len(lost) > 0 {
					t.Errorf("%d facts were lost", len(lost))
				}
			})
		}
	}
}

// TestRealServersBehindLimits is the same against nginx, over TCP and in real
// time.
func TestRealServersBehindLimits(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		peers.LeftOut(t, "it takes the time that a limit of 20 connections a second makes it take")
	}
	root := testserver.Root(t, "Root")
	f := writeFiles(t, root, root.Leaf(t, testserver.RSA(t, 2048)))
	nginx := peers.Nginx(t,
		f.nginx()+"ssl_protocols TLSv1.2 TLSv1.3; return 204;",
		f.nginx()+"ssl_protocols TLSv1 TLSv1.1 TLSv1.2; ssl_ciphers ALL:eNULL:@SECLEVEL=0; return 204;")

	for _, test := range []struct {
		name, upstream string
		profile        checks.TLSProfile
	}{
		{"modern, risk", nginx[0], checks.TLSRisk},
		{"modern, full", nginx[0], checks.TLSFull},
		{"legacy, risk", nginx[1], checks.TLSRisk},
		{"legacy, full", nginx[1], checks.TLSFull},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			free := through(t, test.upstream, wire.Limit{}, test.profile)
			free.checkUnhindered(t)
			for _, over := range []wire.Over{wire.Reset, wire.Silence} {
				t.Run(over.String(), func(t *testing.T) {
					t.Parallel()
					limited := through(t, test.upstream, wire.Limit{PerSecond: 20, Over: over}, test.profile)
					if lost := limited.compare(t, free); len(lost) > 0 {
						t.Errorf("%d facts were lost to the limit: %q", len(lost), lost)
					}
				})
			}
		})
	}
}

// through scans a real server behind a proxy with a limit.
func through(t *testing.T, upstream string, limit wire.Limit, profile checks.TLSProfile) picture {
	t.Helper()
	proxy, err := wire.New(t.Context(), upstream, wire.Options{Limit: limit})
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	runner := scanner(profile)
	results, err := runner.Run(t.Context(), []*inventory.Link{acme(t, netip.MustParseAddrPort(proxy.Addr()))})
	if err != nil {
		t.Fatal(err)
	}
	return pictureOf(results[0].Observations)
}
