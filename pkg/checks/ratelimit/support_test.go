package ratelimit

import (
	"context"
	"crypto/tls"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// api is a server that counts what it is asked.
type api struct {
	*testserver.Server
	roots *testserver.Issued

	mu    sync.Mutex
	asked map[string]int // by method and Authorization
}

// token is the declared credential of the tests.
const token = "tok-4f1d0c9a7e2b"

// serve starts an API over TLS. The number counts the requests with the same
// Authorization, from 1.
func serve(t *testing.T, handle func(w http.ResponseWriter, r *http.Request, number int)) *api {
	t.Helper()
	a := &api{roots: testserver.Root(t, "Root"), asked: make(map[string]int)}
	config := &tls.Config{Certificates: []tls.Certificate{a.roots.Leaf(t, nil).TLS()}, NextProtos: []string{"http/1.1"}}
	a.Server = testserver.HTTP(t, config, func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		key := r.Method + " " + r.Header.Get("Authorization")
		a.asked[key]++
		number := a.asked[key]
		a.mu.Unlock()
		handle(w, r, number)
	})
	return a
}

func (a *api) requests() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := 0
	for _, c := range a.asked {
		n += c
	}
	return n
}

func (a *api) kinds() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Sorted(maps.Keys(a.asked))
}

// link is an endpoint with the agreed rate, and the declared credential.
func (a *api) link(t *testing.T, agreed inventory.Rate) *inventory.Link {
	t.Helper()
	l := a.Link(t, "https", "/v1/charges")
	l.RateLimit = agreed
	l.Auth = inventory.Auth{Type: inventory.AuthBearer, Token: inventory.NewSecret(token, "")}
	return l
}

func per(count int, window time.Duration) inventory.Rate {
	return inventory.Rate{Count: count, Window: window}
}

// visit scans a link at a level, with other probes first.
func visit(t *testing.T, l *inventory.Link, a *api, level checks.Level, list ...checks.Probe) checks.Observation {
	t.Helper()
	return visitAll(t, l, a, level, append(list, Probe())...)[len(list)]
}

func visitAll(t *testing.T, l *inventory.Link, a *api, level checks.Level, list ...checks.Probe) []checks.Observation {
	t.Helper()
	runner := &checks.Runner{
		Probes: list, Level: level, UserAgent: "m2mscan/test",
		Now:    func() time.Time { return testserver.Now },
		Limits: checks.Limits{StepTimeout: time.Second, LinkTimeout: 20 * time.Second, Rate: 1e6, HostRate: 1e6, RequestRate: 1e6},
		Resolver: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}, nil
		},
	}
	if a != nil {
		runner.Roots = testserver.Pool(a.roots)
	}
	results, err := runner.Run(t.Context(), []*inventory.Link{l})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range results[0].Observations {
		for _, u := range o.Unknown {
			if u.Reason == checks.ReasonBug {
				t.Errorf("unknown by a defect: %+v", u)
			}
		}
	}
	return results[0].Observations
}

// factsOf returns the facts of a visit, which must have some.
func factsOf(t *testing.T, o checks.Observation) *Facts {
	t.Helper()
	f, ok := o.Facts.(*Facts)
	if !ok {
		t.Fatalf("no facts: %+v", o)
	}
	return f
}

// before asks requests ahead of the probe, as those of other probes do.
func before(asks ...httpclient.Request) checks.Probe {
	type nothing struct {
		None *bool `json:"none,omitzero" doc:"nothing"`
	}
	return checks.New(checks.Spec{
		Name: "before", Doc: "Asks.", Level: checks.Observe,
		Applies: func(*inventory.Link) bool { return true },
		Plan:    func(checks.Scope) checks.Cost { return checks.Cost{Asks: httpclient.Names(asks...)} },
	}, func(ctx context.Context, v *checks.Visit) (*nothing, error) {
		for _, r := range asks {
			if _, err := httpclient.Talk(v).Ask(ctx, r); err != nil {
				return nil, err
			}
		}
		return &nothing{None: new(true)}, nil
	})
}
