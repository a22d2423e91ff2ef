package probes

import (
	"context"
	"crypto/tls"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/internal/peers"
	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/access"
	"github.com/m2mscan/m2mscan/pkg/checks/clientauth"
	"github.com/m2mscan/m2mscan/pkg/checks/exposure"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/checks/oauth"
	"github.com/m2mscan/m2mscan/pkg/checks/ratelimit"
	"github.com/m2mscan/m2mscan/pkg/checks/reach"
	"github.com/m2mscan/m2mscan/pkg/checks/verbose"
	"github.com/m2mscan/m2mscan/pkg/checks/webhook"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// speakingHTTP are the probes that send requests, in the order of All.
func speakingHTTP() []checks.Probe {
	return []checks.Probe{
		reach.Probe(), clientauth.Probe(), access.Probe(), verbose.Probe(),
		exposure.Probe(), oauth.Probe(), ratelimit.Probe(), webhook.Probe(),
	}
}

// site is what servers of a test are reached by, and proven with.
type site struct {
	root, leaf *testserver.Issued
	config     *tls.Config
}

func newSite(t *testing.T) site {
	t.Helper()
	root := testserver.Root(t, "Root")
	leaf := root.Leaf(t, nil)
	return site{root, leaf, &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}, NextProtos: []string{"http/1.1"}}}
}

// place is a server that tells what it was asked: "GET /orders?page=1".
type place struct {
	port     uint16
	requests func() []string
}

// front puts TLS before a server that speaks in the clear.
func (s site) front(t *testing.T, upstream string) place {
	t.Helper()
	f := peers.NewFront(t, s.config, upstream)
	return place{netip.MustParseAddrPort(f.Addr).Port(), f.Requests}
}

// serve starts a server of this process. The front sees what net/http refuses
// by itself, such as a malformed path.
func (s site) serve(t *testing.T, handler http.Handler) place {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return s.front(t, server.Listener.Addr().String())
}

// link is an endpoint of the place.
func (p place) link(t *testing.T, path string, auth inventory.Auth) *inventory.Link {
	t.Helper()
	l := (&testserver.Server{Port: p.port}).Link(t, "https", path)
	l.Auth = auth
	return l
}

func secret(text string) inventory.Secret { return inventory.NewSecret(text, "") }

func bearer(token string) inventory.Auth {
	return inventory.Auth{Type: inventory.AuthBearer, Token: secret(token)}
}

func basic(user, password string) inventory.Auth {
	return inventory.Auth{Type: inventory.AuthBasic, Username: secret(user), Password: secret(password)}
}

// open is a link that anybody may use, as agreed.
var open = inventory.Auth{Type: inventory.AuthNone}

// scan scans a link with every probe that speaks HTTP, without pacing.
func (s site) scan(t *testing.T, level checks.Level, l *inventory.Link) scanned {
	t.Helper()
	return scanWith(t, &checks.Runner{Probes: speakingHTTP(), Level: level, Roots: testserver.Pool(s.root)}, l)
}

// scanWith scans one link, with what the runner leaves open as in all tests.
func scanWith(t *testing.T, runner *checks.Runner, l *inventory.Link) scanned {
	t.Helper()
	return scanAll(t, runner, l)[0]
}

// scanAll scans links, all at once.
func scanAll(t *testing.T, runner *checks.Runner, links ...*inventory.Link) []scanned {
	t.Helper()
	runner.UserAgent = "m2mscan/test"
	runner.Now = func() time.Time { return testserver.Now }
	runner.Resolver = func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}, nil
	}
	limits := &runner.Limits
	limits.Rate, limits.HostRate, limits.RequestRate = 1e6, 1e6, 1e6
	if limits.StepTimeout == 0 { // servers share two cores with all other tests
		limits.StepTimeout = 5 * time.Second
	}
	results, err := runner.Run(t.Context(), links)
	if err != nil {
		t.Fatal(err)
	}
	planned := runner.Plan(links)
	all := make([]scanned, len(links))
	for i, result := range results {
		all[i] = scanned{picture: pictureOf(result.Observations), observations: result.Observations, planned: planned[i]}
		all[i].checkReasons(t)
	}
	return all
}

// scanned is what came of a scan of one link.
type scanned struct {
	picture
	observations []checks.Observation
	planned      checks.Planned
}

// checkReasons looks for facts that are unknown by a defect.
func (s scanned) checkReasons(t *testing.T) {
	t.Helper()
	for _, u := range s.unknown {
		if u.Reason == checks.ReasonBug {
			t.Errorf("%s: unknown by a defect: %+v", s.planned.Link.FullID(), u)
		}
	}
}

// evidence is what was seen, one a line.
func (s scanned) evidence() string {
	var text strings.Builder
	for _, o := range s.observations {
		for _, e := range o.Evidence {
			text.WriteString(o.Probe + ": " + e.Text + "\n")
		}
	}
	return text.String()
}

// finding is what a scan shall find: facts by name, or the reason why one is
// not known.
type finding map[string]any

// check holds a picture against what is wanted.
func (want finding) check(t *testing.T, got picture) {
	t.Helper()
	for _, fact := range slices.Sorted(maps.Keys(want)) {
		var found any = got.unknown[fact].Reason
		if known, ok := got.known[fact]; ok {
			found = known
		}
		if number, ok := want[fact].(int); ok {
			want[fact] = int64(number)
		}
		if diff := cmp.Diff(found, want[fact]); diff != "" {
			t.Errorf("%s (-got +want): %s\n%s", fact, diff, got.unknown[fact].Detail)
		}
	}
}

// readOnly are the methods that a scan may send by default.
var readOnly = []string{http.MethodGet, http.MethodHead, http.MethodOptions}

// checkRequests holds what a server was sent at the default level against the
// plan: every request that was announced, once, and as many more as its answers
// called for, as far as the limit allows.
func checkRequests(t *testing.T, requests []string, planned checks.Planned, more int) {
	t.Helper()
	for _, r := range requests {
		if method, _, _ := strings.Cut(r, " "); !slices.Contains(readOnly, method) {
			t.Errorf("the server was sent %q", r)
		}
	}
	limit := checks.DefaultLimits.Requests
	if want := min(len(planned.Asks)+more, limit); len(requests) != want {
		t.Errorf("%d requests arrived, want %d: the %d planned and %d more\n%s\nplanned:\n%s",
			len(requests), want, len(planned.Asks), more, strings.Join(requests, "\n"), strings.Join(planned.Asks, "\n"))
	}
	if len(requests) > planned.MostRequests || planned.MostRequests > limit {
		t.Errorf("%d requests arrived, and %d were announced at most; the limit is %d", len(requests), planned.MostRequests, limit)
	}
}
