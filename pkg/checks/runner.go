package checks

import (
	"cmp"
	"context"
	"crypto/x509"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks/lifecycle"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// Limits bounds what a scan may take and give. The zero value of a field
// means its default, which DefaultLimits shows.
type Limits struct {
	LinkTimeout    time.Duration // for one link, all probes together
	StepTimeout    time.Duration // for one connect, handshake or exchange
	Links          int           // links probed at once
	PerHost        int           // connections open at once to one host and port
	Addresses      int           // addresses of one name that are visited
	Rate           float64       // new connections a second, all hosts together
	HostRate       float64       // new connections a second to one host and port
	RequestRate    float64       // application requests a second to one host and port
	Requests       int           // application requests on one link at level observe; 25 more above it
	Burst          int           // requests of bursts on one link, sent without pacing; level active
	Connections    int           // connections on one link
	BytesPerConn   int64         // read from one connection
	BytesPerProbe  int64         // read by one probe
	EvidencePerRun int           // excerpts kept for one probe
}

// DefaultLimits are safe to point at somebody else's production.
//
//nolint:gochecknoglobals // a table
var DefaultLimits = Limits{
	LinkTimeout: time.Minute, StepTimeout: 5 * time.Second,
	Links: 64, PerHost: 8, Addresses: 4, Rate: 200, HostRate: 20, RequestRate: 2,
	Requests: 25, Burst: 60, Connections: 120,
	BytesPerConn: 8 << 20, BytesPerProbe: 8 << 20, EvidencePerRun: 16,
}

// Runner visits links with probes. It owns deadlines, concurrency, pacing and
// the budgets; nothing else in the program opens a connection.
type Runner struct {
	Probes []Probe
	Level  Level
	TLS    TLSProfile // empty means TLSRisk
	// Revocation allows to fetch CRLs and to ask OCSP responders, which are
	// other hosts than the inventory names.
	Revocation bool
	Lifecycle  *lifecycle.Data // of server software; nil means the data embedded in this program
	Limits     Limits
	Resolve    []Resolution   // answers that replace DNS, as curl's --resolve
	Roots      *x509.CertPool // trust anchors; nil means this machine's
	UserAgent  string         // "m2mscan/VERSION (+contact)"
	Now        func() time.Time

	// Progress is called after each link, from one goroutine at a time.
	Progress func(done, total int)
	// Dialer and Resolver replace the network in tests.
	Dialer   func(ctx context.Context, network, address string) (net.Conn, error)
	Resolver func(ctx context.Context, host string) ([]netip.Addr, error)
}

// Resolution replaces DNS for one host and port.
type Resolution struct {
	Host    string
	Port    uint16
	Address netip.Addr
}

// Planned is what a scan would do on one link.
type Planned struct {
	Link   *inventory.Link
	Probes []string // the probes that apply at this level
	// Connections is how many are opened at most, all probes together.
	Connections int
	// Asks names the requests that a link which answers them is sent, each
	// once, in the order of the probes.
	Asks []string
	// MostRequests is how many there may be, with those that an answer calls
	// for, those that are repeated, and bursts.
	MostRequests int
}

// withDefaults fills the fields that are zero.
func (l Limits) withDefaults() Limits {
	d := DefaultLimits
	return Limits{
		LinkTimeout: cmp.Or(l.LinkTimeout, d.LinkTimeout), StepTimeout: cmp.Or(l.StepTimeout, d.StepTimeout),
		Links: cmp.Or(l.Links, d.Links), PerHost: cmp.Or(l.PerHost, d.PerHost), Addresses: cmp.Or(l.Addresses, d.Addresses),
		Rate: cmp.Or(l.Rate, d.Rate), HostRate: cmp.Or(l.HostRate, d.HostRate),
		RequestRate: cmp.Or(l.RequestRate, d.RequestRate),
		Requests:    cmp.Or(l.Requests, d.Requests), Burst: cmp.Or(l.Burst, d.Burst), Connections: cmp.Or(l.Connections, d.Connections),
		BytesPerConn: cmp.Or(l.BytesPerConn, d.BytesPerConn), BytesPerProbe: cmp.Or(l.BytesPerProbe, d.BytesPerProbe),
		EvidencePerRun: cmp.Or(l.EvidencePerRun, d.EvidencePerRun),
	}
}

// limits are the runner's own, with a default for each that is not set. What a
// level allows takes requests.
func (r *Runner) limits() Limits {
	limits := r.Limits.withDefaults()
	if r.Level.Allows(Active) {
		limits.Requests += activeRequests
	}
	return limits
}

// activeRequests is how many requests a link is sent besides at level active and
// above. Bursts have a budget of their own.
const activeRequests = 25

// applicable lists the probes that run on a link at the runner's level.
func (r *Runner) applicable(l *inventory.Link) []Probe {
	var probes []Probe
	for _, p := range r.Probes {
		if r.Level.Allows(p.Level) && (p.Applies == nil || p.Applies(l)) {
			probes = append(probes, p)
		}
	}
	return probes
}

// Plan says what Run would do, without a packet.
func (r *Runner) Plan(links []*inventory.Link) []Planned {
	planned := make([]Planned, len(links))
	for i, l := range links {
		planned[i] = r.plan(l)
	}
	return planned
}

func (r *Runner) plan(l *inventory.Link) Planned {
	limits := r.limits()
	p := Planned{Link: l, Probes: []string{}, Asks: []string{}}
	more, burst := 0, 0
	for _, probe := range r.applicable(l) {
		p.Probes = append(p.Probes, probe.Name)
		if probe.Plan == nil {
			continue
		}
		cost := probe.Plan(r.scope(l))
		p.Connections += cost.Connections
		more += cost.MoreAsks
		burst += cost.Burst
		for _, ask := range cost.Asks {
			if !slices.Contains(p.Asks, ask) {
				p.Asks = append(p.Asks, ask)
			}
		}
	}
	p.Connections = min(p.Connections, limits.Connections)
	p.Asks = p.Asks[:min(len(p.Asks), limits.Requests)]
	p.MostRequests = min(len(p.Asks)+more, limits.Requests) + min(burst, limits.Burst)
	return p
}

// scope is what is known of a visit before it starts. How many addresses a
// name has is not: a plan reckons with all that may be visited.
func (r *Runner) scope(l *inventory.Link) Scope {
	s := Scope{Link: l, Level: r.Level, TLSProfile: cmp.Or(r.TLS, TLSRisk), Addresses: r.limits().Addresses}
	if _, err := netip.ParseAddr(l.Target().Host); err == nil {
		s.Addresses = 1
	}
	return s
}

// Run visits every link and returns one result for each, in the order given,
// whatever order they finished in. When ctx is cancelled it returns at once
// what was gathered; links and probes not finished are inconclusive with
// ReasonCancelled. The error is non-nil only for a defect (a probe panicked),
// beside complete results; it joins one [PanicError] for each.
func (r *Runner) Run(ctx context.Context, links []*inventory.Link) ([]Result, error) {
	s := newScan(ctx, r, len(links))
	order := interleave(links)
	var (
		next    atomic.Int64
		workers sync.WaitGroup
	)
	for range min(s.limits.Links, len(links)) {
		workers.Go(func() {
			for ctx.Err() == nil {
				n := int(next.Add(1)) - 1
				if n >= len(order) {
					return
				}
				s.visit(order[n], links[order[n]])
			}
		})
	}
	workers.Wait()
	return s.finish(links)
}

// interleave orders links such that those of one host stand apart: all first
// links of each host, then all second ones. A host with many links then does
// not hold up the rest, for it is only visited by a few at once.
func interleave(links []*inventory.Link) []int {
	seen := make(map[string]int)
	turn := make([]int, len(links))
	order := make([]int, len(links))
	for i, l := range links {
		host := l.Target().Address()
		turn[i] = seen[host]
		seen[host]++
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(turn[a], turn[b]) })
	return order
}
