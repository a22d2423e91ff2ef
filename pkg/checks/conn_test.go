package checks

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

func TestConnCaps(t *testing.T) {
	t.Parallel()
	p := serve(t, endless)
	tests := []struct {
		name   string
		limits Limits
		conns  int
		reason Reason
		most   int64
	}{
		{"one connection", Limits{BytesPerConn: 100_000}, 1, ReasonTooLarge, 100_000},
		{"one probe", Limits{BytesPerConn: 100_000, BytesPerProbe: 250_000}, 3, ReasonBudget, 250_000},
	}
	for _, tt := range tests {
		o := visitOne(t, Runner{Limits: tt.limits}, testLink(t, "l", p.url("http")), func(ctx context.Context, v *Visit) (*testFacts, error) {
			var err error
			for range tt.conns {
				c, dialErr := v.Dial(ctx)
				if dialErr != nil {
					return nil, dialErr
				}
				_, err = io.Copy(io.Discard, c)
			}
			return nil, err
		})
		if o.Reason != tt.reason || o.Bytes != tt.most {
			t.Errorf("%s: %s after %d bytes (%s), want %s after %d", tt.name, o.Reason, o.Bytes, o.Detail, tt.reason, tt.most)
		}
	}
}

func TestConnectionsOfAProbeAreClosed(t *testing.T) {
	t.Parallel()
	closed := make(chan struct{})
	p := serve(t, func(c net.Conn) { stall(c); close(closed) })
	var kept net.Conn
	o := visitOne(t, Runner{Limits: patient}, testLink(t, "l", p.url("http")), func(ctx context.Context, v *Visit) (_ *testFacts, err error) {
		kept, err = v.Dial(ctx)
		return &testFacts{}, err
	})
	<-closed
	if _, err := kept.Write([]byte("x")); err == nil || o.Connections != 1 {
		t.Errorf("writing later: %v; %d connections", err, o.Connections)
	}
}

// A step ends when it must, whatever a probe asks for; a shorter deadline of
// the probe's own is kept, and is no sign of trouble.
func TestStepDeadline(t *testing.T) {
	t.Parallel()
	p := serve(t, stall)
	tests := []struct {
		name     string
		deadline func() time.Time
		limit    int // of the host afterwards
	}{
		{"own, shorter", func() time.Time { return time.Now().Add(20 * time.Millisecond) }, 8},
		{"none", func() time.Time { return time.Time{} }, 4},
		{"longer than a step", func() time.Time { return time.Now().Add(time.Hour) }, 4},
	}
	for _, tt := range tests {
		o := visitOne(t, Runner{Limits: quick}, testLink(t, "l", p.url("http")), func(ctx context.Context, v *Visit) (*testFacts, error) {
			c, err := v.Dial(ctx)
			if err != nil {
				return nil, err
			}
			_ = c.SetReadDeadline(tt.deadline())
			_, err = c.Read(make([]byte, 1))
			if got := v.session.gate.limit; got != tt.limit {
				t.Errorf("%s: the host has %d places, want %d", tt.name, got, tt.limit)
			}
			return nil, err
		})
		if o.Reason != ReasonStalled {
			t.Errorf("%s: %s (%s)", tt.name, o.Reason, o.Detail)
		}
	}
}

func TestBudgetsOfALink(t *testing.T) {
	t.Parallel()
	p := serve(t, stall)
	limits := patient
	limits.Connections, limits.Requests = 3, 2
	dial := func(ctx context.Context, v *Visit) (*testFacts, error) {
		for range 2 {
			if _, err := v.Dial(ctx); err != nil {
				return nil, err
			}
			if err := v.Request(ctx); err != nil {
				return nil, err
			}
		}
		return &testFacts{}, nil
	}
	var open openCount
	r := Runner{Level: Observe, Limits: limits, Dialer: open.dial, Probes: []Probe{testProbe("a", dial), testProbe("b", dial)}}
	links := []*inventory.Link{testLink(t, "l", p.url("http"))}
	results, err := r.Run(t.Context(), links)
	if err != nil {
		t.Fatal(err)
	}
	a, b := results[0].Observations[0], results[0].Observations[1]
	if a.Outcome != Observed || a.Connections != 2 || a.Requests != 2 {
		t.Errorf("first probe: %+v", a)
	}
	if b.Reason != ReasonBudget || b.Connections != 1 || b.Requests != 0 || !strings.Contains(b.Detail, "all 2 requests") {
		t.Errorf("second probe: %+v", b)
	}
	if open.total != 3 || open.now != 0 {
		t.Errorf("%d connections made, %d left open", open.total, open.now)
	}
}

// openCount counts the connections that were made, and those open at once.
type openCount struct {
	mu               sync.Mutex
	now, most, total int
}

func (o *openCount) add(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.now += n
	o.total += max(n, 0)
	o.most = max(o.most, o.now)
}

func (o *openCount) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	o.add(1)
	return &openConn{Conn: c, count: o}, nil
}

type openConn struct {
	net.Conn
	count *openCount
}

func (c *openConn) Close() error {
	c.count.add(-1)
	return c.Conn.Close()
}

// However many links share a host, only so many connections are open at once,
// also those that are kept for the next probe; and none of the links starves.
func TestPerHostLimit(t *testing.T) {
	t.Parallel()
	p := tlsPeer(t, &tls.Config{})
	limits := patient
	limits.PerHost, limits.Links = 3, 16
	var failed atomic.Int64
	var open openCount
	shake := func(ctx context.Context, v *Visit) (*testFacts, error) {
		_, err := v.Handshake(ctx)
		if err == nil {
			_, err = v.HandshakeWith(ctx, nil, tls.VersionTLS13, tls.VersionTLS13)
		}
		if err != nil {
			failed.Add(1)
		}
		return &testFacts{}, err
	}
	var links []*inventory.Link
	for range 40 {
		links = append(links, testLink(t, "l", p.url("https")))
	}
	r := Runner{Level: Observe, Limits: limits, Dialer: open.dial, Probes: []Probe{testProbe("a", shake), testProbe("b", shake)}}
	if _, err := r.Run(t.Context(), links); err != nil {
		t.Fatal(err)
	}
	if failed.Load() > 0 {
		t.Errorf("%d visits failed", failed.Load())
	}
	if open.most != 3 || open.now != 0 {
		t.Errorf("%d connections at once, %d left open", open.most, open.now)
	}
	if n := p.accepted.Load(); n != 40*3 {
		t.Errorf("%d connections, want %d", n, 40*3)
	}
}

// Waiting in a queue takes neither the step's nor the link's time.
func TestQueueingTakesNoTime(t *testing.T) {
	t.Parallel()
	p := serve(t, func(c net.Conn) {
		b := make([]byte, 1)
		_, _ = io.ReadFull(c, b)
		_, _ = c.Write(b)
	})
	limits := Limits{
		StepTimeout: 400 * time.Millisecond, LinkTimeout: 450 * time.Millisecond,
		Links: 8, PerHost: 1, HostRate: 10, Rate: 1e6, RequestRate: 1e6,
	}
	var links []*inventory.Link
	for range 12 { // the last waits for more than a second
		links = append(links, testLink(t, "l", p.url("http")))
	}
	r := Runner{Level: Observe, Limits: limits, Probes: []Probe{testProbe("a", func(ctx context.Context, v *Visit) (*testFacts, error) {
		c, err := v.Dial(ctx)
		if err != nil {
			return nil, err
		}
		if _, err := c.Write([]byte("x")); err != nil {
			return nil, err
		}
		_, err = io.ReadFull(c, make([]byte, 1))
		return &testFacts{}, err
	})}}
	results, err := r.Run(t.Context(), links)
	if err != nil {
		t.Fatal(err)
	}
	for i, result := range results {
		if o := result.Observations[0]; o.Outcome != Observed {
			t.Errorf("link %d: %s (%s)", i, o.Reason, o.Detail)
		}
	}
}

// A probe that holds the host's only place and asks for another is told no.
func TestHoldAndWaitEnds(t *testing.T) {
	t.Parallel()
	p := serve(t, stall)
	limits := quick
	limits.PerHost = 1
	o := visitOne(t, Runner{Limits: limits}, testLink(t, "l", p.url("http")), func(ctx context.Context, v *Visit) (*testFacts, error) {
		if _, err := v.Dial(ctx); err != nil {
			return nil, err
		}
		_, err := v.Dial(ctx)
		return nil, err
	})
	if o.Reason != ReasonBudget || !strings.Contains(o.Detail, "no place") {
		t.Errorf("%s (%s)", o.Reason, o.Detail)
	}
}

// Cancelling a scan ends what is under way, at once.
func TestCancelEndsConnections(t *testing.T) {
	t.Parallel()
	reading := make(chan struct{})
	p := serve(t, func(c net.Conn) { close(reading); stall(c) })
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-reading; cancel() }()
	r := Runner{Level: Observe, Probes: []Probe{testProbe("a", func(ctx context.Context, v *Visit) (*testFacts, error) {
		_, err := v.Handshake(ctx)
		return nil, err
	})}}
	start := time.Now()
	results, err := r.Run(ctx, []*inventory.Link{testLink(t, "l", p.url("https"))})
	if took := time.Since(start); err != nil || took > 2*time.Second {
		t.Errorf("took %v: %v", took, err)
	}
	if o := results[0].Observations[0]; o.Reason != ReasonCancelled || o.Outcome != Inconclusive {
		t.Errorf("%s, %s (%s)", o.Outcome, o.Reason, o.Detail)
	}
}

// The link's time is a limit of the scan, not an answer of the peer.
func TestLinkTimeout(t *testing.T) {
	t.Parallel()
	p := serve(t, stall)
	r := Runner{Limits: Limits{LinkTimeout: 100 * time.Millisecond}}
	o := visitOne(t, r, testLink(t, "l", p.url("https")), func(ctx context.Context, v *Visit) (*testFacts, error) {
		_, err := v.Handshake(ctx)
		return nil, err
	})
	if o.Reason != ReasonBudget || o.Detail != "the 100ms for this link are used up" {
		t.Errorf("%s (%s)", o.Reason, o.Detail)
	}
}

// Behind a connection limit that resets, a scan slows down and finds out.
func TestConnectionLimitIsNotTakenForAnAnswer(t *testing.T) {
	t.Parallel()
	config := &tls.Config{Certificates: []tls.Certificate{certify(t, nil)}, MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12}
	var tokens atomic.Int64
	tokens.Store(2)
	refill := time.NewTicker(60 * time.Millisecond)
	defer refill.Stop()
	go func() {
		for range refill.C {
			tokens.Add(1)
		}
	}()
	p := serve(t, func(c net.Conn) {
		if tokens.Add(-1) < 0 {
			tokens.Add(1)
			reset(c)
			return
		}
		s := tls.Server(c, config)
		if s.Handshake() == nil {
			_, _ = io.Copy(s, s)
		}
	})
	shakeWith(t, patient, p.url("https"), func(ctx context.Context, v *Visit, h *Handshake, err error) {
		if err != nil || h.HelloIntolerant {
			t.Fatalf("%+v, %v", h, err)
		}
		for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12} {
			_, err := v.HandshakeWith(ctx, nil, version, version)
			if version == tls.VersionTLS12 {
				if err != nil {
					t.Errorf("TLS 1.2: %v", err)
				}
			} else if _, refused := errors.AsType[tls.AlertError](err); !refused {
				t.Errorf("%s: %v, want its alert", tls.VersionName(version), err)
			}
		}
	})
}
